"""A store in a Redis: one trip for each verb, check-and-save as one script."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import CacheHandler
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from pagecache.core.reasons import Reason
from pagecache.core.vector import Marking, Plan
from pagecache.stores.awaited import AsyncLine, patiently
from pagecache.stores.base import PROBE, Leased, Pausing, Refused, Saved, Steps, Store
from pagecache.stores.dial import Dialer
from pagecache.stores.idle import Idle, LoopIdle
from pagecache.stores.lines import (
    ELSEWHERE,
    TAKES_WRITES,
    WHO,
    Command,
    Line,
    Origin,
    Questions,
    checked,
)
from pagecache.stores.listening import Listener
from pagecache.stores.local import Held
from pagecache.stores.scripts import (
    ANNOUNCE,
    RELEASE,
    SAVE,
    Script,
    announce_arguments,
    lasting,
    save_arguments,
    save_keys,
)

T = TypeVar("T")


class RedisStore(Store):
    """A store in the Redis of an alias, over connections of its own to the node that takes writes."""

    shared = True
    pickles = False
    keeps_time = True
    can_mark = True
    can_lease = True
    leaves_time = True

    def __init__(self, alias: str, *, budget: float) -> None:
        super().__init__(alias, budget)
        self._dialer = Dialer(_write_pool(alias), self.limit)
        self._origin: Origin | None = None
        self._lock = Lock()
        self._listener: Listener | None = None
        self._idle: Idle[Line] = Idle(Line.close)
        self._loop_idle: LoopIdle[AsyncLine] = LoopIdle(AsyncLine.close)
        self._is_alone = True  # no two threads were at work here at once

    def close(self) -> None:
        """Close the idle connections of this process, and the one that is listened to."""
        self._idle.empty()
        if self._listener is not None:
            self._listener.close()

    def listen(self, prefix: str, bound: float, most: int) -> None:
        """Let the server tell of changes, from the first look-up on."""
        self._listener = Listener(self._dialer, self.alias, prefix, bound, most)

    def vouch(self, held: Held) -> bool | None:
        """Whether a page that is held stands, as the server told; then `held.heard` knows whether it still does."""
        heard = None if self._listener is None else self._listener.heard
        stands = None if heard is None else heard.stand(held.keys, held.versions)
        if stands:
            held.heard = heard
        return stands

    def _moved(self, keys: Iterable[str]) -> None:
        if self._listener is not None:
            self._listener.moved(keys)

    def evicts(self) -> bool:
        """Whether the server drops keys when its memory is full."""
        return self._run(self._evicts())

    def _pausing(self, steps: Steps[T]) -> Pausing[T]:
        try:
            line = self._take()
            try:
                result = yield from line.drive(steps, alone=self._is_alone)
            except BaseException as error:
                self._end(line, error)
                raise
        except Exception as error:
            raise self._failed(steps, error) from error
        if self._idle.give(line) > 1:
            self._is_alone = False
        return result

    async def _alook(self, steps: Steps[T]) -> T:
        """Perform the steps of a look-up, on a line that others look up on as well."""
        try:
            line = self._loop_idle.last()
            if line is not None and line.origin is self._origin and line.is_ready():
                return await self._along(line, steps)
            async with patiently(self.limit):
                line = await self._ashared()
                try:
                    return await self._along(line, steps)
                except asyncio.CancelledError:  # its time may be over
                    self._forget(line)
                    raise
        except Exception as error:
            raise self._failed(steps, error) from error

    async def _along(self, line: AsyncLine, steps: Steps[T]) -> T:
        """Perform steps on a line; who waits for it no more leaves it to the others."""
        try:
            return await line.drive(steps)
        except Exception as error:
            if not _is_answer(error):
                await self._aleave(line)
            raise

    async def _aleave(self, line: AsyncLine) -> None:
        self._forget(line)
        await self._loop_idle.drop(line)
        await line.close()

    async def _arun(self, steps: Steps[T]) -> T:
        try:
            async with patiently(self.limit):
                line = await self._atake()
                try:
                    result = await line.drive(steps)
                except BaseException as error:
                    await self._aend(line, error)
                    raise
        except Exception as error:
            raise self._failed(steps, error) from error
        await self._loop_idle.give(line)
        return result

    def _take(self) -> Line:
        """Return an idle line to the server that answers now, or a new one."""
        while (line := self._idle.take()) is not None:
            if line.origin is self._origin and not line.is_closed():
                return line
            line.close()
        try:
            line = self._dialer.dial(Line)
        except BaseException:
            self._origin = None
            raise
        if self._is_elsewhere(line):
            self._idle.give(line)
            raise Refused(ELSEWHERE)
        return line

    async def _atake(self) -> AsyncLine:
        """Return what `_take` returns, of this event loop."""
        while (line := await self._loop_idle.take()) is not None:
            if await self._is_of_use(line):
                return line
            await line.close()
        return await self._adial()

    async def _ashared(self) -> AsyncLine:
        """Return a line of this event loop that stays there for others; one opens it for all who wait."""
        if (line := await self._alast()) is not None:
            return line
        async with await self._loop_idle.lock():
            if (line := await self._alast()) is None:
                line = await self._adial()
                await self._loop_idle.give(line)
        return line

    async def _alast(self) -> AsyncLine | None:
        """Return the line that was used last in this event loop, None where all that were are of no use."""
        while (line := self._loop_idle.last()) is not None:
            if await self._is_of_use(line):
                return line
            await self._loop_idle.drop(line)
            await line.close()
        return None

    async def _is_of_use(self, line: AsyncLine) -> bool:
        """Whether a line is open, and leads to the server that answers now."""
        return not await line.is_closed() and line.origin is self._origin

    async def _adial(self) -> AsyncLine:
        try:
            line = await self._dialer.adial()
        except BaseException:
            self._origin = None
            raise
        if self._is_elsewhere(line):
            await self._loop_idle.give(line)
            raise Refused(ELSEWHERE)
        return line

    def _is_elsewhere(self, line: Line | AsyncLine) -> bool:
        """Whether a new line leads to another server than the last one did, and no error has told of it yet."""
        with self._lock:  # many open their first line at once
            before = self._origin
            if before is None or before.prefix != line.prefix:
                self._origin = Origin(line.prefix)
                self.history = line.prefix
                if self._listener is not None:
                    self._listener.hold_to(line.prefix)
            line.origin = self._origin
            return before is not None and before is not line.origin

    def _end(self, line: Line, error: BaseException) -> None:
        """Keep a line that is in step after an error; one that is not is closed, and the idle ones with it.

        Only the line is closed whose answer nobody wants any more: nothing is wrong with the server.
        """
        if _is_answer(error):
            self._idle.give(line)
            return
        if not isinstance(error, GeneratorExit):
            self._forget(line)
        line.close()

    async def _aend(self, line: AsyncLine, error: BaseException) -> None:
        if _is_answer(error):
            await self._loop_idle.give(line)
        else:
            self._forget(line)
            await line.close()

    def _forget(self, line: Line | AsyncLine) -> None:
        """Take no other line of the same origin: they are closed when they come up, in whatever thread or loop."""
        if line.origin is self._origin:
            self._origin = None

    def _evicts(self) -> Steps[bool]:
        (text,) = checked((yield ((("INFO", "memory"), (), ()),)))
        return b"maxmemory:0\r" not in text and b"maxmemory_policy:noeviction" not in text

    def _fetch(self, keys: Sequence[str]) -> Steps[list[bytes | None]]:
        listener = self._listener
        asked = None if listener is None else listener.ask(keys, (yield WHO))
        questions = Questions(((("MGET",), tuple(keys), ()), TAKES_WRITES))
        values: list[bytes | None] = checked((yield questions))[0]
        if asked is not None:
            asked.keep(keys, values)
        return values

    def _put(self, items: Mapping[str, bytes], ttl: float | None) -> Steps[None]:
        checked((yield [_set(key, value, ttl) for key, value in items.items()]))

    def _announce(
        self, star: str, versions: Mapping[str, bytes], ttl: float, marking: Marking | None = None
    ) -> Steps[None]:
        ordered = {star: versions[star], **versions}
        if marking is None:
            checked((yield [_set(key, value, ttl) for key, value in ordered.items()]))
        else:
            keys = (*ordered, *marking.soft.values())
            yield from _run(ANNOUNCE, keys, announce_arguments(ordered, ttl, marking))

    def _save(self, plan: Plan) -> Steps[Saved]:
        answer = yield from _run(SAVE, save_keys(plan), save_arguments(plan))
        if isinstance(answer, list):
            return tuple(answer)
        return Reason.MOVED if answer is None else Reason.UNSETTLED

    def _delete(self, keys: Sequence[str]) -> Steps[None]:
        checked((yield ((("DEL",), keys, ()),)))

    def _lease(self, key: str, token: bytes, ttl: float, beside: str) -> Steps[Leased]:
        take = ("SET",), (key,), (token, b"NX", b"PX", lasting(ttl))
        look = ("GETRANGE",), (beside,), (b"0", b"%d" % (PROBE - 1))
        *asked, value = yield take, (("MGET",), (key,), ()), look
        _, (holder,) = checked(asked)
        began = value if isinstance(value, bytes) else b""
        return None if holder == token else holder or b"", began

    def _release(self, key: str, token: bytes, mark: bytes, ttl: float) -> Steps[None]:
        yield from _run(RELEASE, (key,), (token, mark, lasting(ttl)))


def _is_answer(error: BaseException) -> bool:
    """Whether the server answered no: the line is in step. One that takes no writes any more is left, though."""
    is_left = isinstance(error, ReadOnlyError) or str(error).startswith("NOREPLICAS")
    return isinstance(error, ResponseError) and not is_left


def _set(key: str, value: bytes, ttl: float | None) -> Command:
    return ("SET",), (key,), (value,) if ttl is None else (value, b"PX", lasting(ttl))


def _run(script: Script, keys: Sequence[str], arguments: tuple[bytes, ...]) -> Steps[Any]:
    """Run a script, by its digest if the server remembers it."""
    count = str(len(keys))
    answers = yield ((("EVALSHA", script.digest, count), keys, arguments),)
    if isinstance(answers[0], NoScriptError):
        answers = yield ((("EVAL", script.text, count), keys, arguments),)
    return checked(answers)[0]


def _write_pool(alias: str) -> Any:
    """Return the connection pool that the site's backend has for the node that takes writes."""
    backend: Any = CacheHandler({alias: settings.CACHES[alias]}).create_connection(alias)
    client = getattr(backend, "client", None) or backend._cache  # noqa: SLF001 Django gives no other way
    return client.get_client(write=True).connection_pool
