"""Entries as bytes: a revision, the versions of the vector, a checksum, a compact header, the body as it is.

Nothing is ever unpickled. Whatever is damaged, truncated, or of an unknown revision is no entry (None).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812 the module has no better name for it
from zlib import crc32

from pagecache.core.vector import VERSION_BYTES

REVISION = 1
HEAD = Struct(">BH")  # revision, number of tags
SUM = Struct(">I")  # CRC-32 of all that follows
FIXED = Struct(">dddHIII")  # created, expires, age, status; lengths of material, tags, headers
FOREVER = float("inf")
TEXT = "utf-8", "surrogateescape"


@dataclass(frozen=True, slots=True)
class Entry:
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
        rest = memoryview(data)[start + SUM.size :]
        if crc32(rest) != checksum:
            return None
        return _entry(rest, count), data[HEAD.size : start]
    except (StructError, ValueError):
        return None


def _entry(rest: memoryview, count: int) -> Entry:
    created, expires, age, status, *lengths = FIXED.unpack_from(rest)
    material, tags, headers = (
        FIXED.size,
        FIXED.size + lengths[0],
        FIXED.size + lengths[0] + lengths[1],
    )
    body = headers + lengths[2]
    names = _unpack(rest[tags:headers])
    parts = _unpack(rest[headers:body])
    if body > len(rest) or len(names) != count:
        raise ValueError
    return Entry(
        material=bytes(rest[material:tags]),
        tags=names,
        status=status,
        headers=tuple(zip(parts[::2], parts[1::2], strict=True)),
        body=bytes(rest[body:]),
        created=created,
        expires=expires,
        age=age,
    )


def _pack(texts: Sequence[str]) -> bytes:
    """Join texts, none of which may hold a line feed: header values and tags cannot."""
    return "\n".join(texts).encode(*TEXT)


def _unpack(data: memoryview) -> tuple[str, ...]:
    return tuple(str(data, *TEXT).split("\n")) if data else ()


def encode_names(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return a recipe, the names of request inputs, as bytes."""
    return HEAD.pack(REVISION, len(pairs)) + _pack([part for pair in pairs for part in pair])


def decode_names(data: bytes) -> tuple[tuple[str, str], ...] | None:
    """Return the names of a recipe; None for what is not an intact recipe."""
    try:
        revision, count = HEAD.unpack_from(data)
        parts = _unpack(memoryview(data)[HEAD.size :])
        pairs = tuple(zip(parts[::2], parts[1::2], strict=True))
    except (StructError, ValueError):
        return None
    return pairs if revision == REVISION and len(pairs) == count else None
