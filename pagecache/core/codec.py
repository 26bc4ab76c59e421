"""Entries as bytes: a revision, the versions of the vector, a checksum, a compact header, the body as it is.

With a sealer, a seal takes the place of the checksum, and all but the versions, which are compared and written where
the data is, stands behind it. Nothing is ever unpickled. Whatever is damaged, truncated, of an unknown revision, or
not sealed where it should be or the reverse, is no entry (None).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from struct import Struct
from struct import error as StructError  # noqa: N812 the module has no better name for it
from typing import Any, NamedTuple, Protocol
from zlib import crc32

from pagecache.core.codings import NAMES
from pagecache.core.holes import Hole
from pagecache.core.vector import VERSION_BYTES

OK = 200
REVISION = 9
SEALED = 0x80 | REVISION
HEAD = Struct(">BH")  # revision, number of tags
SUM = Struct(">I")  # CRC-32 of all that follows
# The length of all that stands before the body; created, expires, age, grace, overlap, took, lasts, status, coding;
# lengths of material, tags and headers. Holes are what is left before the body.
FIXED = Struct(">Idddddd?HBIII")
LENGTH = Struct(">I")
FOREVER = float("inf")
SHORT = 4000  # bytes of what is remembered of an entry: anybody can make up longer addresses
TEXT = "utf-8", "surrogateescape"
# Header fields that most pages have, by their number in the store: a change here is another revision.
COMMON = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "max-age=0, must-revalidate"),
    ("No-Vary-Search", "key-order, params"),
    ("Accept-Ranges", "bytes"),
    ("Vary", "Accept-Language"),
    ("Vary", "Cookie"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Content-Type", "application/json"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
)
SAME = "\t"  # stands for the beginning of the tag before
NUMBERED = {field: ("", str(number)) for number, field in enumerate(COMMON)}  # no name is empty


class Headers(tuple[tuple[str, str], ...]):  # noqa: SLOT001 it keeps what was found
    """Header fields in their order; what they are by name is worked out once."""

    @cached_property
    def by_name(self) -> dict[str, tuple[str, str]]:
        """The fields by their names in lower case; not to be changed."""
        return {name.lower(): (name, value) for name, value in self}


class Entry(NamedTuple):
    """A stored response with its metadata.

    `created` and `expires` are seconds since the epoch (`expires` is infinite where there is no limit), `age` the
    seconds it came with, `grace` those for which it may still stand in for an error, `overlap` those for which it may
    still be served while it is made anew, `took` those that the view took, and `lasts` whether the view may say, after
    the end, that it is as it was. `material` is the full key material, `tags` the names of its vector, `holes` the
    places in the body that are filled for each visitor. `coding` is the content coding that the body is in, "" for
    none; the headers are those of the body as it was made.
    """

    material: bytes
    tags: tuple[str, ...]
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    created: float
    expires: float = FOREVER
    age: float = 0.0
    holes: tuple[Hole, ...] = ()
    grace: float = 0.0
    overlap: float = 0.0
    took: float = 0.0
    coding: str = ""
    lasts: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its body is sent to everybody as it is."""
        return self.status == OK and not (self.holes or self.coding)

    @property
    def is_never_fresh(self) -> bool:
        """Whether it ended as it was made: it is kept for its view to be asked each time."""
        return self.expires <= self.created


class Sealer(Protocol):
    """Seals bytes: who lacks the key can neither read them nor make such that open."""

    def seal(self, data: bytes, bound: bytes) -> bytes:
        """Return the data sealed; `bound` says where it belongs, and is not in it."""

    def open(self, sealed: bytes, bound: bytes) -> bytes | None:
        """Return the data; None for what was not sealed, or not with this `bound`."""


def encode(entry: Entry, name: str = "", sealer: Sealer | None = None) -> tuple[bytes, bytes]:
    """Return what stands before and what stands behind the versions of the vector.

    `name` is the key that the entry is stored under: sealed, it is one under no other.
    """
    tags = _pack(_shortened(entry.tags))
    headers = _pack(chain.from_iterable(map(NUMBERED.get, entry.headers, entry.headers)))
    holes = _pack(map(str, chain.from_iterable(entry.holes)))
    texts = b"".join((entry.material, tags, headers, holes))
    fixed = FIXED.pack(
        FIXED.size + len(texts),
        entry.created,
        entry.expires,
        entry.age,
        entry.grace,
        entry.overlap,
        entry.took,
        entry.lasts,
        entry.status,
        NAMES.index(entry.coding),
        len(entry.material),
        len(tags),
        len(headers),
    )
    return _closed(len(entry.tags), b"".join((fixed, texts, entry.body)), name, sealer)


def decode(data: bytes, name: str = "", sealer: Sealer | None = None) -> tuple[Entry, bytes] | None:
    """Return the entry and the versions of its vector, run together; None for what is not an intact entry."""
    try:
        _, count = HEAD.unpack_from(data)
        start = HEAD.size + count * VERSION_BYTES
        rest, about = _opened(data, start, name, sealer)
        at = about + LENGTH.unpack_from(rest, about)[0]
        if at > len(rest):
            return None
        said = rest[about:at]
        before, after = _recent_parts(said) if len(said) <= SHORT else _parts(said)
    except (IndexError, StructError, ValueError):
        return None
    # `before` and `after` are the fields of an entry in their order, but for the body between them.
    entry = Entry._make((*before, rest[at:], *after))
    return (entry, data[HEAD.size : start]) if len(entry.tags) == count else None


def _closed(count: int, rest: bytes, name: str, sealer: Sealer | None) -> tuple[bytes, bytes]:
    """Return a head, and the rest behind its checksum or sealed for its name."""
    if sealer is None:
        return HEAD.pack(REVISION, count), SUM.pack(crc32(rest)) + rest
    head = HEAD.pack(SEALED, count)
    return head, sealer.seal(rest, head + name.encode())


def _opened(data: bytes, start: int, name: str, sealer: Sealer | None) -> tuple[bytes, int]:
    """Return bytes that hold the rest, and where in them it starts; raises ValueError for what is not intact."""
    if sealer is None and data[0] == REVISION:
        about = start + SUM.size
        if SUM.unpack_from(data, start) == (crc32(memoryview(data)[about:]),):
            return data, about
    if sealer is not None and data[0] == SEALED:
        rest = sealer.open(data[start:], data[: HEAD.size] + name.encode())
        if rest is not None:
            return rest, 0
    raise ValueError("It is damaged, not ours, or of another revision.")


def _parts(data: bytes) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the fields of an entry before its body, and those behind; raises ValueError or an error of its parts."""
    _, created, expires, age, grace, overlap, took, lasts, status, number, *lengths = (
        FIXED.unpack_from(data)
    )
    starts = tuple(accumulate(lengths, initial=FIXED.size))
    if starts[-1] > len(data):
        raise ValueError("It is shorter than it says.")
    material, *texts = (data[a:b] for a, b in pairwise((*starts, len(data))))
    tags, said, places = map(_unpack, texts)
    headers = Headers(field if field[0] else COMMON[int(field[1])] for field in _pairs(said))
    holes = tuple(Hole(int(at), name) for at, name in _pairs(places))
    before = material, tuple(_whole(tags)), status, headers
    return before, (created, expires, age, holes, grace, overlap, took, NAMES[number], lasts)


def _shortened(tags: Sequence[str]) -> Iterator[str]:
    """Yield tags, those of one table without its name but for the first; none begins with a tab by itself."""
    last = ""
    for tag in tags:
        begin, colon, rest = tag.partition(":")
        yield SAME + rest if colon and begin == last else tag
        last = begin


def _whole(tags: Sequence[str]) -> Iterator[str]:
    """Yield the tags that were shortened."""
    last = ""
    for short in tags:
        tag = f"{last}:{short[1:]}" if short.startswith(SAME) else short
        yield tag
        last = tag.partition(":")[0]


_recent_parts = lru_cache(4096)(_parts)  # for a page that is asked for again says them again


def _pairs(parts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(parts[::2], parts[1::2], strict=True))


def _pack(texts: Iterable[str]) -> bytes:
    """Join texts, none of which may hold a line feed: header values and tags cannot."""
    return "\n".join(texts).encode(*TEXT)


def _unpack(data: bytes) -> tuple[str, ...]:
    return tuple(str(data, *TEXT).split("\n")) if data else ()


def encode_names(
    pairs: Sequence[tuple[str, str]], name: str = "", sealer: Sealer | None = None
) -> bytes:
    """Return a recipe, the names of request inputs, as bytes; `name` is the key that it is stored under."""
    names = _pack(chain.from_iterable(pairs))
    return b"".join(_closed(len(pairs), names, name, sealer))


def decode_names(
    data: bytes, name: str = "", sealer: Sealer | None = None
) -> tuple[tuple[str, str], ...] | None:
    """Return the names of a recipe; None for what is not an intact recipe."""
    try:
        _, count = HEAD.unpack_from(data)
        rest, about = _opened(data, HEAD.size, name, sealer)
        pairs = _pairs(_unpack(rest[about:]))
    except (StructError, ValueError):
        return None
    return pairs if len(pairs) == count else None
