"""Asks for one page over and over on kept connections, and checks every answer.

Runs in a process of its own: `python -m benchmarks.load ORDER` prints a tally; both are JSON. One thread and plain
sockets: `busy` tells which part of the time it worked rather than waited, so that it shows where it was the limit.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

from benchmarks.text import BYTES, MARK, TEXT

HOST = "127.0.0.1"
LEAD_IN = 0.1  # the part of the time that is not counted: connections open, code warms up
PATIENCE = 10.0  # seconds without any answer
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BODY = TEXT.encode()


@dataclass(frozen=True)
class Order:
    """What to ask: `proof` must be in the head, and `is_kept` bodies must all be the same."""

    port: int
    path: str
    connections: int
    seconds: float
    proof: str
    is_kept: bool


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


class Line:
    """One connection."""

    def __init__(self, order: Order) -> None:
        self.socket = socket.create_connection((HOST, order.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._words = (
            f"GET {order.path} HTTP/1.1\r\nHost: {HOST}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\n\r\n"
        ).encode()
        self._heard = b""
        self.asked = 0.0

    def ask(self) -> None:
        """Send the request."""
        self.asked = time.perf_counter()
        self.socket.sendall(self._words)

    def hear(self) -> tuple[bytes, bytes] | None:
        """Return head and body once they are there as a whole; raises OSError if they never will be."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise ConnectionError
        heard = self._heard + more
        end = heard.find(b"\r\n\r\n") + 4
        length = LENGTH.search(heard, 0, end)
        if end < 4 or (length and len(heard) - end < int(length[1])):  # noqa: PLR2004 the break itself
            self._heard = heard
            return None
        self._heard = b""
        return heard[:end], heard[end:]


class Judge:
    """Knows a right answer."""

    def __init__(self, order: Order) -> None:
        self._proof = order.proof.encode()
        self._is_kept = order.is_kept
        self._first: bytes | None = None

    def is_right(self, head: bytes, body: bytes) -> bool:
        """Whether it is the page, as a whole, from where it should come."""
        if not head.startswith(b"HTTP/1.1 200 ") or self._proof not in head.lower():
            return False
        if body == self._first:
            return True
        if len(body) != BYTES or not body.endswith(BODY) or (self._first and self._is_kept):
            return False
        self._first = body if self._is_kept else None
        return body[: len(MARK) - 9] == MARK[:-9].encode()


def ask_for(order: Order) -> Tally:
    """Ask for as long as ordered."""
    selector = selectors.DefaultSelector()
    tally, judge = Tally(), Judge(order)
    for _ in range(order.connections):
        line = Line(order)
        selector.register(line.socket, selectors.EVENT_READ, line)
        line.ask()
    _listen(selector, judge, tally, order.seconds * LEAD_IN)
    tally = Tally(asked=tally.answers, wrong=tally.wrong)
    begun, worked = time.perf_counter(), time.process_time()
    _listen(selector, judge, tally, order.seconds)
    tally.seconds = time.perf_counter() - begun
    tally.asked += tally.answers
    tally.busy = (time.process_time() - worked) / tally.seconds
    return tally


def _listen(selector: selectors.BaseSelector, judge: Judge, tally: Tally, seconds: float) -> None:
    """Take answers and ask again until the time is over."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        ready = selector.select(PATIENCE)
        if not ready:
            raise TimeoutError
        for key, _ in ready:
            line: Line = key.data
            answer = line.hear()
            if answer is not None:
                tally.waits.append(time.perf_counter() - line.asked)
                tally.answers += 1
                tally.wrong += not judge.is_right(*answer)
                line.ask()


if __name__ == "__main__":
    print(json.dumps(ask_for(Order(**json.loads(sys.argv[1]))).summary()))
