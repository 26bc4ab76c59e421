"""The figures as tables that a person reads, in a terminal and as a page."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import redis

from benchmarks import process
from benchmarks.commands import threads
from benchmarks.contenders import BASELINES, BY_NAME
from benchmarks.rounds import Measured, Plan, Spread, rates, ratios
from benchmarks.text import BYTES

BUSY = 0.85  # from here on the load generator is the limit
PACKAGES = (
    *("django", "django-redis", "redis", "hiredis"),
    *("granian", "gunicorn", "uvicorn", "h11", "httptools", "uvloop"),
    *("django-cacheops", "django-cachalot", "django-fancy-cache", "wagtail-cache"),
)
HTTP_COLUMNS = (
    "over HTTP",
    "answers/s",
    "low-high",
    "x Django RedisCache",
    "x Django django-redis",
    "CPU µs",
    "p50 ms",
    "p99 ms",
    "wrong",
    "asker busy",
)
CALL_COLUMNS = ("in process", "µs", "low-high", "x trip of django-redis")

Table = list[tuple[str, ...]]


def facts(redis_url: str) -> list[str]:
    """Say what it ran on."""
    info = redis.Redis.from_url(redis_url).info("server")
    packages = ", ".join(f"{name} {installed(name)}" for name in PACKAGES)
    return [
        (
            f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
            f"Python {platform.python_version()}, Redis {info['redis_version']}"
        ),
        packages,
    ]


def installed(package: str) -> str:
    """Return the version of a package; a bench without the other systems does for a test."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def conditions(plan: Plan) -> str:
    """Say how it ran."""
    return (
        f"granian unless another server is named, each one worker with {threads()} "
        f"thread{'s' * (threads() > 1)}; {BYTES:,} bytes; stock middleware; "
        f"{plan.connections} connections; {plan.rounds} interleaved rounds of {plan.seconds:g} s"
    )


def http_table(measured: Measured) -> Table:
    """Return a row for each contender."""
    rounds = measured.rounds
    reached = rates(rounds)
    table: Table = [HTTP_COLUMNS]
    for name, each in rounds.items():
        spread = Spread.of(reached[name])
        used = Spread.of([figures["cpu"] for figures in each]).median
        busy = Spread.of([figures["busy"] for figures in each]).median
        table.append(
            (
                BY_NAME[name].label,
                f"{spread.median:,.0f}",
                f"{spread.low:,.0f}-{spread.high:,.0f}",
                *(times(ratios(reached[name], reached[baseline])) for baseline in BASELINES),
                f"{used * 1e6:.0f}",
                *(_milliseconds([figures[wait] for figures in each]) for wait in ("p50", "p99")),
                f"{sum(figures['wrong'] for figures in each):.0f}",
                f"{busy:.0%}{' (the limit)' if busy > BUSY else ''}",
            )
        )
    return table + absent_rows(measured, len(HTTP_COLUMNS))


def absent_rows(measured: Measured, width: int) -> Table:
    """Return a row for each contender that is not here, which says why."""
    return [
        (BY_NAME[name].label, f"not here: {why}", *[""] * (width - 2))
        for name, why in measured.absent.items()
    ]


def call_table(rounds: dict[str, list[float]]) -> Table:
    """Return a row for each call."""
    trip = rounds.get("get-many")
    table: Table = [CALL_COLUMNS]
    for name, each in rounds.items():
        spread = Spread.of(each)
        row = (
            process.LABELS[name],
            f"{spread.median:.0f}",
            f"{spread.low:.0f}-{spread.high:.0f}",
            times(ratios(each, trip)) if trip else "",
        )
        table.append(row)
    return table


def times(spread: Spread) -> str:
    """Return a ratio, and its ends."""
    return f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})"


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{Spread.of(seconds).median * 1000:.2f}"


def aligned(table: Table) -> str:
    """Return a table for a terminal: words to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )


def markdown(table: Table) -> str:
    """Return a table for a page."""
    head, *rows = table
    rule = ("---", *["---:"] * (len(head) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
