"""Versions that never come twice, and the names under which a site keeps what in its store."""

import os
import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from struct import unpack

STAR = "*"  # moves with every announcement
VERSION_SECONDS = 30 * 86400.0  # losing a version can only cause misses
FORMAT = "3"


def fresh(*, soft: bool = False) -> bytes:
    """Return a version that never comes twice: the time in nanoseconds and bits of the operating system.

    The last one says whether it is worth a look how the data moved.
    """
    return _made(time.time_ns(), int.from_bytes(os.urandom(8), "big"), soft=soft)


def several(count: int) -> list[bytes]:
    """Return so many versions that never come twice, of one moment; not soft ones."""
    now = time.time_ns()
    return [_made(now, bits) for bits in unpack(f">{count}Q", os.urandom(8 * count))]


def _made(now: int, bits: int, *, soft: bool = False) -> bytes:
    return (now << 64 | bits & ~1 | soft).to_bytes(16, "big")


def is_soft(version: bytes) -> bool:
    """Whether the data may have moved softly to a version."""
    return bool(version[-1] & 1)


def born(version: bytes) -> float:
    """Return when a version was made, in seconds since the epoch."""
    return int.from_bytes(version[:8], "big") / 1e9


class Names:
    """The keys of one site in its store: nothing of a request or a tag reaches a store unhashed.

    The hashes are keyed by the site's prefix: who does not know it cannot make sure of a guess. Version keys carry the
    prefix only; entries and recipes also the release and the format revision.
    `canonical` gives the name that all processes and releases have for a tag. `of_versions` is how the keys of all
    versions begin, and no others.
    """

    __slots__ = ("_canonical", "_entries", "_key", "entry", "of_versions", "version", "versions")

    def __init__(
        self, prefix: str, release: str, canonical: Callable[[str], str] = lambda name: name
    ) -> None:
        self._canonical = canonical
        self._key = blake2b(prefix.encode("utf-8", "surrogatepass")).digest()
        self.of_versions = f"pagecache:{_short(prefix)}:v:"
        self._entries = f"pagecache:{_short(prefix)}:{_short(release + ':' + FORMAT)}:"
        self.entry = lru_cache(4096)(self._entry)
        self.version = lru_cache(10_000)(self._version)
        self.versions = lru_cache(4096)(self._versions_of)

    def _version(self, name: str) -> str:
        """Return the key of the version of a tag."""
        return self.of_versions + _digest(self._canonical(name), self._key)

    def _versions_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keys of the versions of tags."""
        return tuple(map(self.version, names))

    def softly(self, name: str) -> str:
        """Return the key of what says from which version to which the data of a tag moved softly."""
        return self.version(name).replace(":v:", ":s:", 1)

    def _entry(self, digest: str) -> str:
        """Return the key of an entry, from the digest of its key material."""
        return f"{self._entries}e:{_digest(digest, self._key)}"

    def recipe(self, path: str) -> str:
        """Return the key of the recipe of a path."""
        return f"{self._entries}r:{_digest(path, self._key)}"


def _short(text: str) -> str:
    return _digest(text)[:12]


def _digest(text: str, key: bytes = b"") -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()
