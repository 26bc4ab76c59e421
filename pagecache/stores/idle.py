"""What is open and idle, ready for its next use: the last one used goes first."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

MOST = 64  # more than this many at a time were a rush; what comes back beyond it is closed


class Idle(Generic[T]):
    """Idle things of one process; a forked child starts with none, for its parent goes on using them."""

    __slots__ = ("_close", "_pid", "_things")

    def __init__(self, close: Callable[[T], object]) -> None:
        self._close = close
        self._pid = os.getpid()
        self._things: deque[T] = deque()

    def take(self) -> T | None:
        """Return the thing that was used last, or None."""
        if self._pid != os.getpid():
            self._things, self._pid = deque(), os.getpid()
        try:
            return self._things.pop()
        except IndexError:
            return None

    def give(self, thing: T) -> int:
        """Keep a thing for its next use; return how many are kept."""
        if len(self._things) < MOST:
            self._things.append(thing)
        else:
            self._close(thing)
        return len(self._things)

    def empty(self) -> None:
        """Close them all."""
        while (thing := self.take()) is not None:
            self._close(thing)


class LoopIdle(Generic[T]):
    """Idle things of each running event loop, closed when the loop shuts down."""

    __slots__ = ("_close", "_loops")

    def __init__(self, close: Callable[[T], Awaitable[object]]) -> None:
        self._close = close
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop[T]] = WeakKeyDictionary()

    def last(self) -> T | None:
        """Return the thing that was used last in this loop, and leave it there, or None."""
        known = self._loops.get(asyncio.get_running_loop())
        return known.things[-1] if known is not None and known.things else None

    async def take(self) -> T | None:
        """Return the thing that was used last in this loop, or None."""
        things = (await self._here()).things
        return things.pop() if things else None

    async def give(self, thing: T) -> None:
        """Keep a thing for its next use in this loop."""
        things = (await self._here()).things
        if len(things) < MOST:
            things.append(thing)
        else:
            await self._close(thing)

    async def drop(self, thing: T) -> None:
        """Keep a thing of this loop no more."""
        things = (await self._here()).things
        if thing in things:
            things.remove(thing)

    async def lock(self) -> asyncio.Lock:
        """Return what one task of this loop holds at a time."""
        return (await self._here()).lock

    async def empty(self) -> None:
        """Close all of this loop."""
        things = (await self._here()).things
        while things:
            await self._close(things.pop())

    async def _here(self) -> _OfLoop[T]:
        loop = asyncio.get_running_loop()
        if (known := self._loops.get(loop)) is not None:
            return known
        here = self._loops[loop] = _OfLoop[T]()
        here.closer = self._closer(here.things)
        await anext(here.closer)
        return here

    async def _closer(self, things: deque[T]) -> AsyncGenerator[None]:
        """Wait for the end of the loop, which finishes the asynchronous generators begun in it."""
        try:
            yield
        finally:
            self._loops.pop(asyncio.get_running_loop(), None)
            while things:
                await self._close(things.pop())


class _OfLoop(Generic[T]):
    """What is idle in one loop."""

    __slots__ = ("closer", "lock", "things")
    closer: AsyncGenerator[None]

    def __init__(self) -> None:
        self.things: deque[T] = deque()
        self.lock = asyncio.Lock()
