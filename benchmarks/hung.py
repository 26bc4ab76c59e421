"""What visitors lose while the Redis hangs: `python -m benchmarks.hung`.

Two servers of one site, without a cache and with pagecache and its default `STORE_BUDGET`, are asked in turns, over a
connection each. Then the Redis is stopped (it takes connections and never answers), and let go on again.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from http.client import HTTPConnection
from statistics import median
from subprocess import Popen
from typing import Any

from benchmarks import servers
from benchmarks.contenders import BY_NAME
from pagecache.options import Options
from tests.servers import HOST, free_port, start_redis

BARE, CACHED = BY_NAME["no-cache"], BY_NAME["pagecache"]
ROUNDS = 3
FIRST, THEN = 8, 300  # requests once it hangs, and once nobody asks it any more
LAST, BACK = 20, 0.9  # of so many answers, the share of hits that counts as back
PATIENCE = 30.0  # seconds for it to be back


class Line:
    """A connection to the server of a contender."""

    def __init__(self, running: servers.Running) -> None:
        self._connection = HTTPConnection(HOST, running.port, timeout=PATIENCE)
        self._running = running

    def used(self) -> float:
        """Return the processor time of its server up to now, in seconds."""
        return self._running.used()

    def ask(self) -> tuple[float, bool]:
        """Ask for the page; return the seconds that it took, and whether it was a hit."""
        began = time.perf_counter()
        self._connection.request("GET", self._running.contender.path)
        answer = self._connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:  # noqa: PLR2004 a status code
            message = f"the answer is {answer.status}"
            raise AssertionError(message)
        return took, "pagecache; hit" in answer.headers.get("Cache-Status", "")


def main() -> None:
    """Print the figures of each round."""
    port, budget = free_port(), Options().STORE_BUDGET
    os.environ["BENCH_BUDGET"] = str(budget)
    with (
        start_redis(port, "--save", "") as redis,
        servers.site(f"redis://{HOST}:{port}/0"),
        servers.up((BARE, CACHED)) as up,
    ):
        bare, cached = (Line(up.running[one.name]) for one in (BARE, CACHED))
        for number in range(ROUNDS):
            print(f"round {number + 1}, STORE_BUDGET {ms(budget)}: {hung(redis, bare, cached)}")


def hung(redis: Popen[bytes], bare: Line, cached: Line) -> str:
    """Let the Redis hang for a while; say what that cost."""
    until_back(cached)
    hits, _ = in_turns(THEN, bare, cached)
    redis.send_signal(signal.SIGSTOP)
    try:
        first, view = in_turns(FIRST, bare, cached)
        before = cached.used(), bare.used()
        then, alone = in_turns(THEN, bare, cached)
        used = [
            (now - was) / THEN
            for now, was in zip((cached.used(), bare.used()), before, strict=True)
        ]
    finally:
        redis.send_signal(signal.SIGCONT)
    lost = ", ".join(ms(max(took - median(view), 0)) for took in first)
    more = f"{ms(median(then) - median(alone))} more ({ms(used[0] - used[1])} of the processor)"
    return (
        f"a hit takes {ms(median(hits))}; as it hangs, requests lose {lost}; then the median is "
        f"{ms(median(then))}, {more} than without a cache; hits are back after {until_back(cached):.2f} s"
    )


def in_turns(times: int, bare: Line, cached: Line) -> tuple[list[float], list[float]]:
    """Return what answers took with pagecache, and without."""
    pairs: list[tuple[float, float]] = [(cached.ask()[0], bare.ask()[0]) for _ in range(times)]
    with_cache, without = zip(*pairs, strict=True)
    return list(with_cache), list(without)


def until_back(cached: Line) -> float:
    """Return the seconds until most of the last answers were hits."""
    began, last = time.monotonic(), deque[Any](maxlen=LAST)
    while len(last) < LAST or sum(last) < BACK * LAST:
        last.append(cached.ask()[1])
        if time.monotonic() - began > PATIENCE:
            message = "hits do not come back"
            raise AssertionError(message)
    return time.monotonic() - began


def ms(seconds: float) -> str:
    """Return a time in milliseconds."""
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    main()
