"""Keys: a digest over length-prefixed, typed fields, so that no two lists of fields meet in one key."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

Field = str | None | Sequence[str]


def material(fields: Iterable[Field]) -> bytes:
    """Return the fields as one unambiguous run of bytes; absent (None), "" and () stay apart."""
    return b"".join(map(_encode, fields))


def digest(data: bytes) -> str:
    """Return the name that the data has in a store: 32 hexadecimal digits."""
    return blake2b(data, digest_size=16).hexdigest()


def _encode(value: Field) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return b"%d:%b" % (len(raw), raw)
    return b"[%d:" % len(value) + b"".join(map(_encode, value))
