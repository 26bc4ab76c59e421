"""Content codings: which a client takes, which pages gain by one, and the one that needs no package (RFC 9110 8.4)."""

import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from pagecache.core.conditions import entity_tags
from pagecache.core.headers import TOKEN, cache_control
from pagecache.core.targeted import TARGETS

NAMES = ("", "gzip", "br", "zstd")  # by their number in the store: new ones stand behind
IDENTITY, ANY = "identity", "*"
ALIASES = {"x-gzip": "gzip"}  # RFC 9110 8.4.1.3
LONGEST = 200  # characters of a field that is remembered
WEIGHT = re.compile(r"[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)

LEAST = 200  # bytes; a smaller page fits into one packet either way
DENSE = re.compile(
    r"(?:audio|image|video)/(?!svg|bmp|vnd\.microsoft\.icon|x-icon)"
    r"|font/woff|application/(?:font-woff|gzip|java-archive|pdf|x-gzip|zip|zstd|vnd\.rar|x-(?:7z|bzip|rar|xz))"
    r"|application/[^;]*(?:\+zip|openxmlformats|opendocument)",
    re.IGNORECASE,
)
# What states the sum of a body would state a wrong one.
SUMS = frozenset({"content-digest", "content-md5", "digest", "repr-digest"})
GZIP_LEVEL = 6
GZIP_FORM = 31  # of zlib: the largest window, the frame of gzip, which has no name and no time


class Coding(NamedTuple):
    """A content coding: the same bytes are always compressed to the same.

    `expand` gives None for what is damaged, or would be more bytes than told.
    """

    name: str
    compress: Callable[[bytes], bytes]
    expand: Callable[[bytes, int], bytes | None]


def takes(field: str | None, coding: str) -> bool:
    """Whether a client with this Accept-Encoding field (None: without one) likes a page in a coding as well as plain.

    RFC 9110 12.5.3; the wildcard stands for the plain page too. A weight of an odd form is none.
    """
    if field is None:
        return False
    weights = _remembered(field) if len(field) <= LONGEST else _weights(field)
    others = weights.get(ANY, 0.0)
    own = weights.get(coding, others)
    return own > 0 and own >= weights.get(IDENTITY, others)


def _weights(field: str) -> Mapping[str, float]:
    """Return the weight of each coding that a field names; the least of several."""
    found: dict[str, float] = {}
    for member in field.split(","):
        name, has_weight, weight = member.strip(" \t").lower().partition(";")
        name = ALIASES.get(name.rstrip(" \t"), name.rstrip(" \t"))
        match = WEIGHT.fullmatch(weight)
        if TOKEN.fullmatch(name):
            stated = float(match[1]) if match else 0.0
            found[name] = min(found.get(name, 1.0), stated if has_weight else 1.0)
    return found


_remembered = lru_cache(512)(_weights)


def gains(headers: Mapping[str, str], size: int) -> bool:
    """Whether a page with these headers (names in lower case) and so many bytes may be compressed, and is worth it.

    One that is in a coding already is left as it is, and so is one that says `no-transform` (RFC 9110 7.7).
    """
    if size < LEAST or "content-encoding" in headers or not SUMS.isdisjoint(headers):
        return False
    stated = (cache_control(headers.get(name, "")) for name in ("cache-control", *TARGETS))
    is_as_is = any("no-transform" in directives for directives in stated)
    return not is_as_is and DENSE.match(headers.get("content-type", "").strip()) is None


def etag_in(etag: str, coding: str) -> str:
    """Return the entity tag of a page in a coding: another body, so another tag (RFC 9110 8.8.3.3)."""
    return f'{etag[:-1]}-{coding}"' if etag.endswith('"') else etag


def also_plain(tags: str, coding: str) -> str:
    """Return a list of entity tags with those of the plain page behind those of a page in a coding."""
    end = f'-{coding}"'
    named = [f'{tag.removesuffix(end)}"' for tag in entity_tags(tags) if tag.endswith(end)]
    return ", ".join((tags, *named))


def _gunzip(data: bytes, most: int) -> bytes | None:
    opened = zlib.decompressobj(GZIP_FORM)
    try:
        body = opened.decompress(data, most + 1)
    except zlib.error:
        return None
    return body if opened.eof and len(body) <= most else None


GZIP = Coding("gzip", lambda body: zlib.compress(body, GZIP_LEVEL, GZIP_FORM), _gunzip)
