"""The verbs of a store in one lane: called, or awaited in an event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pagecache.core.codec import Entry
from pagecache.core.vector import Marking, Plan, Watched
from pagecache.stores import Store
from pagecache.stores.base import Leased, Saved
from pagecache.stores.local import Held

HOUR = 3600.0


@dataclass(frozen=True)
class Verbs:
    """One set of tests for both lanes."""

    store: Store
    loop: asyncio.Runner | None

    def fetch(self, *keys: str) -> list[bytes | None]:
        if self.loop:
            return self.loop.run(self.store.afetch(keys))
        return self.store.fetch(keys)

    def put(self, items: Mapping[str, bytes], ttl: float | None = HOUR) -> None:
        if self.loop:
            self.loop.run(self.store.aput(items, ttl))
        else:
            self.store.put(items, ttl)

    def announce(
        self,
        star: str,
        versions: Mapping[str, bytes],
        ttl: float = HOUR,
        marking: Marking | None = None,
    ) -> None:
        if self.loop:
            self.loop.run(self.store.aannounce(star, versions, ttl, marking))
        else:
            self.store.announce(star, versions, ttl, marking)

    def save(self, plan: Plan) -> Saved:
        if self.loop:
            return self.loop.run(self.store.asave(plan))
        return self.store.save(plan)

    def lease(self, key: str, token: bytes, beside: str, ttl: float = HOUR) -> Leased:
        if self.loop:
            return self.loop.run(self.store.alease(key, token, ttl, beside))
        return self.store.lease(key, token, ttl, beside)

    def release(self, key: str, token: bytes, mark: bytes = b"") -> None:
        if self.loop:
            self.loop.run(self.store.arelease(key, token, mark, HOUR))
        else:
            self.store.release(key, token, mark, HOUR)

    def delete(self, *keys: str) -> None:
        if self.loop:
            self.loop.run(self.store.adelete(keys))
        else:
            self.store.delete(keys)


Lane = Callable[[Store], Verbs]


def held_of(keys: Sequence[str], versions: Sequence[bytes]) -> Held:
    """Return a page that a process holds, with such a vector."""
    return Held(Entry(b"", (), 200, (), b"page", 0.0), b"".join(versions), tuple(keys))


def version() -> bytes:
    """Return a version that never comes twice."""
    return os.urandom(16)


def watched(
    key: str, start: bytes | None = None, fresh: bytes | None = None, doubt: float = 0.0
) -> Watched:
    """Return a tag of a page: newly met unless it has a start version."""
    return Watched(key, start, fresh or version(), HOUR, doubt)


def plan_of(*tags: Any, star: bytes | None = None, **changes: Any) -> Plan:
    """Return a plan for an entry of the tags."""
    fields: dict[str, Any] = {
        "star": "*",
        "star_start": star,
        "star_fresh": version(),
        "star_ttl": HOUR,
        "tags": tags,
        "key": "entry",
        "head": b"",
        "tail": b"",
        "ttl": HOUR,
    }
    return Plan(**fields | changes)
