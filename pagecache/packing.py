"""Content codings that come as packages: Brotli (RFC 7932, extra `brotli`) and Zstandard (RFC 9659, extra `zstd`)."""

import sys
from collections.abc import Callable
from importlib import import_module

from pagecache.core.codings import GZIP, Coding

BROTLI_QUALITY = 5  # of 11: beyond, each page takes many times as long for a few percent
ZSTD_LEVEL = 9  # of 22: its window is within the 8 MB that browsers have (RFC 9659)
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def _brotli() -> Coding:
    module = import_module("brotli")

    def compress(body: bytes) -> bytes:
        return bytes(module.compress(body, quality=BROTLI_QUALITY))

    def expand(data: bytes, most: int) -> bytes | None:
        opened = module.Decompressor()
        try:
            body: bytes = opened.process(data, output_buffer_limit=most + 1)
        except module.error:
            return None
        return body if opened.is_finished() and len(body) <= most else None

    return Coding("br", compress, expand)


def _zstd() -> Coding:
    module = import_module(ZSTD)

    def compress(body: bytes) -> bytes:
        return bytes(module.compress(body, ZSTD_LEVEL))

    def expand(data: bytes, most: int) -> bytes | None:
        opened = module.ZstdDecompressor()
        try:
            body: bytes = opened.decompress(data, most + 1)
        except module.ZstdError:
            return None
        return body if opened.eof and len(body) <= most else None

    return Coding("zstd", compress, expand)


MADE: dict[str, Callable[[], Coding]] = {"br": _brotli, "gzip": lambda: GZIP, "zstd": _zstd}
EXTRAS = {"br": "brotli", "zstd": "zstd"}


def coding(name: str) -> Coding:
    """Return the coding of a name; raises ImportError without its package."""
    return MADE[name]()
