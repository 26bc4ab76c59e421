"""A request waits so long and no longer; a server that is away is asked now and then only."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pagecache.recording.recorder import holding
from pagecache.stores import Store, StoreError, waiting
from pagecache.stores.awaited import patiently
from pagecache.stores.waiting import CALLS, FAILURES, PAUSE, Circuit, Patience, patience
from tests.stores.backends import OpenStore, RemoteCache, locmem
from tests.stores.verbs import HOUR, Lane, Verbs, plan_of, version

BUDGET = 0.5


class Clock:
    """Stands still but for what a test, or a slow server, lets pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(waiting, "monotonic", own)
    monkeypatch.setattr("pagecache.stores.base.monotonic", own)
    return own


class Server:
    """A cache server that takes some time for each call, and may be away."""

    def __init__(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch, open_pages: OpenStore
    ) -> None:
        self.calls = 0
        self.takes = 0.0
        self.is_away = False
        for method in ("get_many", "set_many", "delete_many"):
            original = getattr(RemoteCache, method)
            monkeypatch.setattr(RemoteCache, method, self._slow(clock, original))
        self.store: Store = open_pages(locmem(RemoteCache), budget=BUDGET)

    def _slow(self, clock: Clock, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(cache: Any, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            clock.sleep(self.takes)
            if self.is_away:
                raise TimeoutError
            return original(cache, *args, **kwargs)

        return call


@pytest.fixture
def server(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, open_pages: OpenStore
) -> Iterator[Server]:
    yield Server(clock, monkeypatch, open_pages)
    RemoteCache.kept.clear()


@contextmanager
def in_a_request(store: Store, *, is_async: bool) -> Iterator[tuple[Verbs, Patience]]:
    """Give the verbs as a request has them, and its patience."""
    request = Patience()
    with holding(patience, request), asyncio.Runner() as runner:
        yield Verbs(store, runner if is_async else None), request


@pytest.mark.parametrize("is_async", [False, True])
def test_a_request_begins_no_call_once_half_of_its_budget_is_spent(
    server: Server, clock: Clock, is_async: bool
) -> None:
    server.takes = 0.2
    with in_a_request(server.store, is_async=is_async) as (does, _):
        does.fetch("a")
        does.put({"a": b"1"})
        with pytest.raises(StoreError, match="this request has waited long enough"):
            does.fetch("a")
    assert server.calls == 2
    assert clock.now == pytest.approx(100.4)
    assert server.store.fetch(["a"]) == [b"1"], "another one has a budget of its own"


@pytest.mark.parametrize("is_async", [False, True])
def test_announcements_that_get_through_are_not_counted(server: Server, is_async: bool) -> None:
    """A request may write a thousand rows."""
    server.takes = 0.01
    with in_a_request(server.store, is_async=is_async) as (does, request):
        for _ in range(100):
            does.announce("*", {"*": version()})
        does.fetch("*")
    assert request.asked == pytest.approx(server.takes)


def test_a_server_that_fails_is_not_asked_any_more(
    server: Server, clock: Clock, verbs: Lane
) -> None:
    does = verbs(server.store)
    server.is_away = True
    for _ in range(10):
        with pytest.raises(StoreError):
            does.fetch("a")
    assert server.calls == FAILURES
    clock.sleep(PAUSE)
    for _ in range(10):
        with pytest.raises(StoreError):
            does.fetch("a")
    assert server.calls == FAILURES + 1, "one call finds out"
    server.is_away = False
    clock.sleep(PAUSE)
    assert [does.fetch("a") for _ in range(3)] == [[None]] * 3
    assert server.calls == FAILURES + 4


def test_failures_count_only_in_a_row(server: Server) -> None:
    for _ in range(FAILURES):
        server.is_away = True
        with pytest.raises(StoreError):
            server.store.fetch("a")
        server.is_away = False
        server.store.fetch("a")
    assert server.calls == 2 * FAILURES


def test_a_server_that_takes_no_writes_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is full serves what it has."""
    server.store.put({"a": b"1"}, None)

    def fails(*_: Any, **__: Any) -> None:
        raise ConnectionError("OOM")

    monkeypatch.setattr(RemoteCache, "set_many", fails)
    for _ in range(FAILURES + 1):
        with pytest.raises(StoreError):
            server.store.put({"b": b"1"}, None)
        assert server.store.fetch(["a"]) == [b"1"]
    assert server.store.writing.is_broken
    assert server.store.reading.is_well


def test_what_belongs_to_no_request_announces_each_time(server: Server, verbs: Lane) -> None:
    """A worker of a queue may have no other chance to tell."""
    does = verbs(server.store)
    server.is_away = True
    for _ in range(10):
        with pytest.raises(StoreError, match="announce failed"):
            does.announce("*", {"*": version()})
    assert server.calls == 10
    with holding(patience, Patience()), pytest.raises(StoreError, match="failed a moment ago"):
        server.store.announce("*", {"*": version()}, HOUR)
    assert server.calls == 10


def test_each_change_is_one_line_in_the_log(
    server: Server, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "pagecache"):
        for seconds in range(20):
            server.is_away = seconds % 5 != 4 and seconds < 15
            clock.sleep(PAUSE / 4)
            try:
                server.store.fetch(["a"])
            except StoreError:
                continue
        clock.sleep(PAUSE)
        server.store.fetch(["a"])
    began, ended = (record.getMessage() for record in caplog.records)
    assert began.startswith("Reading from cache 'pages' fails, so views answer; ")
    assert began.endswith(": cache 'pages': fetch failed: TimeoutError")
    assert ended == "Reading from cache 'pages' works again."


def test_one_of_many_threads_finds_out(clock: Clock) -> None:
    circuit = Circuit("It")
    for _ in range(FAILURES):
        circuit.failed(StoreError())
    clock.sleep(PAUSE)
    assert [circuit.admits() for _ in range(5)] == [True, False, False, False, False]
    clock.sleep(PAUSE)
    assert circuit.admits(), "that one may have died"


def test_a_call_that_passed_beside_the_one_that_found_out_says_nothing_twice(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    circuit = Circuit("It")
    circuit.failed(StoreError())
    circuit._failed_at = None
    circuit.passed()
    assert circuit.is_well
    assert len(caplog.records) == 1


def test_calls_that_failed_by_the_same_error_count_once(clock: Clock) -> None:
    """As many as wait on a connection of an event loop that breaks."""
    circuit = Circuit("It")

    def fail(cause: Exception) -> None:
        error = StoreError()
        error.__cause__ = cause
        circuit.failed(error)

    same = ConnectionError()
    for _ in range(FAILURES):
        fail(same)
    assert not circuit.is_broken
    for _ in range(FAILURES - 1):
        fail(ConnectionError())
    assert circuit.is_broken


def test_nothing_is_saved_while_writing_fails(server: Server, verbs: Lane) -> None:
    does = verbs(server.store)
    server.is_away = True
    for _ in range(FAILURES):
        with pytest.raises(StoreError):
            does.delete("a")
    with pytest.raises(StoreError, match="it failed a moment ago"):
        does.save(plan_of("a"))
    assert server.calls == FAILURES


def test_memory_of_this_process_is_not_waited_for(open_pages: OpenStore) -> None:
    """A busy machine is not a slow server."""
    store, request = open_pages(locmem()), Patience()
    request.asked = 1000.0
    with holding(patience, request):
        assert store.fetch(["a"]) == [None]
    assert request.asked == 1000.0


def test_what_the_machine_is_busy_with_is_not_the_servers(server: Server) -> None:
    """A site that is busy needs its pages stored most."""
    server.takes = 0.001
    server.store.fetch(["a"])
    with in_a_request(server.store, is_async=False) as (does, request):
        server.takes = 0.2
        for _ in range(CALLS - 1):
            does.fetch("a")
        assert request.asked == pytest.approx(0.001 * (CALLS - 1))
        does.fetch("a")
        assert request.asked == pytest.approx(0.001 * (CALLS - 1) + 0.2)


def busy() -> None:
    """Keep an event loop from everything else, as a view does that computes something."""
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        pass


async def answer_while_busy(*, comes: bool) -> bytes:
    """Wait for an answer on a loop that is busy meanwhile for much longer than it may take."""
    loop = asyncio.get_running_loop()
    reader, server = asyncio.StreamReader(), socket.socketpair()
    with server[0], server[1]:
        transport, _ = await loop.create_connection(
            lambda: asyncio.StreamReaderProtocol(reader), sock=server[0]
        )
        loop.call_soon(busy)
        if comes:
            server[1].sendall(b"answer")
        try:
            async with patiently(0.02):
                return await reader.readexactly(6)
        finally:
            transport.close()


def test_an_answer_that_has_come_counts_on_a_loop_that_was_busy() -> None:
    assert asyncio.run(answer_while_busy(comes=True)) == b"answer"


def test_an_answer_that_has_not_come_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(answer_while_busy(comes=False))
