"""Readers and a writer on one page, and the verdict on what they saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock

from django.db import connections
from django.http import HttpRequest, HttpResponse

from pagecache.stats import health
from tests.lanes import Lane, status
from tests.site.models import Author

READERS = ("ann", "bob")
READS = 12  # of each reader, while the fault lasts
WRITES = 4
PATIENCE = 30.0  # seconds for hits to come back


@dataclass
class Verdict:
    """What a site's visitors saw of a fault."""

    failed: int = 0
    stale: int = 0
    leaked: int = 0
    reads: int = 0
    renders: int = 0
    longest: float = 0.0  # seconds that one request took
    told: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> tuple[int, int, int]:
        """How many requests failed, and how many answers were old or another visitor's."""
        return self.failed, self.stale, self.leaked


def show(request: HttpRequest) -> HttpResponse:
    """Return a page for one visitor about one row."""
    author = Author.objects.get()
    return HttpResponse(f"{request.COOKIES['name']} {author.name}")


class Load:
    """Visitors of one page, each with a cookie that it shows, and the number that its row has."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._lock = Lock()
        self.published = 0
        self.verdict = Verdict()
        lane.configure(KEY_COOKIES=["name"], TIMEOUT=300)
        lane.show(show)
        lane.visitor()  # makes the handler that all visitors share
        Author.objects.create(name="0")

    def read(self, name: str) -> bool:
        """Ask once; return whether it was a hit."""
        floor, began = self.published, time.monotonic()
        verdict = self.verdict
        try:
            answer = self._lane.visitor(name=name).get()
        except Exception as error:  # noqa: BLE001 whatever it is, the request failed
            with self._lock:
                verdict.failed += 1
                verdict.told.append(repr(error))
            return False
        took = time.monotonic() - began
        whose, _, number = answer.content.decode().partition(" ")
        is_hit = status(answer).hit
        with self._lock:
            verdict.reads += 1
            verdict.longest = max(verdict.longest, took)
            if answer.status_code != 200 or not number:
                verdict.failed += 1
                return False
            verdict.leaked += whose != name
            verdict.stale += int(number) < floor
        return is_hit

    def write(self) -> None:
        """Commit the next number, and tell of it once the call is back."""
        number = self.published + 1
        try:
            Author.objects.update(name=str(number))
        except Exception as error:  # noqa: BLE001 whatever it is, the write failed
            with self._lock:
                self.verdict.failed += 1
                self.verdict.told.append(repr(error))
        self.published = number

    def run(self) -> None:
        """Let all readers and the writer work at once."""

        def reader(name: str) -> None:
            for _ in range(READS):
                self.read(name)

        def writer() -> None:
            for _ in range(WRITES):
                self.write()

        jobs = [lambda name=name: reader(name) for name in READERS] + [writer]
        with ThreadPoolExecutor(len(jobs)) as pool:
            for job in [pool.submit(closing, job) for job in jobs]:
                job.result()

    def is_hit_again(self) -> bool:
        """Whether pages of all readers come from the cache, as they are now, within some time."""
        deadline = time.monotonic() + PATIENCE
        return all(any(self._until(deadline, name)) for name in READERS)

    def _until(self, deadline: float, name: str) -> Iterator[bool]:
        while time.monotonic() < deadline:
            yield self.read(name)


def see_through(
    fault: AbstractContextManager[None], lane: Lane, budget: float
) -> tuple[Verdict, Verdict]:
    """Let visitors come before, during and after a fault; return what they saw meanwhile and afterwards."""
    load = Load(lane)
    lane.configure(STORE_BUDGET=budget)
    assert load.is_hit_again()
    meanwhile, before = Verdict(), lane.renders
    load.verdict = meanwhile
    with fault:
        load.run()
    meanwhile.renders = lane.renders - before
    load.verdict = afterwards = Verdict()
    load.write()
    assert load.is_hit_again()
    assert not health().owes
    return meanwhile, afterwards


def closing(job: Callable[[], None]) -> None:
    """Do something on a thread, and close what it opened."""
    try:
        job()
    finally:
        connections.close_all()
