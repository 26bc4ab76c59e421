"""Reads the answers of a Redis from what comes over a connection: hiredis does, and where that is not there, Python."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from redis.exceptions import InvalidResponse

NOTHING: Any = object()  # no answer is whole yet


class Reader:
    """Reads answers in the second version of the protocol, whatever the pieces are that they come in."""

    __slots__ = ("_answer", "_buffer", "_error", "_is_short")

    def __init__(self, error: Callable[[str], Exception]) -> None:
        self._error = error
        self._buffer = bytearray()
        self._answer = self._next()

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def gets(self) -> Any:
        """Return the next answer, `NOTHING` where it is not whole yet; an error that the server answers is a value."""
        try:
            next(self._answer)
        except StopIteration as stop:
            self._answer = self._next()
            return stop.value
        return NOTHING

    def _next(self) -> Generator[None, None, Any]:
        line = yield from self._line()
        kind, said = line[:1], line[1:]
        if kind == b"+":
            return said
        if kind == b"-":
            return self._error(said.decode(errors="replace"))
        if kind == b":":
            return int(said)
        if kind == b"$":
            return None if said == b"-1" else (yield from self._value(int(said)))
        if kind == b"*":
            return None if said == b"-1" else (yield from self._several(int(said)))
        raise InvalidResponse

    def _several(self, count: int) -> Generator[None, None, list[Any]]:
        answers: list[Any] = []
        while len(answers) < count:
            answers.append((yield from self._next()))
        return answers

    def _line(self) -> Generator[None, None, bytes]:
        while (end := self._buffer.find(b"\r\n")) < 0:
            yield
        return self._taken(end)

    def _value(self, size: int) -> Generator[None, None, bytes]:
        while len(self._buffer) < size + 2:
            yield
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        taken, end = bytes(self._buffer[:size]), self._buffer[size : size + 2]
        if end != b"\r\n":
            raise InvalidResponse
        del self._buffer[: size + 2]
        return taken


def reader_of(connection: Any) -> Any:
    """Return what reads the answers that come over a connection of redis-py."""
    parser = connection._parser  # noqa: SLF001 redis-py gives no other way
    reader = getattr(parser, "_reader", None)
    return reader if hasattr(reader, "feed") else Reader(parser.parse_error)
