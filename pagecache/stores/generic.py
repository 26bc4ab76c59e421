"""A store in any cache backend of Django, through backend objects of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pickle import PickleError
from typing import Any, TypeVar
from zlib import error as zlib_error

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import CacheHandler
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import BaseMemcachedCache, PyMemcacheCache
from django.db import connections, router
from django.utils.module_loading import import_string

from pagecache.core.reasons import Reason
from pagecache.core.vector import Marking, Plan, held_still, is_version
from pagecache.stores.base import (
    PROBE,
    Leased,
    Pausing,
    Refused,
    Saved,
    Steps,
    Store,
    whole_seconds,
)
from pagecache.stores.idle import Idle, LoopIdle
from pagecache.transactions import in_transaction, keeps_view

T = TypeVar("T")

# Their `set_many` raises or names what it could not write; others may drop it without a word.
OUTSPOKEN = (LocMemCache, DummyCache, FileBasedCache, BaseMemcachedCache)
READING = {"add", "get_many"}  # of what is called here, what may look at a value that is there
# What unpickling noise, or a backend that decodes it, raises; a server that is away raises none of these.
DAMAGE = (
    PickleError,
    zlib_error,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    ArithmeticError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a backend's method, or of its asynchronous twin; one trip each."""

    method: str
    arguments: tuple[Any, ...]


class GenericStore(Store):
    """A store in the backend that Django makes for the alias, with a constant key function."""

    can_mark = False  # two that mark a version at once would overwrite each other

    def __init__(self, alias: str, *, budget: float) -> None:
        config = settings.CACHES[alias]
        kind: type[BaseCache] = import_string(config["BACKEND"])
        super().__init__(alias, budget)
        self.shared = not issubclass(kind, LocMemCache | DummyCache)
        self.pickles = not issubclass(kind, DummyCache | PyMemcacheCache)
        self.can_lease = not self.shared  # without scripts it takes as many trips as a miss has
        self.keeps_time = issubclass(kind, LocMemCache | DummyCache | PyMemcacheCache)
        self._outspoken = issubclass(kind, OUTSPOKEN)
        self._waits = self.shared  # memory of this process does not make an event loop wait
        self._is_async = kind.aget_many is not BaseCache.aget_many
        self._handler = CacheHandler({alias: _own(config, kind, self.limit)})
        backend = self._handler.create_connection(alias)
        self._table: Any = getattr(backend, "cache_model_class", None)
        self.asks_database = self._table is not None
        self._idle: Idle[BaseCache] = Idle(_close)
        self._loop_idle: LoopIdle[BaseCache] = LoopIdle(_aclose)

    def is_frozen(self) -> bool:
        """Whether DatabaseCache may see an old view, as in a transaction, which would freeze the versions."""
        if self._table is None:
            return False
        return keeps_view(connections[router.db_for_read(self._table)])

    @contextmanager
    def _beside(self) -> Iterator[None]:
        """Let DatabaseCache work beside a transaction of the site, which could roll back what it writes, or fail by it.

        An SQLite takes one writer at a time: there it works on the site's connection, and a commit announces again.
        """
        alias = None if self._table is None else router.db_for_write(self._table)
        site = None if alias is None else connections[alias]
        if alias is None or site is None or site.vendor == "sqlite" or not in_transaction(site):
            yield
            return
        own = connections[alias] = connections.create_connection(alias)
        try:
            yield
        finally:
            connections[alias] = site
            own.close()

    def close(self) -> None:
        """Close the idle connections of this process."""
        self._idle.empty()

    def _pausing(self, steps: Steps[T]) -> Pausing[T]:
        yield from ()
        backend: BaseCache | None = None
        try:
            backend = self._idle.take() or self._handler.create_connection(self.alias)
            with self._beside():
                result = _drive(backend, steps)
        except BaseException as error:
            self._drop(backend)
            if isinstance(error, Exception):
                raise self._failed(steps, error) from error
            raise
        self._idle.give(backend)
        return result

    async def _arun(self, steps: Steps[T]) -> T:
        if self._is_async:
            return await self._arun_here(steps)
        if self._waits:
            return await sync_to_async(self._run, thread_sensitive=True)(steps)
        return self._run(steps)

    async def _arun_here(self, steps: Steps[T]) -> T:
        backend: BaseCache | None = None
        try:
            backend = await self._loop_idle.take() or self._handler.create_connection(self.alias)
            result = await _adrive(backend, steps)
        except BaseException as error:
            await self._adrop(backend)
            if isinstance(error, Exception):
                raise self._failed(steps, error) from error
            raise
        await self._loop_idle.give(backend)
        return result

    def _drop(self, backend: BaseCache | None) -> None:
        """Start afresh after an error: whatever broke this connection may have broken the idle ones."""
        self._idle.empty()
        if backend is not None:
            _close(backend)

    async def _adrop(self, backend: BaseCache | None) -> None:
        await self._loop_idle.empty()
        if backend is not None:
            await _aclose(backend)

    def _fetch(self, keys: Sequence[str]) -> Steps[list[bytes | None]]:
        return (yield from _read(keys))

    def _put(self, items: Mapping[str, bytes], ttl: float | None) -> Steps[None]:
        yield from _write(items, ttl)

    def _announce(
        self, star: str, versions: Mapping[str, bytes], ttl: float, marking: Marking | None = None
    ) -> Steps[None]:
        if marking is not None:
            raise Refused("it cannot mark versions, which two-phase invalidation needs")
        yield from _write({star: versions[star]}, ttl)
        others = {key: version for key, version in versions.items() if key != star}
        if others:
            yield from _write(others, ttl)
        if not self._outspoken and (yield from _read(tuple(versions))) != list(versions.values()):
            raise Refused("announced versions are not there")

    def _save(self, plan: Plan) -> Steps[Saved]:
        ends = yield from _created(plan)
        lease = plan.lease[:1] if plan.lease else ()
        star_end, *holder = yield from _read((plan.star, *lease))
        held = held_still(plan, ends, star_end)
        if held and plan.key is not None:
            yield from _write({plan.key: plan.head + b"".join(ends) + plan.tail}, plan.ttl)
        if plan.beside is not None:
            key, value, ttl = plan.beside
            yield from _write({key: value}, ttl)
        if plan.lease and holder == [plan.lease[1]]:
            yield from self._delete(lease)
        return ends if held else Reason.MOVED

    def _delete(self, keys: Sequence[str]) -> Steps[None]:
        yield Call("delete_many", (keys,))

    def _lease(self, key: str, token: bytes, ttl: float, beside: str) -> Steps[Leased]:
        yield Call("add", (key, token, whole_seconds(ttl)))
        holder, value = yield from _read((key, beside))
        return None if holder == token else holder or b"", (value or b"")[:PROBE]

    def _release(self, key: str, token: bytes, mark: bytes, ttl: float) -> Steps[None]:
        if (yield from _read((key,))) != [token]:
            return
        if mark:
            yield from _write({key: mark}, ttl)
        else:
            yield from self._delete((key,))


def _created(plan: Plan) -> Steps[tuple[bytes, ...]]:
    """Read the versions of the tags, and create those that are missing."""
    if not plan.tags:
        return ()
    found = yield from _read([tag.key for tag in plan.tags])
    ends: list[bytes] = []
    missing: dict[float, dict[str, bytes]] = {}
    for tag, version in zip(plan.tags, found, strict=True):
        if version is not None and is_version(version):
            ends.append(version)
        else:
            ends.append(tag.fresh)
            missing.setdefault(tag.ttl, {})[tag.key] = tag.fresh
    for ttl, items in missing.items():
        yield from _write(items, ttl)
    return tuple(ends)


def _read(keys: Sequence[str]) -> Steps[list[bytes | None]]:
    found: Mapping[str, Any] = yield Call("get_many", (keys,))
    values = [found.get(key) for key in keys]
    return [value if isinstance(value, bytes) else None for value in values]


def _write(items: Mapping[str, bytes], ttl: float | None) -> Steps[None]:
    failed = yield Call("set_many", (dict(items), whole_seconds(ttl)))
    if failed:
        raise Refused(f"{len(failed)} values were not written")


def _drive(backend: BaseCache, steps: Steps[T]) -> T:
    """Perform the steps of a verb."""
    answer: Any = None
    while True:
        try:
            call: Call = steps.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        try:
            answer = getattr(backend, call.method)(*call.arguments)
        except DAMAGE:
            if call.method not in READING:
                raise
            answer = _beside_damage(backend, call)


def _beside_damage(backend: BaseCache, call: Call) -> Any:
    """Make a call again, without what cannot be read, which is deleted: it would stay, and fail each time."""
    keys = call.arguments[0] if call.method == "get_many" else call.arguments[:1]
    found: dict[str, Any] = {}
    for key in keys:
        try:
            found[key] = backend.get(key)
        except DAMAGE:
            backend.delete(key)
    return found if call.method == "get_many" else getattr(backend, call.method)(*call.arguments)


async def _adrive(backend: BaseCache, steps: Steps[T]) -> T:
    """Perform the steps of a verb by the asynchronous twins of the backend's methods."""
    answer: Any = None
    while True:
        try:
            call: Call = steps.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answer = await getattr(backend, f"a{call.method}")(*call.arguments)


def key_as_is(key: str, _key_prefix: str, _version: int) -> str:
    """Return the key: what pagecache keeps has a prefix of its own."""
    return key


class BytesSerde:
    """Takes bytes to Memcached and back, and never unpickles what somebody else put there."""

    def serialize(self, _key: str, value: bytes) -> tuple[bytes, int]:
        """Return the value as it is, with flags that say so."""
        return value, 0

    def deserialize(self, _key: str, value: bytes, flags: int) -> bytes | None:
        """Return a value that was put as bytes."""
        return value if flags == 0 else None


def _own(config: Mapping[str, Any], kind: type[BaseCache], limit: float) -> dict[str, Any]:
    """Return the settings of an alias for a backend of our own."""
    own = {**config, "KEY_FUNCTION": key_as_is, "KEY_PREFIX": "", "VERSION": 1}
    if issubclass(kind, PyMemcacheCache):
        own["OPTIONS"] = {
            **config.get("OPTIONS", {}),
            "serde": BytesSerde(),
            "serializer": None,
            "deserializer": None,
            "default_noreply": False,
            "ignore_exc": False,
            "connect_timeout": limit,
            "timeout": limit,
            "no_delay": True,
        }
    return own


def _close(backend: BaseCache) -> None:
    with suppress(Exception):
        backend.close()


async def _aclose(backend: BaseCache) -> None:
    with suppress(Exception):
        await backend.aclose()
