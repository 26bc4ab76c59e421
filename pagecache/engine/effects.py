"""What a flow asks for: each effect can be carried out on a thread (`run`) and on an event loop (`arun`)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from asgiref.sync import sync_to_async

from pagecache.announcing import announcer, site_store
from pagecache.core.vector import Plan
from pagecache.engine.background import background
from pagecache.engine.drive import Flow, adrive, drive
from pagecache.stores.base import Leased, Saved
from pagecache.stores.waiting import forgive


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
    """Check that no data moved and save the entry; gives the versions it was saved with, or why not."""

    plan: Plan

    def run(self, _render: Any) -> Saved:
        return site_store().save(self.plan)

    async def arun(self, _render: Any) -> Saved:
        return await site_store().asave(self.plan)


@dataclass(slots=True)
class Lease:
    """Take the lease for a page, unless somebody has it; gives what `Store.lease` gives."""

    key: str
    token: bytes
    seconds: float
    beside: str

    def run(self, _render: Any) -> Leased:
        return site_store().lease(self.key, self.token, self.seconds, self.beside)

    async def arun(self, _render: Any) -> Leased:
        return await site_store().alease(self.key, self.token, self.seconds, self.beside)


@dataclass(slots=True)
class Release:
    """Give up a lease that is still ours, and leave a mark in its place for some seconds, unless that is empty."""

    key: str
    token: bytes
    mark: bytes
    seconds: float

    def run(self, _render: Any) -> None:
        site_store().release(self.key, self.token, self.mark, self.seconds)

    async def arun(self, _render: Any) -> None:
        await site_store().arelease(self.key, self.token, self.mark, self.seconds)


@dataclass(slots=True)
class Wait:
    """Wait until something is over that this process does, and for so many seconds at most."""

    over: Future[None]
    seconds: float

    def run(self, _render: Any) -> None:
        wait((self.over,), self.seconds)

    async def arun(self, _render: Any) -> None:
        await asyncio.wait((asyncio.wrap_future(self.over),), timeout=self.seconds)


@dataclass(slots=True)
class Pause:
    """Do nothing for a while; the time that the store may take counts anew then."""

    seconds: float

    def run(self, _render: Any) -> None:
        time.sleep(self.seconds)
        forgive()

    async def arun(self, _render: Any) -> None:
        await asyncio.sleep(self.seconds)
        forgive()


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


class Fillable(Protocol):
    """Whoever knows how to make what a visitor gets of their own."""

    def prepare(self) -> None:
        """Find out what a look-up behind the site's middleware needs to know of the visitor."""

    def fill(self) -> None:
        """Make what fills the holes of the page that was found; raises Refused."""


@dataclass(slots=True)
class Prepare:
    """Find out what a look-up behind the site's middleware needs to know of the visitor."""

    visit: Fillable

    def run(self, _render: Any) -> None:
        self.visit.prepare()

    async def arun(self, _render: Any) -> None:
        await sync_to_async(self.visit.prepare)()


@dataclass(slots=True)
class Fill:
    """Make what fills the holes of the page that was found: the site's functions may ask the database."""

    visit: Fillable

    def run(self, _render: Any) -> None:
        self.visit.fill()

    async def arun(self, _render: Any) -> None:
        await sync_to_async(self.visit.fill)()


class Compressible(Protocol):
    """Whoever knows how to compress the page that was made."""

    def compress(self) -> None:
        """Find out what the page is in the site's coding."""


@dataclass(slots=True)
class Compress:
    """Compress the page that was made: it takes its time, so no event loop waits for it."""

    visit: Compressible

    def run(self, _render: Any) -> None:
        self.visit.compress()

    async def arun(self, _render: Any) -> None:
        await sync_to_async(self.visit.compress, thread_sensitive=False)()


class Sender(Protocol):
    """Whoever knows when the response is sent."""

    def then(self, job: Callable[[], object]) -> None:
        """Do something once the response is sent and closed."""


class Attended(Protocol):
    """Whoever knows how a request that nobody sent is answered."""

    @property
    def render(self) -> Any:
        """What makes the page."""

    def attend(self, answer: Callable[[], Any]) -> None:
        """Let it be answered as Django does."""

    async def aattend(self, answer: Callable[[], Awaitable[Any]]) -> None:
        """Do the same on the event loop."""


@dataclass(slots=True)
class Later:
    """Take steps for a request that nobody sent, once the visitor's response is sent."""

    visit: Sender
    twin: Attended
    steps: Flow[Any]

    def run(self, _render: Any) -> None:
        answer = partial(drive, self.steps, self.twin.render)
        self.visit.then(partial(background.begin, partial(self.twin.attend, answer)))

    async def arun(self, _render: Any) -> None:
        answer = partial(adrive, self.steps, self.twin.render)
        job = partial(self.twin.aattend, answer)
        self.visit.then(partial(background.begin_on, asyncio.get_running_loop(), job))


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
