"""Vectors: the tags of an entry with the versions that they had when it was made.

The protocol that makes an entry safe to store is described in `docs/protocol.md`: start versions are read before
the view runs, end versions after it, and the name `*`, written first by every announcement, is read last.

With two-phase invalidation a version may be *unsettled*: marks follow it, each the id of a transaction and the second
until which it counts. It is longer than a version, and so equals none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

VERSION_BYTES = 16
ID_BYTES = 8  # of a transaction
MARK_BYTES = ID_BYTES + 4  # of the second, by the store's clock, until which the mark counts


@dataclass(frozen=True, slots=True)
class Marking:
    """What an announcement does to the marks of transactions; all others stay, as long as they count.

    `by` is the id of the one that is about to write (empty: none), `ended` holds the ids of those that ended. A mark
    counts for `seconds`. A version that is absent may have borne marks, and gets one of nobody's in their place; not
    the `certain` keys: no transaction writes what these stand for. `soft` names, for keys whose data moves softly,
    where to write down from which version to which: an entry of the first may be served while it is made anew.
    """

    seconds: float
    by: bytes = b""
    ended: frozenset[bytes] = frozenset()
    certain: frozenset[str] = frozenset()
    soft: Mapping[str, str] = field(default_factory=dict)


class Watched(NamedTuple):
    """One tag of a page being stored.

    `key` is the store key of its version, `start` the version read before the view ran (None: newly met during
    the render), `fresh` the version to create if the store has none, `ttl` the seconds that one lives, `doubt` those
    for which it counts as unsettled, since the one that is missing may have been.
    """

    key: str
    start: bytes | None
    fresh: bytes
    ttl: float
    doubt: float = 0.0


class Plan(NamedTuple):
    """What to check and save: the entry is `head`, the versions of the tags in their order, then `tail`.

    `star` is the store key of the reserved name `*`, `star_start` its version before the view ran, `star_fresh` its
    next one, which lives for `star_ttl`: marks that count no longer are taken off as if their transactions had
    announced. `ttl` is in seconds, None for no limit. `beside` is saved with it (a recipe), also if the entry is not.
    `lease` is given up with it (its key and the token of who holds it), also if the entry is not saved.
    Without a `key` only the check is made, and the caller keeps the entry elsewhere.
    """

    star: str
    star_start: bytes | None
    star_fresh: bytes
    star_ttl: float
    tags: tuple[Watched, ...]
    key: str | None
    head: bytes
    tail: bytes
    ttl: float | None
    beside: tuple[str, bytes, float] | None = None
    lease: tuple[str, bytes] | None = None


def versions_in(vector: bytes) -> tuple[bytes, ...]:
    """Return the versions that a vector is made of; raises struct.error for what is none."""
    return _split(len(vector) // VERSION_BYTES).unpack(vector)


@lru_cache(1000)
def _split(count: int) -> Struct:
    return Struct(f"{VERSION_BYTES}s" * count)


def is_version(value: bytes | None) -> bool:
    """Whether the value can be a version: anything else counts as absent."""
    return value is not None and len(value) == VERSION_BYTES


def is_unsettled(value: bytes | None) -> bool:
    """Whether the value is a version with marks."""
    return value is not None and len(value) > VERSION_BYTES


def same(before: bytes | None, after: bytes | None) -> bool:
    """Whether a version was there and did not move; absent never equals absent."""
    return is_version(before) and before == after


def held_still(plan: Plan, ends: Sequence[bytes], star_end: bytes | None) -> bool:
    """Whether no data of the page moved while it was made.

    A tag with a start version must still have it. For a tag that was newly met, `*` must not have moved.
    """
    star_still = same(plan.star_start, star_end)
    return all(
        same(tag.start, end) if tag.start is not None else star_still and is_version(end)
        for tag, end in zip(plan.tags, ends, strict=True)
    )
