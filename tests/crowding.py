"""A process with a crowd of visitors, one of several that ask for a page at once: run by `test_crowds`.

`python -m tests.crowding REDIS_URL PROCESSES VISITORS PATH` prints, for each of two rounds, what its visitors got, how
many of its requests took a lease or waited, and how often at most one of them waited.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any

import django
import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

ROUNDS = 2
PATIENCE = 60  # seconds
server: Any = None
crowd = 0  # visitors of all processes


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "the others did not come"
        time.sleep(0.005)


def shared(request: HttpRequest) -> HttpResponse:
    """Make a page; the first one takes until everybody else has missed it too."""
    number = server.incr("renders")
    if number == 1:
        until(lambda: int(server.get("missed")) >= crowd)
    return HttpResponse(str(number))


def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse(shared(request).content, headers={"Cache-Control": "private"})


urlpatterns = [path("shared/", shared), path("private/", private)]


class Watch:
    """Counts what requests do about leases."""

    def __init__(self) -> None:
        from pagecache.engine import effects, flow  # noqa: PLC0415 Django is set up first

        self.done: Counter[str] = Counter()
        self.waits: list[int] = []
        self._own = local()
        for kind in (effects.Lease, effects.Release, effects.Wait, effects.Pause):
            kind.run = self._counted(kind.__name__, kind.run)  # type: ignore[method-assign]
        take: Any = flow.take  # type: ignore[attr-defined]

        def watched(*arguments: Any) -> Any:
            if not self._own.missed:
                self._own.missed = bool(server.incr("missed"))
            is_over = yield from take(*arguments)
            self._own.waits += bool(is_over)
            return is_over

        flow.take = watched  # type: ignore[attr-defined, assignment]

    def _counted(self, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.done[name] += 1
            return run(*arguments)

        return counted

    def visit(self, barrier: Barrier, url: str) -> str:
        self._own.waits, self._own.missed = 0, False
        barrier.wait(PATIENCE)
        body = Client().get(url).content.decode()
        self.waits.append(self._own.waits)
        return body

    def told(self) -> dict[str, Any]:
        told = {"done": dict(self.done), "waits": max(self.waits)}
        self.done.clear()
        self.waits.clear()
        return told


def main(url: str, processes: int, visitors: int, page: str) -> None:
    global server, crowd
    server, crowd = redis.Redis.from_url(url), processes * visitors
    django.setup()
    settings.ROOT_URLCONF = "tests.crowding"
    sys.modules["tests.crowding"] = sys.modules["__main__"]
    watch, rounds = Watch(), []
    with ThreadPoolExecutor(visitors) as pool:
        for number in range(ROUNDS):
            barrier = Barrier(visitors)
            server.incr(f"ready{number}")
            until(lambda key=f"ready{number}": int(server.get(key)) >= processes)  # type: ignore[misc]
            bodies = list(pool.map(watch.visit, [barrier] * visitors, [page] * visitors))
            server.incr(f"over{number}")
            until(lambda key=f"over{number}": int(server.get(key)) >= processes)  # type: ignore[misc]
            rounds.append({"bodies": bodies, **watch.told()})
    print(json.dumps(rounds))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
