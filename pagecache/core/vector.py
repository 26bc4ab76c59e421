"""Vectors: the tags of an entry with the versions that they had when it was made.

The protocol that makes an entry safe to store is described in `docs/protocol.md`: start versions are read before
the view runs, end versions after it, and the name `*`, written first by every announcement, is read last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

VERSION_BYTES = 16


@dataclass(frozen=True, slots=True)
class Watched:
    """One tag of a page being stored.

    `key` is the store key of its version, `start` the version read before the view ran (None: newly met during
    the render), `fresh` the version to create if the store has none, `ttl` the seconds that one lives.
    """

    key: str
    start: bytes | None
    fresh: bytes
    ttl: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to check and save: the entry is `head`, the versions of the tags in their order, then `tail`.

    `star` is the store key of the reserved name `*`, `star_start` its version before the view ran; `ttl` is in
    seconds, None for no limit. `beside` is saved with it (a recipe), also if the
    entry is not. Without a `key` only the check is made, and the caller keeps the entry elsewhere.
    """

    star: str
    star_start: bytes | None
    tags: tuple[Watched, ...]
    key: str | None
    head: bytes
    tail: bytes
    ttl: float | None
    beside: tuple[str, bytes, float] | None = None


def is_version(value: bytes | None) -> bool:
    """Whether the value can be a version: anything else counts as absent."""
    return value is not None and len(value) == VERSION_BYTES


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
