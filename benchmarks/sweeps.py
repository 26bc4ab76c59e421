"""The same over a range: pages of several sizes, more and fewer connections, and shares of hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.contenders import BASELINES, BY_NAME
from benchmarks.report import Table, times
from benchmarks.rounds import Measured, Plan, Spread, Tell, over_http, rates, ratios
from benchmarks.servers import site

OURS = ("pagecache", "pagecache-wsgi", "pagecache-wsgi-validate", "pagecache-wsgi-push")
ROUNDS = 3  # at most
ASKED = ("no-cache", *BASELINES, *OURS)


@dataclass(frozen=True)
class Sweep:
    """What is varied, and who is asked; `plan_for` puts a value into a plan."""

    title: str
    values: tuple[float, ...]
    shown: Callable[[float], str]
    only: tuple[str, ...]
    plan_for: Callable[[Plan, float], Plan] = lambda plan, _value: plan
    is_size: bool = False


SWEEPS = {
    "sizes": Sweep(
        "pages of",
        (2_000, 12_000, 200_000),
        lambda value: f"{value / 1000:g} kB",
        (*ASKED, "nginx", "varnish", "bare"),
        is_size=True,
    ),
    "connections": Sweep(
        "connections",
        (1, 8, 64),
        lambda value: f"{value:g}",
        (*ASKED, "nginx", "varnish", "bare"),
        lambda plan, value: replace(plan, connections=int(value)),
    ),
    "hits": Sweep(
        "share of hits",
        (0, 0.5, 0.9, 0.99, 1),
        lambda value: f"{value:.0%}",
        ASKED,
        lambda plan, value: replace(plan, hits=value),
    ),
}


def table(sweep: Sweep, plan: Plan, redis_url: str, tell: Tell) -> Table:
    """Measure each value on a site of its own; return a row for each contender, with answers a second."""
    found: list[Measured] = []
    for value in sweep.values:
        tell(f"{sweep.title} {sweep.shown(value)}")
        with site(redis_url, int(value) if sweep.is_size else None):
            few = replace(plan, only=sweep.only, rounds=min(plan.rounds, ROUNDS))
            one = sweep.plan_for(few, value)
            found.append(over_http(one, tell))
    head = (sweep.title, *map(sweep.shown, sweep.values), "wrong")
    return [head, *(_row(name, found) for name in sweep.only)]


def _row(name: str, found: list[Measured]) -> tuple[str, ...]:
    figures = [one for measured in found for one in measured.rounds.get(name, ())]
    cells = (_cell(name, measured) for measured in found)
    return (BY_NAME[name].label, *cells, f"{sum(one['wrong'] for one in figures):.0f}")


def _cell(name: str, measured: Measured) -> str:
    """Return answers a second, and how many times those of Django's RedisCache that are."""
    if why := measured.absent.get(name):
        return f"not here: {why}"
    reached = rates(measured.rounds)
    spread = ratios(reached[name], reached[BASELINES[0]])
    return f"{Spread.of(reached[name]).median:,.0f} = {times(spread)}"
