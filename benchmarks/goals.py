"""What pagecache is to reach, beside what it did: figures to read, of which no exit status depends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contenders import BY_NAME
from benchmarks.report import Table, times
from benchmarks.rounds import Measured, Rounds, rates, ratios
from benchmarks.writes import Run, Written

COLUMNS = ("goals", "goal", "seen", "by CPU", "seen against django-redis", "by CPU of it")
PUSH = "pagecache-wsgi-push"
MAY_BE = "the fewer the better"
NOTHING = "", ""
REST = "", *NOTHING


@dataclass(frozen=True)
class Ratio:
    """Answers a second of one contender by those of another."""

    name: str
    other: str
    goal: str
    is_to_django: bool = False


RATIOS = (
    Ratio("pagecache", "django", "at least 5", is_to_django=True),
    Ratio("pagecache-wsgi", "django", "at least 7", is_to_django=True),
    Ratio("pagecache-wsgi-validate", "django", "at least 8", is_to_django=True),
    Ratio(PUSH, "django", "at least 15", is_to_django=True),
    Ratio(PUSH, "bare", "at least 0.6"),
    Ratio(f"{PUSH}-gunicorn", "bare-gunicorn", "at least 0.85"),
    Ratio("pagecache-asgi-push-uvicorn", "bare-asgi-uvicorn", "at least 0.5"),
)
SLOWER = "at most 2"  # times, at the 99th percentile of hits, with writes


def table(measured: Measured, written: Written | None) -> Table:
    """Return a row for each goal that something was measured for."""
    rows = [*_ratios(measured.rounds), *(_writes(written) if written else ())]
    wrong = sum(figures["wrong"] for each in measured.rounds.values() for figures in each)
    return [COLUMNS, *rows, ("wrong answers over HTTP, of all", "0", f"{wrong:.0f}", *REST)]


def _ratios(rounds: Rounds) -> Iterator[tuple[str, ...]]:
    for goal in RATIOS:
        if {goal.name, goal.other} <= rounds.keys():
            label = f"{BY_NAME[goal.name].label} : {BY_NAME[goal.other].label}"
            seen = _compared(rounds, goal.name, goal.other)
            beside = _compared(rounds, goal.name, "django-redis") if goal.is_to_django else NOTHING
            yield (label, goal.goal, *seen, *beside)


def _compared(rounds: Rounds, name: str, other: str) -> tuple[str, str]:
    """Return how many times as fast one is by answers a second, and by processor time where it is known."""
    reached = rates(rounds)
    used = {one: [figures["cpu"] for figures in rounds[one]] for one in (name, other)}
    is_known = all(used[name]) and all(used[other])
    by_cpu = times(ratios(used[other], used[name])) if is_known else ""
    return times(ratios(reached[name], reached[other])), by_cpu


def _writes(written: Written) -> Iterator[tuple[str, ...]]:
    for name in written.names:
        if "pagecache" in BY_NAME[name].apps:
            label = f"{BY_NAME[name].label}: p99 of hits with 10 writes a second : without"
            yield label, SLOWER, times(written.slower(name, 10)), *REST
    at_once, in_time = _runs(written, is_push=False), _runs(written, is_push=True)
    if at_once:
        yield "stale pages, but for push", "0", str(sum(run.stale for run in at_once)), *REST
    if not in_time:
        return
    yield (
        "stale pages of push, later than PUSH_BOUND",
        "0",
        str(sum(run.late for run in in_time)),
        *REST,
    )
    yield (
        "stale pages of push, within it",
        MAY_BE,
        str(sum(run.stale - run.late for run in in_time)),
        *REST,
    )


def _runs(written: Written, *, is_push: bool) -> list[Run]:
    """Return the runs of pagecache, with the tier that may be late or without."""
    chosen = {
        name
        for name in written.names
        if "pagecache" in BY_NAME[name].apps and (BY_NAME[name].local == "push") == is_push
    }
    return [run for (name, _rate), runs in written.runs.items() if name in chosen for run in runs]
