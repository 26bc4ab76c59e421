"""How long hits take while somebody writes: `python -m benchmarks.writes`.

A thousand pages show a row each and are asked for at random; somebody saves a row now and then, which drops its page.
An answer is stale if, before it was asked for, a save of its row had returned with something newer.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import re
import subprocess
import sys
import time
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from benchmarks import servers
from benchmarks.commands import ROOT
from benchmarks.contenders import BY_NAME
from benchmarks.load import BODY, BREAK, MADE, PATIENCE, Line, poll_of, words_for
from benchmarks.report import Table, aligned
from benchmarks.rounds import Spread, Tell
from benchmarks.saves import PAGES
from benchmarks.servers import Running
from benchmarks.text import MARK
from tests.servers import redis

SHORT = "pagecache", "pagecache-wsgi", "pagecache-wsgi-validate", "pagecache-wsgi-push"
CONTENDERS = ("django", "cacheops", *SHORT)
SHORT_RATES, RATES = (0, 10), (0, 1, 10, 100)  # writes a second
SECONDS, CONNECTIONS = 4.0, 8
ROUNDS = 5  # at least
MOST_WRITES = 100_000  # of one run
PAGE = re.compile(MADE + rb"(\d{8})\n")
BOUND = 1.0  # seconds; `PUSH_BOUND` as it is by default
COLUMNS = (
    *("with writes", "writes/s", "answers/s", "hits", "p50 ms of hits", "p99 ms of hits"),
    *("x p99 without writes", "wrong", "stale", "stale beyond the bound"),
)
WRONG = -1  # the value of an answer that is no page of a row


class Answer(NamedTuple):
    """What came back for a row: when it was asked for, how long that took, and which save the page shows."""

    asked: float
    waited: float
    row: int
    value: int
    is_hit: bool


Saves = dict[int, list[tuple[float, int]]]  # by row: when a save returned, and what it wrote


@dataclass
class Run:
    """What is left of the answers of some seconds: counts, and what each hit took."""

    answers: int = 0
    wrong: int = 0
    stale: int = 0
    late: int = 0  # stale beyond the bound
    waits: array[float] = field(default_factory=lambda: array("d"))

    @classmethod
    def of(cls, answers: Sequence[Answer], saves: Saves) -> Run:
        """Count answers."""
        return cls(
            len(answers),
            sum(one.value == WRONG for one in answers),
            stale(answers, saves),
            stale(answers, saves, BOUND),
            array("d", (one.waited for one in answers if one.is_hit)),
        )


@dataclass
class Written:
    """The runs by contender and writes a second."""

    runs: dict[tuple[str, int], list[Run]] = field(default_factory=lambda: defaultdict(list))

    @property
    def names(self) -> list[str]:
        """Who was asked."""
        return list(dict.fromkeys(name for name, _ in self.runs))

    def slower(self, name: str, rate: int) -> Spread:
        """Return how many times those without writes that is, round by round."""
        pairs = zip(self.runs[name, rate], self.runs[name, 0], strict=True)
        return Spread.of([p99_of(one) / p99_of(quiet) for one, quiet in pairs])

    def _waits(self, name: str, rate: int) -> list[float]:
        return [wait for run in self.runs[name, rate] for wait in run.waits]

    def table(self) -> Table:
        """Return a row for each contender and rate."""
        return [COLUMNS, *(self._row(name, rate) for name, rate in self.runs)]

    def _hits(self, name: str, rate: int, answers: int) -> tuple[str, ...]:
        waits = self._waits(name, rate)
        return (
            f"{len(waits) / answers:.2%}",
            f"{percentile(waits, 0.5):.2f}",
            f"{percentile(waits, 0.99):.2f}",
            f"{self.slower(name, rate).median:.2f}",
        )

    def _row(self, name: str, rate: int) -> tuple[str, ...]:
        runs, waits = self.runs[name, rate], self._waits(name, rate)
        count = sum(run.answers for run in runs)
        return (
            BY_NAME[name].label,
            str(rate),
            f"{count / (SECONDS * len(runs)):,.0f}",
            *(self._hits(name, rate, count) if waits else [""] * 4),
            *(str(sum(getattr(run, what) for run in runs)) for what in ("wrong", "stale", "late")),
        )


class Page:
    """The page of a row: how it is asked for, and the answer that came last, with what is seen in it."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.words = words_for(f"/texts/{row}/")
        self.known = b""
        self._seen = WRONG, False

    def seen_in(self, answer: bytes) -> tuple[int, bool]:
        """Look at an answer, unless it is the last one once more."""
        if answer is not self.known:
            self.known, self._seen = answer, seen_in(answer)
        return self._seen


class PageLine(Line):
    """A connection over which pages are asked for."""

    page: Page

    def ask_for(self, page: Page) -> None:
        """Send a request for it."""
        self.page = page
        self.ask(page.words, time.perf_counter())


def asked(server: Running, seconds: float, rows: Iterable[int] | None = None) -> list[Answer]:
    """Ask for rows, or for rows at random as long as that."""
    pages = [Page(row) for row in range(1, PAGES + 1)]
    choose = partial(random.choice, pages)
    wanted = iter(choose, None) if rows is None else (pages[row - 1] for row in rows)
    opened = (PageLine(server.port) for _ in range(CONNECTIONS))
    lines, answers = {line.fileno(): line for line in opened}, []
    poll = poll_of(lines.values())
    for line in lines.values():
        line.ask_for(next(wanted))
    end, waiting = time.perf_counter() + seconds, CONNECTIONS
    while waiting:
        ready = poll(PATIENCE)
        if not ready:
            raise TimeoutError
        for number, _ in ready:
            line = lines[number]
            page = line.page
            if (heard := line.hear(page.known)) is None:
                continue
            now = time.perf_counter()
            answers.append(Answer(line.asked, now - line.asked, page.row, *page.seen_in(heard)))
            following = next(wanted, None) if now < end else None
            if following is not None:
                line.ask_for(following)
            else:
                waiting -= 1
                line.close()
    return answers


def seen_in(answer: bytes) -> tuple[int, bool]:
    """Return which save the page shows, and whether it is a hit."""
    head, _, body = answer.partition(BREAK)
    is_page = head.startswith(b"HTTP/1.1 200 ") and PAGE.fullmatch(body, 0, len(MARK))
    if not is_page or body[len(MARK) :] != BODY:
        return WRONG, False
    return int(is_page[1]), b"cache-status: pagecache; hit" in head.lower()


def with_writes(server: Running, rate: float, first: int) -> Run:
    """Ask while somebody saves so many rows a second, with rising values."""
    os.environ["BENCH_CONTENDER"] = server.contender.name
    words = map(str, (rate, SECONDS, first))
    command = (sys.executable, "-m", "benchmarks.saves", *words)
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with writer:
        if writer.stdout is None or not (first_save := writer.stdout.readline()):
            raise RuntimeError(command)
        answers = asked(server, SECONDS)
        saves: Saves = defaultdict(list)
        for line in (first_save, *writer.stdout):
            at, row, value = line.split()
            saves[int(row)].append((float(at), int(value)))
    if writer.returncode:
        raise RuntimeError(command)
    return Run.of(answers, saves)


def stale(answers: Iterable[Answer], saves: Saves, bound: float = 0.0) -> int:
    """Count the answers that show less than was saved so many seconds before they were asked for."""
    return sum(
        any(at <= one.asked - bound and value > one.value for at, value in saves.get(one.row, ()))
        for one in answers
        if one.value != WRONG
    )


def percentile(waits: Sequence[float], part: float) -> float:
    """Return what so large a part of some waits took at most, in milliseconds."""
    ordered = sorted(waits) or [0.0]
    return ordered[int((len(ordered) - 1) * part)] * 1000


def p99_of(run: Run) -> float:
    """Return what nearly all hits took at most, in milliseconds; a run without hits took no time."""
    return percentile(run.waits, 0.99)


def measured(redis_url: str, tell: Tell, *, rounds: int = ROUNDS, is_full: bool = False) -> Written:
    """Measure, round after round, for as many rounds as one can tell something by."""
    rounds = max(rounds, ROUNDS)
    names, rates = (CONTENDERS, RATES) if is_full else (SHORT, SHORT_RATES)
    written, firsts = Written(), itertools.count(1, MOST_WRITES)
    with servers.site(redis_url), servers.up([BY_NAME[name] for name in names]) as up, no_pauses():
        subprocess.run((sys.executable, "-m", "benchmarks.saves", "fill"), cwd=ROOT, check=True)
        for number in range(1, rounds + 1):
            tell(f"round {number} of {rounds} while somebody writes")
            for name, server in up.running.items():
                for rate in rates:
                    for _ in range(2):
                        asked(server, 600, range(1, PAGES + 1))
                    written.runs[name, rate].append(with_writes(server, rate, next(firsts)))
    return written


@contextmanager
def no_pauses() -> Generator[None]:
    """Let the asker collect no garbage: that would count as what answers took."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    is_full = sys.argv[1:] == ["--full"]
    with redis() as store:
        print(aligned(measured(store.url, lambda _progress: None, is_full=is_full).table()))
