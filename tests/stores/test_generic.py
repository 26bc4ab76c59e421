"""Stores in Django's own backends: trips, their order, and what goes wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from itertools import combinations
from typing import Any

import pymemcache
import pytest
from django.core.cache import CacheHandler, caches
from django.db import OperationalError, connection, transaction

from pagecache.core.vector import VERSION_BYTES, Plan
from pagecache.stores import Store, StoreError
from pagecache.stores.generic import Call, GenericStore
from tests import servers
from tests.servers import Server
from tests.stores.backends import AsyncCache, CountingCache, RefusingCache, RemoteCache, locmem
from tests.stores.conftest import OpenStore
from tests.stores.verbs import HOUR, Verbs, version, watched

Lane = Callable[[Store], Verbs]


@pytest.fixture
def counting(open_pages: OpenStore) -> Store:
    CountingCache.trips.clear()
    return open_pages(locmem(CountingCache))


@pytest.fixture
def remote(open_pages: OpenStore) -> Store:
    for state in (RemoteCache.kept, RemoteCache.drops, RemoteCache.closed):
        state.clear()
    return open_pages(locmem(RemoteCache))


@pytest.fixture
def asynchronous(open_pages: OpenStore) -> Store:
    for state in (AsyncCache.kept, AsyncCache.closed, AsyncCache.awaited):
        state.clear()
    return open_pages(locmem(AsyncCache))


def plan_of(*tags: Any, star: bytes | None, **changes: Any) -> Plan:
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


# Trips


def test_fetch_put_and_delete_are_one_trip_each(counting: Store, verbs: Lane) -> None:
    does = verbs(counting)
    does.put({"a": b"1", "b": b"2"})
    does.fetch("b", "a")
    does.delete("a", "b")
    assert CountingCache.trips == [
        ("set_many", ("a", "b")),
        ("get_many", ("b", "a")),
        ("delete_many", ("a", "b")),
    ]


def test_an_announcement_writes_the_star_first_in_two_trips(counting: Store, verbs: Lane) -> None:
    verbs(counting).announce("*", {"t": version(), "u": version(), "*": version()})
    assert CountingCache.trips == [("set_many", ("*",)), ("set_many", ("t", "u"))]


def test_saving_takes_three_trips_if_the_versions_are_there(counting: Store, verbs: Lane) -> None:
    star, start = version(), version()
    counting.announce("*", {"*": star, "t": start}, HOUR)
    CountingCache.trips.clear()
    verbs(counting).save(plan_of(watched("t", start), star=star))
    assert CountingCache.trips == [
        ("get_many", ("t",)),
        ("get_many", ("*",)),
        ("set_many", ("entry",)),
    ]


def test_missing_versions_are_created_before_the_star_is_read(counting: Store, verbs: Lane) -> None:
    star = version()
    counting.announce("*", {"*": star}, HOUR)
    CountingCache.trips.clear()
    verbs(counting).save(
        plan_of(watched("t"), watched("u"), star=star, beside=("recipe", b"r", 60.0))
    )
    assert CountingCache.trips == [
        ("get_many", ("t", "u")),
        ("set_many", ("t", "u")),
        ("get_many", ("*",)),
        ("set_many", ("entry",)),
        ("set_many", ("recipe",)),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_look_up_in_a_database_is_one_query(
    database_backend: dict[str, Any], open_pages: OpenStore, django_assert_num_queries: Any
) -> None:
    store = open_pages(database_backend)
    store.put({"a": b"1", "b": b"2"}, HOUR)
    with django_assert_num_queries(1):
        assert store.fetch(["a", "b", "c"]) == [b"1", b"2", None]


@pytest.mark.django_db(transaction=True)
def test_a_database_is_frozen_inside_a_transaction(
    database_backend: dict[str, Any], open_pages: OpenStore
) -> None:
    store = open_pages(database_backend)
    with transaction.atomic():
        assert store.is_frozen()
    transaction.set_autocommit(False)
    assert store.is_frozen()
    transaction.set_autocommit(True)
    assert not store.is_frozen()
    assert not open_pages(locmem()).is_frozen()


# Interleavings


def perform(store: GenericStore, steps: Generator[Call, Any, Any]) -> Iterator[Any]:
    """Perform the steps of a verb one by one; the last thing yielded is what the verb returns."""
    backend = store._handler.create_connection(store.alias)
    answer = None
    while True:
        try:
            call = steps.send(answer)
        except StopIteration as stop:
            yield stop.value
            return
        answer = getattr(backend, call.method)(*call.arguments)
        yield call


@pytest.mark.parametrize("is_met", [False, True], ids=["known", "newly met"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["there", "evicted"])
def test_an_announcement_at_any_moment_leaves_no_entry_that_is_taken_for_fresh(
    open_pages: OpenStore, is_met: bool, is_lost: bool
) -> None:
    """Every order of the steps of a reader, who made the page from the old data, and of a writer."""
    saved = []
    orders = list(combinations(range(6), 2))
    for order in orders:
        store = open_pages(locmem())
        assert isinstance(store, GenericStore)
        star, start = version(), version()
        store.announce("*", {"*": star, "t": start}, HOUR)
        if is_lost:
            store.delete(["t"])
        plan = plan_of(watched("t", None if is_met else start), star=star)
        reader = perform(store, store._save(plan))
        writer = perform(store, store._announce("*", {"*": version(), "t": version()}, HOUR))
        for moment in range(6):
            next(writer if moment in order else reader, None)
        for _ in (*reader, *writer):
            pass
        entry, now = store.fetch(["entry", "t"])
        saved.append(entry is not None)
        assert entry is None or entry[:VERSION_BYTES] != now
    assert any(saved) is (is_met or not is_lost)
    assert not all(saved)


# Lanes


def test_memory_is_reached_without_changing_threads(
    open_pages: OpenStore, loop: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_pages(locmem(CountingCache))
    threads = _note_threads(monkeypatch, CountingCache)
    loop.run(store.afetch(["a"]))
    assert threads == [threading.get_ident()]


def test_what_may_block_runs_in_a_thread_and_changes_to_it_once(
    remote: Store, loop: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = _note_threads(monkeypatch, RemoteCache)
    loop.run(remote.asave(plan_of(watched("t"), star=None)))
    assert len(threads) == 2
    assert set(threads) != {threading.get_ident()}


def _note_threads(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[int]:
    threads: list[int] = []
    get_many = kind.get_many

    def noting(*arguments: Any, **options: Any) -> Any:
        threads.append(threading.get_ident())
        return get_many(*arguments, **options)

    monkeypatch.setattr(kind, "get_many", noting)
    return threads


def test_a_backend_that_is_asynchronous_is_awaited(
    asynchronous: Store, loop: asyncio.Runner
) -> None:
    does = Verbs(asynchronous, loop)
    does.put({"a": b"1"})
    assert does.fetch("a", "b") == [b"1", None]
    does.delete("a")
    assert does.fetch("a") == [None]
    assert AsyncCache.awaited == ["aset_many", "aget_many", "adelete_many", "aget_many"]


def test_an_asynchronous_backend_is_closed_with_its_loop(asynchronous: Store) -> None:
    assert asyncio.run(asynchronous.afetch(["a"])) == [None]
    assert AsyncCache.closed == ["aclose"]


def test_an_asynchronous_backend_is_closed_after_an_error(
    asynchronous: Store, loop: asyncio.Runner
) -> None:
    with pytest.raises(StoreError, match="'pages': put failed: ConnectionResetError"):
        loop.run(asynchronous.aput({"fails": b"1"}, HOUR))
    assert AsyncCache.closed == ["aclose"]
    assert loop.run(asynchronous.afetch(["a"])) == [None]


def test_cancelling_an_asynchronous_backend_is_no_store_error(
    asynchronous: Store, loop: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.ensure_future(asynchronous.afetch(["a"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await task

    monkeypatch.setattr(AsyncCache, "aget_many", hangs)
    with pytest.raises(asyncio.CancelledError):
        loop.run(cancelled())
    assert AsyncCache.closed == ["aclose"]


# Failures


def test_an_announcement_that_was_dropped_without_a_word_fails(remote: Store, verbs: Lane) -> None:
    RemoteCache.drops.add("t")
    with pytest.raises(StoreError, match="announce failed: announced versions are not there"):
        verbs(remote).announce("*", {"*": version(), "t": version()})


def test_an_entry_that_was_dropped_without_a_word_is_a_miss(remote: Store, verbs: Lane) -> None:
    RemoteCache.drops.add("a")
    does = verbs(remote)
    does.put({"a": b"1"})
    assert does.fetch("a") == [None]


def test_an_announcement_that_is_there_is_read_back(remote: Store, verbs: Lane) -> None:
    versions = {"t": version(), "*": version()}
    verbs(remote).announce("*", versions)
    assert remote.fetch(["t", "*"]) == list(versions.values())


def test_a_named_refusal_is_a_failure_that_names_no_key(open_pages: OpenStore, verbs: Lane) -> None:
    does = verbs(open_pages(locmem(RefusingCache)))
    does.put({"a": b"1"})
    with pytest.raises(StoreError, match=r"^cache 'pages': announce failed: 1 values were not"):
        does.announce("*", {"*": version(), "secret refused": version()})


@pytest.mark.django_db(transaction=True)
def test_a_database_that_swallows_an_announcement_is_caught(
    database_backend: dict[str, Any], open_pages: OpenStore
) -> None:
    def refuse_updates(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    store = open_pages(database_backend)
    store.announce("*", {"*": version(), "t": version()}, HOUR)
    with (
        connection.execute_wrapper(refuse_updates),
        pytest.raises(StoreError, match="announced versions are not there"),
    ):
        store.announce("*", {"*": version(), "t": version()}, HOUR)


def test_what_is_not_bytes_is_absent(remote: Store) -> None:
    RemoteCache.kept |= {"a": "text", "b": 1, "c": b"bytes", "d": None}
    assert remote.fetch(["a", "b", "c", "d"]) == [None, None, b"bytes", None]


def test_an_error_closes_the_connection_and_the_idle_ones(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise TimeoutError("a text that may hold a key")

    remote.fetch(["a"])
    monkeypatch.setattr(RemoteCache, "get_many", fails)
    with pytest.raises(StoreError, match=r"^cache 'pages': fetch failed: TimeoutError$"):
        remote.fetch(["a"])
    assert RemoteCache.closed == ["close"]


@pytest.mark.parametrize("kind", [RemoteCache, AsyncCache])
def test_a_backend_that_cannot_be_made_is_a_store_error(
    open_pages: OpenStore, verbs: Lane, kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ConnectionRefusedError

    store = open_pages(locmem(kind))
    monkeypatch.setattr(kind, "__init__", fails)
    with pytest.raises(StoreError, match="fetch failed: ConnectionRefusedError"):
        verbs(store).fetch("a")


def test_an_interruption_is_not_a_store_error(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RemoteCache, "get_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        remote.fetch(["a"])
    assert RemoteCache.closed == ["close"]


# Memcached


def test_a_memcached_that_is_away_costs_one_error_and_is_found_again(
    open_pages: OpenStore, verbs: Lane, memcached_server: Server
) -> None:
    port = servers.free_port()
    backend = {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"127.0.0.1:{port}",
    }
    does = verbs(open_pages(backend))
    with pytest.raises(StoreError, match="fetch failed: ConnectionRefusedError"):
        does.fetch("a")
    with servers.memcached(port):
        does.put({"a": b"1"})
        assert does.fetch("a") == [b"1"]
    with pytest.raises(StoreError):
        does.fetch("a")
    with servers.memcached(port):
        assert does.fetch("a") == [None]


def test_memcached_is_waited_for_no_longer_than_the_budget(
    memcached_backend: dict[str, Any], open_pages: OpenStore
) -> None:
    store = open_pages(memcached_backend, budget=0.25)
    assert isinstance(store, GenericStore)
    client: Any = store._handler.create_connection("pages")
    client = client._cache
    assert client.default_kwargs["timeout"] == client.default_kwargs["connect_timeout"] == 0.25


def test_nothing_is_unpickled_from_memcached(
    memcached_backend: dict[str, Any],
    memcached_server: Server,
    open_pages: OpenStore,
    name: Callable[[str], str],
) -> None:
    class Pickled:
        def __reduce__(self) -> Any:
            return pytest.fail, ("it was unpickled",)

    store = open_pages(memcached_backend)
    assert not store.pickles
    sites = CacheHandler({"x": {**memcached_backend, "KEY_FUNCTION": lambda key, *_: key}})["x"]
    sites.set(name("a"), Pickled(), 60)
    assert store.fetch([name("a")]) == [None]
    sites.close()


def test_options_of_the_site_do_not_silence_a_memcached(
    memcached_backend: dict[str, Any], open_pages: OpenStore, name: Callable[[str], str]
) -> None:
    options = {"ignore_exc": True, "default_noreply": True, "serde": pymemcache.serde.pickle_serde}
    store = open_pages({**memcached_backend, "OPTIONS": options})
    assert isinstance(store, GenericStore)
    store.put({name("a"): b"1"}, None)
    assert store.fetch([name("a")]) == [b"1"]
    with pytest.raises(StoreError):
        store.put({name("a"): b"1" * 2_000_000}, None)


# What a store says of itself


@pytest.mark.parametrize(
    "kind, shared, pickles",
    [
        ("locmem.LocMemCache", False, True),
        ("dummy.DummyCache", False, False),
        ("filebased.FileBasedCache", True, True),
        ("db.DatabaseCache", True, True),
        ("memcached.PyMemcacheCache", True, False),
    ],
)
def test_a_store_says_whether_it_is_shared_and_pickles(
    open_pages: OpenStore, kind: str, shared: bool, pickles: bool
) -> None:
    store = open_pages({"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": "x"})
    assert (store.alias, store.shared, store.pickles) == ("pages", shared, pickles)


def test_a_dummy_keeps_nothing(open_pages: OpenStore, verbs: Lane) -> None:
    does = verbs(open_pages({"BACKEND": "django.core.cache.backends.dummy.DummyCache"}))
    does.announce("*", {"*": version()})
    assert does.fetch("*") == [None]
    assert does.save(plan_of(watched("t"), star=None)) is None


def test_local_memory_is_shared_with_the_alias_of_the_site(open_pages: OpenStore) -> None:
    store = open_pages(locmem())
    store.put({"a": b"1"}, HOUR)
    caches["pages"].clear()
    assert store.fetch(["a"]) == [None]
