"""Asks for one page over and over on kept connections, and checks every answer.

Runs in a process of its own: `python -m benchmarks.load ORDER` prints a tally; both are JSON. One thread and plain
sockets: `busy` tells which part of the time it worked rather than waited, so that it shows where it was the limit. An
answer that is the last right one byte for byte is compared with it and no more; any other is looked at in detail.
"""

from __future__ import annotations

import json
import random
import re
import select
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import repeat
from typing import Protocol

from benchmarks.text import BYTES, MARK, TEXT

HOST = "127.0.0.1"
LEAD_IN = 0.1  # the part of the time that is not counted: connections open, code warms up
PATIENCE = 10.0  # seconds without any answer
ROOM = BYTES + (1 << 14)  # bytes of an answer at most
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BREAK = b"\r\n\r\n"
BODY = TEXT.encode()
MADE = MARK[:-9].encode()

Poll = Callable[[float], Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Order:
    """What to ask: `proof` must be in the head, and `is_kept` bodies must all be the same."""

    port: int
    path: str
    connections: int
    seconds: float
    proof: str
    is_kept: bool
    hits: float = 1.0  # the part that asks for the one page; others ask for pages that nobody asked for before


@dataclass
class Tally:
    """What came back, all times in seconds; `asked` and `wrong` count the lead-in too."""

    answers: int = 0
    asked: int = 0
    wrong: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    waits: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Return the figures, with percentiles for the waits."""
        figures = asdict(self)
        waits = sorted(figures.pop("waits")) or [0.0]
        last = len(waits) - 1
        return figures | {"p50": waits[last // 2], "p99": waits[last * 99 // 100]}


class Heard(Protocol):
    """What can be waited for."""

    def fileno(self) -> int: ...


def poll_of(heard: Iterable[Heard]) -> Poll:
    """Return what waits for any of them, and says which by their numbers."""
    if hasattr(select, "epoll"):
        ready = select.epoll()
        for one in heard:
            ready.register(one.fileno(), select.EPOLLIN)
        return ready.poll
    selector = selectors.DefaultSelector()
    for one in heard:
        selector.register(one, selectors.EVENT_READ)
    return lambda patience: [(key.fd, events) for key, events in selector.select(patience)]


class Line:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)  # noqa: FBT003 of the library
        self._buffer = bytearray(ROOM)
        self._view = memoryview(self._buffer)
        self._heard = 0
        self.asked = 0.0

    def fileno(self) -> int:
        """Return the number that a poll calls it by."""
        return self._socket.fileno()

    def ask(self, words: bytes, now: float) -> None:
        """Send a request."""
        self.asked = now
        self._socket.sendall(words)

    def hear(self, known: bytes = b"") -> bytes | None:
        """Return an answer once it is whole: the known one itself, if it is that byte for byte.

        Raises OSError if it will never be whole.
        """
        count = self._socket.recv_into(self._view[self._heard :])
        if not count:
            raise ConnectionError
        self._heard = heard = self._heard + count
        if heard == len(known) and self._buffer.startswith(known):
            self._heard = 0
            return known
        end = self._buffer.find(BREAK, 0, heard) + len(BREAK)
        length = LENGTH.search(self._buffer, 0, end)
        if end < len(BREAK) or (length and heard - end < int(length[1])):
            return None
        self._heard = 0
        return bytes(self._view[:heard])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class AskedLine(Line):
    """A connection that knows who judges the answer."""

    judge: Judge

    def ask_next(self, following: Iterator[tuple[bytes, Judge]], now: float) -> None:
        """Send the request that is next."""
        words, self.judge = next(following)
        self.ask(words, now)


class Judge:
    """Knows a right answer; `known` is the last one, where all are to be the same."""

    def __init__(self, order: Order) -> None:
        self._proof = order.proof.encode()
        self._is_kept = order.is_kept
        self._body = b""
        self.known = b""

    def is_right(self, answer: bytes) -> bool:
        """Whether it is the page, as a whole, from where it should come."""
        head, _, body = answer.partition(BREAK)
        if not head.startswith(b"HTTP/1.1 200 ") or self._proof not in head.lower():
            return False
        if self._body and body != self._body:
            return False
        if len(body) != BYTES or not body.endswith(BODY) or not body.startswith(MADE):
            return False
        if self._is_kept:
            self._body, self.known = body, answer
        return True


def words_for(path: str) -> bytes:
    """Return a request as a browser sends it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\n\r\n"
    ).encode()


def requests(order: Order) -> Iterator[tuple[bytes, Judge]]:
    """Yield what to ask, and who knows a right answer to that."""
    kept = words_for(order.path), Judge(order)
    if order.hits >= 1:
        yield from repeat(kept)
    judge = Judge(replace(order, proof="", is_kept=False))
    number = time.time_ns() // 1000  # higher than those of anybody who asked before
    while True:
        number += 1
        is_hit = random.random() < order.hits  # noqa: S311 no secret
        yield kept if is_hit else (words_for(f"{order.path}{number}/"), judge)


def ask_for(order: Order) -> Tally:
    """Ask for as long as ordered."""
    following = requests(order)
    opened = (AskedLine(order.port) for _ in range(order.connections))
    lines = {line.fileno(): line for line in opened}
    poll = poll_of(lines.values())
    for line in lines.values():
        line.ask_next(following, time.perf_counter())
    first = listen(poll, lines, following, order.seconds * LEAD_IN)
    begun, worked = time.perf_counter(), time.process_time()
    tally = listen(poll, lines, following, order.seconds)
    tally.seconds = time.perf_counter() - begun
    tally.busy = (time.process_time() - worked) / tally.seconds
    tally.asked = first.answers + tally.answers
    tally.wrong += first.wrong
    return tally


def listen(
    poll: Poll,
    lines: dict[int, AskedLine],
    following: Iterator[tuple[bytes, Judge]],
    seconds: float,
) -> Tally:
    """Take answers and ask again until the time is over; return what came."""
    tally = Tally()
    clock, wait = time.perf_counter, tally.waits.append
    now = clock()
    end = now + seconds
    while now < end:
        ready = poll(PATIENCE)
        if not ready:
            raise TimeoutError
        for number, _ in ready:
            line = lines[number]
            known = line.judge.known
            answer = line.hear(known)
            if answer is not None:
                tally.wrong += answer is not known and not line.judge.is_right(answer)
                now = clock()
                wait(now - line.asked)
                line.ask_next(following, now)
    tally.answers = len(tally.waits)
    return tally


if __name__ == "__main__":
    print(json.dumps(ask_for(Order(**json.loads(sys.argv[1]))).summary()))
