"""How long hits take while somebody writes: `python -m benchmarks.writes`.

A thousand pages show a row each and are asked for at random; somebody saves a row now and then, which drops its page.
An answer is stale if, before it was asked for, a save of its row had returned with something newer.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks import servers
from benchmarks.contenders import BY_NAME
from benchmarks.load import BODY, BREAK, MADE, PATIENCE, Line, poll_of, words_for
from benchmarks.report import Table, aligned
from benchmarks.servers import ROOT, Running
from benchmarks.text import MARK, TEXT, marked
from tests.servers import redis

PAGES = 1000
RATES = (0, 10)  # writes a second
CONTENDERS = (
    "django",
    "pagecache",
    "pagecache-wsgi",
    "pagecache-wsgi-validate",
    "pagecache-wsgi-push",
)
SECONDS, ROUNDS, CONNECTIONS = 8.0, 2, 8
PAGE = re.compile(MADE + rb"(\d{8})\n")
BOUND = 1.0  # seconds; `PUSH_BOUND` as it is by default
COLUMNS = (
    *("with writes", "writes/s", "answers/s", "hits", "p50 ms of hits", "p99 ms of hits"),
    *("x p99 without writes", "wrong", "stale", "stale beyond the bound"),
)


class Answer(NamedTuple):
    """What came back for a row: when it was asked for, how long that took, and which save the page shows."""

    asked: float
    waited: float
    row: int
    value: int
    is_hit: bool


WRONG = -1  # the value of an answer that is no page of a row
Saves = dict[int, list[tuple[float, int]]]  # by row: when a save returned, and what it wrote


class PageLine(Line):
    """A connection over which rows are asked for."""

    row = 0

    def ask_for(self, row: int) -> None:
        """Send a request for the page of a row."""
        self.row = row
        self.ask(words_for(f"/texts/{row}/"), time.perf_counter())


def asked(server: Running, seconds: float, rows: Iterable[int] | None = None) -> list[Answer]:
    """Ask for rows, or for rows at random as long as that."""
    wanted = iter(rows) if rows is not None else iter(lambda: random.randrange(PAGES) + 1, 0)  # noqa: S311
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
            if (heard := line.hear()) is None:
                continue
            now = time.perf_counter()
            answers.append(Answer(line.asked, now - line.asked, line.row, *seen_in(heard)))
            row = next(wanted, 0) if now < end else 0
            if row:
                line.ask_for(row)
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


def with_writes(server: Running, rate: float) -> tuple[list[Answer], Saves]:
    """Ask while somebody saves so many rows a second; return the answers, and what was saved."""
    os.environ["BENCH_CONTENDER"] = server.contender.name
    command = (sys.executable, "-m", "benchmarks.writes", "save", str(rate), str(SECONDS))
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with writer:
        if writer.stdout is None or not writer.stdout.readline():
            raise RuntimeError(command)
        answers = asked(server, SECONDS)
        saves: Saves = defaultdict(list)
        for line in writer.stdout:
            at, row, value = line.split()
            saves[int(row)].append((float(at), int(value)))
    return answers, saves


def save(rate: float, seconds: float) -> None:
    """Save rows at random, and say of each when that had returned."""
    import django  # noqa: PLC0415 only here

    django.setup()
    from benchmarks.models import Text  # noqa: PLC0415 Django is set up first

    print(flush=True)
    begun, end = time.perf_counter(), time.perf_counter() + seconds
    value = int(time.time()) % 10_000_000  # more than any other writer before wrote
    due = begun
    while rate and (due := due + 1 / rate) < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        value, row = value + 1, random.randrange(PAGES) + 1  # noqa: S311 no secret
        Text(pk=row, body=marked(value) + TEXT).save()
        print(time.perf_counter(), row, value, flush=True)


def stale(answers: Iterable[Answer], saves: Saves, bound: float = 0.0) -> int:
    """Count the answers that show less than was saved so many seconds before they were asked for."""
    return sum(
        any(at <= one.asked - bound and value > one.value for at, value in saves.get(one.row, ()))
        for one in answers
        if one.value != WRONG
    )


def fill() -> None:
    """Make the rows; in a process of its own, which holds the settings of one contender."""
    lines = (
        "import django; django.setup()",
        "from benchmarks.models import Text",
        f"Text.objects.bulk_create([Text(pk=pk, body={marked(0) + TEXT!r}) for pk in range(2, {PAGES + 1})])",
        f"Text.objects.filter(pk=1).update(body={marked(0) + TEXT!r})",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


def percentile(waits: Sequence[float], part: float) -> float:
    """Return what so large a part of some waits took at most, in milliseconds."""
    ordered = sorted(waits) or [0.0]
    return ordered[int((len(ordered) - 1) * part)] * 1000


def table(redis_url: str) -> Table:
    """Measure, round after round; return a row for each contender and rate."""
    seen: dict[tuple[str, int], list[tuple[list[Answer], Saves]]] = defaultdict(list)
    with servers.site(redis_url):
        fill()
        with servers.up([BY_NAME[name] for name in CONTENDERS]) as running:
            for _ in range(ROUNDS):
                for name, server in running.items():
                    for rate in RATES:
                        for _ in range(2):
                            asked(server, 600, range(1, PAGES + 1))
                        seen[name, rate].append(with_writes(server, rate))
    rows: Table = [COLUMNS]
    for (name, rate), rounds in seen.items():
        answers = [one for each, _ in rounds for one in each]
        hits = [one.waited for one in answers if one.is_hit]
        quiet = [one.waited for each, _ in seen[name, 0] for one in each if one.is_hit]
        is_ours = bool(hits)
        p99 = percentile(hits, 0.99)
        rows.append(
            (
                BY_NAME[name].label,
                str(rate),
                f"{len(answers) / (SECONDS * ROUNDS):,.0f}",
                f"{len(hits) / len(answers):.2%}" if is_ours else "",
                f"{percentile(hits, 0.5):.2f}" if is_ours else "",
                f"{p99:.2f}" if is_ours else "",
                f"{p99 / percentile(quiet, 0.99):.2f}" if is_ours else "",
                str(sum(one.value == WRONG for one in answers)),
                str(sum(stale(each, saves) for each, saves in rounds)),
                str(sum(stale(each, saves, BOUND) for each, saves in rounds)),
            )
        )
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["save"]:
        save(float(sys.argv[2]), float(sys.argv[3]))
    else:
        with redis() as store:
            print(aligned(table(store.url)))
