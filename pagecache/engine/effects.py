"""What a flow asks for: each effect can be carried out on a thread (`run`) and on an event loop (`arun`)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pagecache.core.vector import Plan
from pagecache.invalidation import announcer, site_store


@dataclass(slots=True)
class Fetch:
    """Ask a store (None: the site's) for the values of keys; gives a list, None for what is absent."""

    keys: Sequence[str]
    alias: str | None = None

    def run(self, _render: Any) -> list[bytes | None]:
        return site_store(self.alias).fetch(self.keys)

    async def arun(self, _render: Any) -> list[bytes | None]:
        return await site_store(self.alias).afetch(self.keys)


@dataclass(slots=True)
class Put:
    """Keep values in a store (None: the site's); `ttl` in seconds, None for no limit."""

    items: Mapping[str, bytes]
    ttl: float | None
    alias: str | None = None

    def run(self, _render: Any) -> None:
        site_store(self.alias).put(self.items, self.ttl)

    async def arun(self, _render: Any) -> None:
        await site_store(self.alias).aput(self.items, self.ttl)


@dataclass(slots=True)
class Save:
    """Check that no data moved and save the entry; gives the versions it was saved with, or None."""

    plan: Plan

    def run(self, _render: Any) -> tuple[bytes, ...] | None:
        return site_store().save(self.plan)

    async def arun(self, _render: Any) -> tuple[bytes, ...] | None:
        return await site_store().asave(self.plan)


@dataclass(slots=True)
class Announce:
    """Give tags fresh versions, and pay what is owed."""

    tags: Sequence[str] = ()

    def run(self, _render: Any) -> None:
        announcer.announce(self.tags)

    async def arun(self, _render: Any) -> None:
        await announcer.aannounce(self.tags)


class Classified(Protocol):
    """Whoever knows how to find out a visitor's class."""

    def classify(self) -> None:
        """Find it out; raises Refused."""

    async def aclassify(self) -> None:
        """Do the same on the event loop."""


@dataclass(slots=True)
class Classify:
    """Let the site's function name the visitor's class."""

    visit: Classified

    def run(self, _render: Any) -> None:
        self.visit.classify()

    async def arun(self, _render: Any) -> None:
        await self.visit.aclassify()


class Recorded(Protocol):
    """Whoever knows how to let a request record what is read of it."""

    def recorded(self) -> AbstractContextManager[None]:
        """Record inside what the page reads, where the page could be stored."""


@dataclass(slots=True)
class Render:
    """Let the view answer; gives its response, raises what it raises."""

    visit: Recorded

    def run(self, render: Callable[[], Any]) -> Any:
        with self.visit.recorded():
            return render()

    async def arun(self, render: Callable[[], Any]) -> Any:
        with self.visit.recorded():
            return await render()
