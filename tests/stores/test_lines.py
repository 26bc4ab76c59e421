"""Connections to a Redis that are killed, shared, hung or forgotten."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from pagecache.stores import Store, StoreError
from pagecache.stores.redis import RedisStore
from tests import servers
from tests.stores.backends import OpenStore
from tests.stores.instances import Instance, let_time_pass, opened
from tests.stores.verbs import HOUR, Lane, Verbs, version


@pytest.fixture
def store(instance: Instance, open_pages: OpenStore) -> RedisStore:
    instance.admin.flushall()
    return opened(open_pages, instance.backend)


@pytest.fixture
def does(store: Store, verbs: Lane) -> Verbs:
    does = verbs(store)
    does.fetch("to connect")
    return does


def test_a_connection_that_is_killed_costs_one_error(instance: Instance, does: Verbs) -> None:
    does.put({"a": b"1"})
    instance.disconnect_others()
    with pytest.raises(StoreError, match="'pages': fetch failed: ConnectionError"):
        does.fetch("a")
    assert does.fetch("a") == [b"1"]


def test_all_idle_connections_that_are_killed_cost_one_error(
    instance: Instance, store: RedisStore
) -> None:
    store.put({"a": b"1"}, HOUR)
    lines = [store._take() for _ in range(5)]
    for line in lines:
        store._idle.give(line)
    instance.disconnect_others()
    with pytest.raises(StoreError):
        store.fetch(["a"])
    assert [store.fetch(["a"]) for _ in range(6)] == [[b"1"]] * 6
    assert instance.others() == 1


class FoundLine:
    """A line that leads to the one server there is; who looks where it leads is kept waiting."""

    origin: object = None

    def __init__(self, looked_at: Callable[[], object] = str) -> None:
        self._looked_at = looked_at

    @property
    def prefix(self) -> str:
        self._looked_at()
        return "the same"


def test_lines_that_are_opened_at_once_lead_to_one_server(store: RedisStore) -> None:
    begun, go = Event(), Event()

    def wait() -> None:
        begun.set()
        go.wait(1)

    second = FoundLine(wait)

    def others() -> list[bool]:
        return [store._is_elsewhere(line) for line in (FoundLine(), second)]  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as pool:
        asked: list[Future[list[bool]]] = []

        def meanwhile() -> None:
            if not asked:
                asked.append(pool.submit(others))
                begun.wait(0.2)

        first = store._is_elsewhere(FoundLine(meanwhile))  # type: ignore[arg-type]
        go.set()
        assert [first, *asked[0].result()] == [False, False, False]


def test_an_error_of_an_old_connection_leaves_the_new_ones(
    instance: Instance, store: RedisStore
) -> None:
    first, second = store._take(), store._take()
    store._end(first, ConnectionError())
    store.fetch(["a"])
    (now,) = store._idle._things
    store._end(second, ConnectionError())
    store.fetch(["a"])
    assert list(store._idle._things) == [now]


def test_a_connection_that_we_closed_counts_as_closed(
    store: RedisStore, loop: asyncio.Runner
) -> None:
    async def closed_is_closed() -> bool:
        line = await store._atake()
        await line.close()
        line._used = 0.0
        return await line.is_closed()

    assert loop.run(closed_is_closed())


def test_a_connection_that_was_closed_in_quiet_times_costs_nothing(
    instance: Instance, store: RedisStore, does: Verbs
) -> None:
    does.put({"a": b"1"})
    instance.disconnect_others()
    let_time_pass(store)
    assert does.fetch("a") == [b"1"]
    instance.disconnect_others()
    let_time_pass(store)
    does.put({"a": b"2"})
    assert does.fetch("a") == [b"2"]


def test_a_connection_is_used_again(instance: Instance, store: RedisStore, does: Verbs) -> None:
    does.put({"a": b"1"})
    let_time_pass(store)
    assert [does.fetch("a") for _ in range(3)] == [[b"1"]] * 3
    assert instance.others() == 1


def test_a_server_is_asked_in_the_same_trip_whether_it_is_still_the_one(
    instance: Instance, store: RedisStore, does: Verbs
) -> None:
    does.put({"a": b"1"})
    let_time_pass(store)
    before = instance.reads()
    assert [does.fetch("a") for _ in range(3)] == [[b"1"]] * 3
    assert instance.reads() - before - 1 == 3


def test_an_answer_that_is_an_error_keeps_the_connection(instance: Instance, does: Verbs) -> None:
    instance.admin.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError, match="announce failed: OutOfMemoryError"):
            does.announce("*", {"*": version(), "t": version()})
        assert does.fetch("*") == [None]
        assert instance.others() == 1
    finally:
        instance.admin.config_set("maxmemory", "0")
    does.announce("*", {"*": version()})


def test_a_loop_that_ends_closes_its_connections(instance: Instance, store: RedisStore) -> None:
    for _ in range(3):
        assert asyncio.run(store.afetch(["a"])) == [None]
    servers.wait_until(lambda: instance.others() == 0, instance.process, "redis")


def test_threads_and_tasks_get_their_own_answers(store: RedisStore, loop: asyncio.Runner) -> None:
    keys = [f"k{i}" for i in range(16)]
    store.put({key: key.encode() for key in keys}, HOUR)

    def fetch_often(key: str) -> bool:
        return all(store.fetch([key]) == [key.encode()] for _ in range(100))

    async def fetch_together() -> list[list[bytes | None]]:
        return await asyncio.gather(*(store.afetch([key]) for key in keys * 4))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fetch_often, keys))
    assert loop.run(fetch_together()) == [[key.encode()] for key in keys] * 4


def test_a_forked_child_has_connections_of_its_own(instance: Instance) -> None:
    url = f"redis://127.0.0.1:{instance.port}/0"
    command = [sys.executable, "-m", "tests.stores.forking", url]
    assert subprocess.run(command, check=False, timeout=30).returncode == 0


def test_a_cancelled_fetch_leaves_no_answer_behind(
    instance: Instance, store: RedisStore, loop: asyncio.Runner
) -> None:
    async def cancelled() -> None:
        await store.aput({"a": b"1", "b": b"2"}, HOUR)
        instance.process.send_signal(signal.SIGSTOP)
        task = asyncio.ensure_future(store.afetch(["a"]))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        finally:
            instance.process.send_signal(signal.SIGCONT)

    with pytest.raises(asyncio.CancelledError):
        loop.run(cancelled())
    assert loop.run(store.afetch(["b"])) == [b"2"]


def test_a_server_that_hangs_is_waited_for_no_longer_than_the_budget(
    instance: Instance, open_pages: OpenStore, verbs: Lane
) -> None:
    does = verbs(opened(open_pages, instance.backend, budget=0.4))
    does.put({"a": b"1"})
    instance.process.send_signal(signal.SIGSTOP)
    try:
        for _ in ("an open connection", "a new one"):
            began = time.monotonic()
            with pytest.raises(StoreError, match="fetch failed: TimeoutError"):
                does.fetch("a")
            assert 0.15 < time.monotonic() - began < 1.0
    finally:
        instance.process.send_signal(signal.SIGCONT)
    assert does.fetch("a") == [b"1"]
