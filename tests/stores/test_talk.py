"""Both ways to talk over an open connection: plainly, and as redis-py does where that cannot be."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Generator, Iterator
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import hiredis
import pytest
import redis
from redis.exceptions import ConnectionError as ClosedError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as LateError

from pagecache.stores.lines import checked
from pagecache.stores.talk import (
    DONTWAIT,
    LOOKS,
    LOOKS_AFTER_MUCH,
    MUCH,
    NEAR,
    PlainTalk,
    Talk,
    talk_of,
)
from tests import servers
from tests.stores.instances import Instance

BUDGET = 0.2
Way = Talk | PlainTalk


class OwnConnection(redis.Connection):
    """A class of the site's, which may count, trace or encrypt."""


@pytest.fixture
def connection(instance: Instance) -> Generator[Any]:
    connection: Any = redis.Connection(  # type: ignore[no-untyped-call]
        port=instance.port, socket_timeout=BUDGET, protocol=2, retry=None, health_check_interval=0
    )
    connection.connect()
    yield connection
    connection.disconnect()


@pytest.fixture(params=[Talk, talk_of])
def talk(request: pytest.FixtureRequest, connection: Any) -> Way:
    way: Way = request.param(connection)
    return way


def test_a_plain_socket_is_talked_over_plainly(connection: Any) -> None:
    assert type(talk_of(connection)) is PlainTalk


@pytest.mark.parametrize("kind", [redis.SSLConnection, OwnConnection])
def test_what_is_no_stock_connection_is_left_to_redis_py(kind: Any) -> None:
    assert type(talk_of(kind())) is Talk


def test_a_parser_without_hiredis_is_left_to_redis_py(connection: Any) -> None:
    connection._parser = SimpleNamespace(_reader=None, on_disconnect=lambda: None)
    assert type(talk_of(connection)) is Talk


def test_answers_come_in_order_and_an_error_is_one_of_them(talk: Way) -> None:
    talk.send(b"PING\r\nNONSENSE\r\nGET absent\r\nECHO last\r\n")
    answers = talk.answers(4)
    assert (answers[0], answers[2:]) == (b"PONG", [None, b"last"])
    assert isinstance(answers[1], ResponseError)


def test_an_answer_may_be_larger_than_the_buffer(talk: Way) -> None:
    body = b"x" * 300_000
    talk.send(b"*2\r\n$4\r\nECHO\r\n$300000\r\n" + body + b"\r\n")
    assert talk.answers(1)[0] == body


def test_a_server_that_hangs_is_a_timeout(instance: Instance, talk: Way) -> None:
    instance.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises((TimeoutError, LateError)):
            talk.send(b"PING\r\n" * 10_000_000)  # more than the buffers of the socket hold
    finally:
        instance.process.send_signal(signal.SIGCONT)


def test_an_answer_that_is_late_is_a_timeout(instance: Instance, talk: Way) -> None:
    instance.process.send_signal(signal.SIGSTOP)
    try:
        talk.send(b"PING\r\n")
        with pytest.raises((TimeoutError, LateError)):
            talk.answers(1)[0]
    finally:
        instance.process.send_signal(signal.SIGCONT)


def test_the_end_of_a_connection_is_seen_and_is_an_error(instance: Instance, talk: Way) -> None:
    assert not talk.is_closed()
    instance.disconnect_others()
    servers.wait_until(talk.is_closed, instance.process, "redis")
    with pytest.raises((ClosedError, ConnectionResetError)):
        talk.answers(1)[0]


@pytest.fixture
def other_end(connection: Any) -> Generator[tuple[PlainTalk, socket.socket]]:
    """A talk with somebody who says what the test wants."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield PlainTalk(ours, connection._parser._reader, BUDGET), theirs


def test_an_answer_that_comes_in_drops_has_no_more_time_than_one_that_does_not_come(
    other_end: tuple[PlainTalk, socket.socket],
) -> None:
    talk, server = other_end
    talk.send(b"PING\r\n")
    stop = Event()

    def trickle() -> None:
        server.sendall(b"$1000\r\n")
        while not stop.wait(BUDGET / 4):
            server.sendall(b"x")

    dropping = Thread(target=trickle)
    dropping.start()
    try:
        with pytest.raises(TimeoutError):
            talk.answers(1)[0]
    finally:
        stop.set()
        dropping.join()


@pytest.mark.parametrize(
    "says", [b"-LOADING Redis is loading\r\n", b"-NOAUTH Authentication required.\r\n"]
)
def test_a_server_that_is_not_ready_is_no_answer(
    other_end: tuple[PlainTalk, socket.socket], says: bytes
) -> None:
    talk, server = other_end
    talk.send(b"PING\r\n")
    server.sendall(says)
    with pytest.raises(ClosedError):
        talk.answers(1)[0]


def test_no_error_is_taken_for_an_answer() -> None:
    with pytest.raises(ClosedError):
        checked([b"OK", ClosedError("loading")])


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let a long time pass, as for a thread that others kept waiting."""
    passed = [0.0]
    monkeypatch.setattr("pagecache.stores.talk.time.monotonic", lambda: passed[0])
    return lambda: passed.append(passed.pop() + 1000.0)


@pytest.fixture
def ends() -> Iterator[tuple[PlainTalk, socket.socket]]:
    """A talk, and the other end of its socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield PlainTalk(ours, hiredis.Reader(), 0.5), theirs


def test_an_answer_that_has_come_counts_however_late_it_is_looked_at(
    ends: tuple[PlainTalk, socket.socket], late: Callable[[], None]
) -> None:
    plain, server = ends
    plain.send(b"x")
    server.sendall(b"$100000\r\n" + b"y" * 100_000 + b"\r\n")  # several pieces
    late()
    assert plain.answers(1)[0] == b"y" * 100_000


def test_an_answer_that_comes_in_drops_is_a_timeout(
    ends: tuple[PlainTalk, socket.socket], late: Callable[[], None]
) -> None:
    plain, server = ends
    plain.send(b"x")
    server.sendall(b"$5\r\nab")
    late()
    with pytest.raises(TimeoutError):
        plain.answers(1)[0]


class Slow:
    """A socket whose answers come at the so manieth look, each look a moment; it notes which would have slept."""

    def __init__(self, passed: list[float]) -> None:
        self._passed = passed
        self.comes_at = 1
        self.waits = 0.0  # seconds, where it sleeps
        self.flags: list[int] = []
        self.settimeout = self.setsockopt = self.sendall = lambda *_: None

    def ask(self, plain: PlainTalk, much: int = 1) -> list[int]:
        """Have a question of so many bytes answered; return the flags of the looks."""
        self.flags = []
        plain.send(b"x" * much)
        assert plain.answers(1)[0] == b"OK"
        return self.flags

    def recv_into(self, buffer: bytearray, _count: int, flags: int) -> int:
        self.flags.append(flags)
        if flags and len(self.flags) < self.comes_at:
            raise BlockingIOError
        if not flags:
            self._passed[0] += self.waits
        buffer[:5] = b"+OK\r\n"
        return 5


def test_a_near_server_is_looked_at_a_few_times_before_the_thread_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = [0.0]
    monkeypatch.setattr("pagecache.stores.talk.time.monotonic", lambda: passed[0])
    server: Any = Slow(passed)
    plain = PlainTalk(server, hiredis.Reader(), BUDGET)
    plain.looks = True
    assert server.ask(plain) == [0]  # nothing is known of it
    server.comes_at = 3
    assert server.ask(plain) == [DONTWAIT] * 3
    server.comes_at, server.waits = LOOKS + 1, 2 * NEAR
    assert server.ask(plain) == [*[DONTWAIT] * LOOKS, 0]
    server.waits = NEAR / 2
    assert server.ask(plain) == [0]  # it was far the last time
    assert server.ask(plain)[0] == DONTWAIT
    assert server.ask(plain, MUCH) == [DONTWAIT] * (LOOKS + 1)
    server.comes_at = LOOKS_AFTER_MUCH + 1
    assert server.ask(plain, MUCH) == [*[DONTWAIT] * LOOKS_AFTER_MUCH, 0]
    assert server.ask(plain, MUCH - 1) == [*[DONTWAIT] * LOOKS, 0]
    plain.looks = False
    assert server.ask(plain) == [0]
