"""Stores in Django's own backends: trips, their order, and lanes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from itertools import combinations
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection, transaction

from pagecache.core.reasons import Reason
from pagecache.core.vector import VERSION_BYTES
from pagecache.stores import Store, StoreError
from pagecache.stores.generic import Call, GenericStore
from tests.stores.backends import (
    AsyncCache,
    CountingCache,
    OpenStore,
    RemoteCache,
    locmem,
)
from tests.stores.verbs import HOUR, Lane, Verbs, plan_of, version, watched

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
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        assert store.is_frozen()
        cursor.execute("ROLLBACK")
    assert not store.is_frozen()
    connection.close()
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
    assert does.save(plan_of(watched("t"), star=None)) is Reason.MOVED


def test_local_memory_is_shared_with_the_alias_of_the_site(open_pages: OpenStore) -> None:
    store = open_pages(locmem())
    store.put({"a": b"1"}, HOUR)
    caches["pages"].clear()
    assert store.fetch(["a"]) == [None]
