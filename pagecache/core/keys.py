"""Keys: a digest over length-prefixed, typed fields, so that no two lists of fields meet in one key."""

from functools import lru_cache
from hashlib import blake2b

from pagecache.core.types import remember

Field = str | None | tuple[str, ...]
MOST = 1000  # requests whose key is remembered: a page that is asked for again is asked for by the same fields
SHORT = 2000  # bytes of what is remembered: anybody can make up more


def material(fields: tuple[Field, ...]) -> bytes:
    """Return the fields as one unambiguous run of bytes; absent (None), "" and () stay apart."""
    known = _recent.get(fields)
    if known is not None:
        return known
    made = b"".join(map(_encode, fields))
    return remember(_recent, fields, made, MOST) if len(made) <= SHORT else made


def digest(data: bytes) -> str:
    """Return the name that the data has in a store: 32 hexadecimal digits."""
    return _recent_digest(data) if len(data) <= SHORT else _digest(data)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _encode(value: Field) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return b"%d:%b" % (len(raw), raw)
    return b"[%d:" % len(value) + b"".join(map(_encode, value))


_recent: dict[tuple[Field, ...], bytes] = {}
_recent_digest = lru_cache(MOST)(_digest)
