"""What is said over an open connection to a Redis: bytes to send, answers as they come."""

from __future__ import annotations

import math
import socket
import time
from struct import Struct
from typing import Any

from redis.connection import Connection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as ClosedError
from redis.exceptions import RedisError, ResponseError

STOCK = {Connection, UnixDomainSocketConnection}
DONTWAIT: int = getattr(socket, "MSG_DONTWAIT", 0)
TIMEVAL = Struct("@ll")  # seconds and microseconds, as setsockopt takes them
NEAR = 0.00015  # seconds in which a near server answers
LOOKS = 40  # at a near one, before the thread sleeps: as long as it takes to sleep and to be woken
MUCH = 4096  # bytes that a server takes in before it answers: a page that is saved, as a rule
LOOKS_AFTER_MUCH = 3 * LOOKS


class Talk:
    """What is said over a connection, as redis-py says it."""

    __slots__ = ("_connection", "looks")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.looks = False  # before it sleeps: left to redis-py

    def send(self, data: bytes) -> None:
        """Send commands."""
        self._connection.send_packed_command((data,), check_health=False)

    def answers(self, count: int) -> list[Any]:
        """Return the next answers; an error that the server answers is a value."""
        return [self._answer() for _ in range(count)]

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def is_closed(self) -> bool:
        """Whether something came that nobody asked for: the end of the connection, as a rule."""
        try:
            return bool(self._connection.can_read())
        except (RedisError, OSError):
            return True


class PlainTalk:
    """The same over a plain socket, with hiredis: the kernel keeps the time, and nothing stands between."""

    __slots__ = (
        "_buffer",
        "_is_near",
        "_most_looks",
        "_nothing",
        "_reader",
        "_seconds",
        "_sent",
        "_socket",
        "looks",
    )

    def __init__(self, plain: socket.socket, reader: Any, seconds: float) -> None:
        limit = TIMEVAL.pack(*divmod(max(1, int(seconds * 1_000_000)), 1_000_000))
        plain.settimeout(None)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._socket, self._reader, self._buffer = plain, reader, bytearray(65536)
        self._nothing = reader.gets()  # what it answers as long as no answer is whole
        self._seconds, self._sent = seconds, math.inf
        self._is_near = False  # the last time that it answered
        self._most_looks = LOOKS
        self.looks = False  # before it sleeps: where no other thread waits to run meanwhile

    def send(self, data: bytes) -> None:
        """Send commands; the answers to all of them are waited for this long, and for one more piece.

        What is there by then counts, also where other threads of this process kept it from being looked at.
        """
        self._sent = time.monotonic()
        self._most_looks = LOOKS if len(data) < MUCH else LOOKS_AFTER_MUCH
        try:
            self._socket.sendall(data)
        except BlockingIOError as error:
            raise TimeoutError from error

    def answers(self, count: int) -> list[Any]:
        """Return the next answers; an error that the server answers is a value."""
        answers: list[Any] = []
        take, nothing = self._reader.gets, self._nothing
        for _ in range(count):
            while (answer := take()) is nothing:
                self._hear()
            if isinstance(answer, ClosedError):  # it is loading its data, or wants to know who asks
                raise answer
            answers.append(answer)
        return answers

    def _hear(self) -> None:
        """Let the reader have what comes next."""
        try:
            count = self._looked() if self._is_near and self.looks else self._waited()
        except BlockingIOError as error:
            raise TimeoutError from error
        if not count:
            raise ClosedError
        self._reader.feed(self._buffer, 0, count)

    def _looked(self) -> int:
        """Take what has come from a near server into the buffer; return how many bytes that is.

        No look gives way: neither to other threads of the process, nor to others where all cores are busy.
        """
        for _ in range(self._most_looks):
            try:
                return self._socket.recv_into(self._buffer, 0, DONTWAIT)
            except BlockingIOError:
                continue
        return self._waited()

    def _waited(self) -> int:
        """Do the same once something has come, in time."""
        is_late = time.monotonic() - self._sent > self._seconds
        count = self._socket.recv_into(self._buffer, 0, DONTWAIT if is_late else 0)
        self._is_near = time.monotonic() - self._sent < NEAR
        return count

    def is_closed(self) -> bool:
        """Whether something came that nobody asked for: the end of the connection, as a rule."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


def talk_of(connection: Any) -> Talk | PlainTalk:
    """Return how to talk over an open connection: plainly where it is of a stock class, and has what that takes.

    Without hiredis there is no reader; TLS has a class of its own; the sockets of green threads do not block.
    """
    if type(connection) not in STOCK or not DONTWAIT:
        return Talk(connection)
    plain: Any = getattr(connection, "_sock", None)
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    if type(plain).__module__ != "socket" or not hasattr(reader, "feed"):
        return Talk(connection)
    return PlainTalk(plain, reader, connection.socket_timeout)
