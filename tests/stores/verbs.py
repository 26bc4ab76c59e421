"""The verbs of a store in one lane: called, or awaited in an event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pagecache.core.vector import Plan, Watched
from pagecache.stores import Store

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

    def announce(self, star: str, versions: Mapping[str, bytes], ttl: float = HOUR) -> None:
        if self.loop:
            self.loop.run(self.store.aannounce(star, versions, ttl))
        else:
            self.store.announce(star, versions, ttl)

    def save(self, plan: Plan) -> tuple[bytes, ...] | None:
        if self.loop:
            return self.loop.run(self.store.asave(plan))
        return self.store.save(plan)

    def delete(self, *keys: str) -> None:
        if self.loop:
            self.loop.run(self.store.adelete(keys))
        else:
            self.store.delete(keys)


Lane = Callable[[Store], Verbs]


def version() -> bytes:
    """Return a version that never comes twice."""
    return os.urandom(16)


def watched(key: str, start: bytes | None = None, fresh: bytes | None = None) -> Watched:
    """Return a tag of a page: newly met unless it has a start version."""
    return Watched(key, start, fresh or version(), HOUR)


def plan_of(*tags: Any, star: bytes | None = None, **changes: Any) -> Plan:
    """Return a plan for an entry of the tags."""
    fields: dict[str, Any] = {
        "star": "*",
        "star_start": star,
        "tags": tags,
        "key": "entry",
        "head": b"",
        "tail": b"",
        "ttl": HOUR,
    }
    return Plan(**fields | changes)
