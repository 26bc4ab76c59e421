"""Entries as bytes: a revision, the versions of the vector, a checksum, a compact header, the body as it is.

Nothing is ever unpickled. Whatever is damaged, truncated, or of an unknown revision is no entry (None).
"""

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 the module has no better name for it
from typing import NamedTuple
from zlib import crc32

from pagecache.core.vector import VERSION_BYTES

REVISION = 1
HEAD = Struct(">BH")  # revision, number of tags
SUM = Struct(">I")  # CRC-32 of all that follows
FIXED = Struct(">dddHIII")  # created, expires, age, status; lengths of material, tags, headers
FOREVER = float("inf")
TEXT = "utf-8", "surrogateescape"


class Entry(NamedTuple):
    """A stored response with its metadata.

    `created` and `expires` are seconds since the epoch (`expires` is infinite where there is no limit), `age` the
    seconds it came with. `material` is the full key material, `tags` the names of its vector.
    """

    material: bytes
    tags: tuple[str, ...]
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    created: float
    expires: float = FOREVER
    age: float = 0.0


def encode(entry: Entry) -> tuple[bytes, bytes]:
    """Return what stands before and what stands behind the versions of the vector."""
    tags = _pack(entry.tags)
    headers = _pack([part for pair in entry.headers for part in pair])
    fixed = FIXED.pack(
        entry.created,
        entry.expires,
        entry.age,
        entry.status,
        len(entry.material),
        len(tags),
        len(headers),
    )
    rest = b"".join((fixed, entry.material, tags, headers, entry.body))
    return HEAD.pack(REVISION, len(entry.tags)), SUM.pack(crc32(rest)) + rest


def decode(data: bytes) -> tuple[Entry, bytes] | None:
    """Return the entry and the versions of its vector, run together; None for what is not an intact entry."""
    try:
        revision, count = HEAD.unpack_from(data)
        if revision != REVISION:
            return None
        start = HEAD.size + count * VERSION_BYTES
        (checksum,) = SUM.unpack_from(data, start)
        about = start + SUM.size
        created, expires, age, status, *lengths = FIXED.unpack_from(data, about)
        at = about + FIXED.size + sum(lengths)
        if at > len(data) or crc32(memoryview(data)[about:]) != checksum:
            return None
        material, tags, headers = _parts(data[about + FIXED.size : at], *lengths)
    except (StructError, ValueError):
        return None
    if len(tags) != count:
        return None
    entry = Entry(material, tags, status, headers, data[at:], created, expires, age)
    return entry, data[HEAD.size : start]


@lru_cache(1000)
def _parts(
    data: bytes, material: int, tags: int, _headers: int
) -> tuple[bytes, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return material, tags and headers; remembered, for a page that is asked for again says them again."""
    names = _unpack(data[material : material + tags])
    parts = _unpack(data[material + tags :])
    return data[:material], names, tuple(zip(parts[::2], parts[1::2], strict=True))


def _pack(texts: Sequence[str]) -> bytes:
    """Join texts, none of which may hold a line feed: header values and tags cannot."""
    return "\n".join(texts).encode(*TEXT)


def _unpack(data: bytes) -> tuple[str, ...]:
    return tuple(str(data, *TEXT).split("\n")) if data else ()


def encode_names(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return a recipe, the names of request inputs, as bytes."""
    return HEAD.pack(REVISION, len(pairs)) + _pack([part for pair in pairs for part in pair])


def decode_names(data: bytes) -> tuple[tuple[str, str], ...] | None:
    """Return the names of a recipe; None for what is not an intact recipe."""
    try:
        revision, count = HEAD.unpack_from(data)
        parts = _unpack(data[HEAD.size :])
        pairs = tuple(zip(parts[::2], parts[1::2], strict=True))
    except (StructError, ValueError):
        return None
    return pairs if revision == REVISION and len(pairs) == count else None
