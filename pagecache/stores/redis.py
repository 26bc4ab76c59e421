"""A store in a Redis: one trip for each verb, check-and-save as one script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import CacheHandler
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from pagecache.core.vector import Plan
from pagecache.stores.base import Refused, Steps, Store, milliseconds
from pagecache.stores.dial import Dialer
from pagecache.stores.idle import Idle, LoopIdle
from pagecache.stores.lines import AsyncLine, Command, Line, Origin, checked

T = TypeVar("T")

# `held_still` of the core, where the data is. KEYS: the tags, `*`, the entry if it is to be saved, what is saved beside
# it if anything. ARGV: the number of tags, whether there is an entry and something beside it, the start of `*`, head,
# tail, ttl, the value and ttl beside; then for each tag its start (empty: newly met), a fresh version and its ttl.
# Times are in milliseconds, empty: no limit. What is not a string of 16 bytes is no version.
SAVE = """
local count, has_entry, has_beside = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3] == '1'
local function version(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and #value == 16 and value
end
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end
local ends = {}
for i = 1, count do
  ends[i] = version(KEYS[i])
  if not ends[i] then
    ends[i] = ARGV[8 + 3 * i]
    put(KEYS[i], ends[i], ARGV[9 + 3 * i])
  end
end
local star = version(KEYS[count + 1])
local star_still = star == ARGV[4]  -- false, if absent, equals no text
local held = true
for i = 1, count do
  local start = ARGV[7 + 3 * i]
  if start == '' then held = held and star_still else held = held and start == ends[i] end
end
if held and has_entry then
  put(KEYS[count + 2], ARGV[5] .. table.concat(ends) .. ARGV[6], ARGV[7])
end
if has_beside then put(KEYS[#KEYS], ARGV[8], ARGV[9]) end
return held and ends
"""
ELSEWHERE = "another server answers than before"
SAVE_SHA = sha1(SAVE.encode(), usedforsecurity=False).hexdigest()


class RedisStore(Store):
    """A store in the Redis of an alias, over connections of its own to the node that takes writes."""

    shared = True
    pickles = False

    def __init__(self, alias: str, *, budget: float) -> None:
        self.alias = alias
        self._budget = budget
        self._dialer = Dialer(_write_pool(alias), budget)
        self._origin: Origin | None = None
        self._idle: Idle[Line] = Idle(Line.close)
        self._loop_idle: LoopIdle[AsyncLine] = LoopIdle(AsyncLine.close)

    def close(self) -> None:
        """Close the idle connections of this process."""
        self._idle.empty()

    def _run(self, steps: Steps[T]) -> T:
        try:
            line = self._lease()
            try:
                result = line.drive(steps)
            except BaseException as error:
                self._end(line, error)
                raise
        except Exception as error:
            raise self._failed(steps, error) from error
        self._idle.give(line)
        return result

    async def _arun(self, steps: Steps[T]) -> T:
        try:
            async with asyncio.timeout(self._budget):
                line = await self._alease()
                try:
                    result = await line.drive(steps)
                except BaseException as error:
                    await self._aend(line, error)
                    raise
        except Exception as error:
            raise self._failed(steps, error) from error
        await self._loop_idle.give(line)
        return result

    def _lease(self) -> Line:
        """Return an idle line to the server that answers now, or a new one."""
        while (line := self._idle.take()) is not None:
            if line.origin is self._origin and not line.is_closed():
                return line
            line.close()
        try:
            line = self._dialer.dial()
        except BaseException:
            self._origin = None
            raise
        if self._is_elsewhere(line):
            self._idle.give(line)
            raise Refused(ELSEWHERE)
        return line

    async def _alease(self) -> AsyncLine:
        """Return what `_lease` returns, of this event loop."""
        while (line := await self._loop_idle.take()) is not None:
            if line.origin is self._origin and not await line.is_closed():
                return line
            await line.close()
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
        before = self._origin
        if before is None or before.prefix != line.prefix:
            self._origin = Origin(line.prefix)
        line.origin = self._origin
        return before is not None and before is not self._origin

    def _end(self, line: Line, error: BaseException) -> None:
        """Keep a line that is in step after an error; one that is not is closed, and the idle ones with it."""
        if _is_answer(error):
            self._idle.give(line)
        else:
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

    def _fetch(self, keys: Sequence[str]) -> Steps[list[bytes | None]]:
        values: list[bytes | None] = checked((yield ((("MGET",), keys, ()),)))[0]
        return values

    def _put(self, items: Mapping[str, bytes], ttl: float | None) -> Steps[None]:
        checked((yield [_set(key, value, ttl) for key, value in items.items()]))

    def _announce(self, star: str, versions: Mapping[str, bytes], ttl: float) -> Steps[None]:
        ordered = {star: versions[star], **versions}
        checked((yield [_set(key, value, ttl) for key, value in ordered.items()]))

    def _save(self, plan: Plan) -> Steps[tuple[bytes, ...] | None]:
        keys, rest = _save_keys(plan), _save_arguments(plan)
        answers = yield ((("EVALSHA", SAVE_SHA, str(len(keys))), keys, rest),)
        if isinstance(answers[0], NoScriptError):
            answers = yield ((("EVAL", SAVE, str(len(keys))), keys, rest),)
        ends = checked(answers)[0]
        return None if ends is None else tuple(ends)

    def _delete(self, keys: Sequence[str]) -> Steps[None]:
        checked((yield ((("DEL",), keys, ()),)))


def _is_answer(error: BaseException) -> bool:
    """Whether the server answered no: the line is in step. One that became a replica is left, though."""
    return isinstance(error, ResponseError) and not isinstance(error, ReadOnlyError)


def _set(key: str, value: bytes, ttl: float | None) -> Command:
    return ("SET",), (key,), (value,) if ttl is None else (value, b"PX", _milliseconds(ttl))


def _milliseconds(ttl: float | None) -> bytes:
    return b"" if ttl is None else b"%d" % milliseconds(ttl)


def _save_keys(plan: Plan) -> list[str]:
    entry = [] if plan.key is None else [plan.key]
    beside = [] if plan.beside is None else [plan.beside[0]]
    return [*(tag.key for tag in plan.tags), plan.star, *entry, *beside]


def _save_arguments(plan: Plan) -> tuple[bytes, ...]:
    _, value, ttl = plan.beside or ("", b"", 0.0)
    tags = ((_start(tag.start), tag.fresh, _milliseconds(tag.ttl)) for tag in plan.tags)
    return (
        b"%d" % len(plan.tags),
        b"%d" % (plan.key is not None),
        b"%d" % (plan.beside is not None),
        plan.star_start or b"",
        plan.head,
        plan.tail,
        _milliseconds(plan.ttl),
        value,
        _milliseconds(ttl),
        *(word for words in tags for word in words),
    )


def _start(version: bytes | None) -> bytes:
    """Return a start version for the script: empty if newly met; one that is empty itself equals no version."""
    return b"" if version is None else version or b"-"


def _write_pool(alias: str) -> Any:
    """Return the connection pool that the site's backend has for the node that takes writes."""
    backend: Any = CacheHandler({alias: settings.CACHES[alias]}).create_connection(alias)
    client = getattr(backend, "client", None) or backend._cache  # noqa: SLF001 Django gives no other way
    return client.get_client(write=True).connection_pool
