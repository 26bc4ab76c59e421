"""Interleaved rounds: A B C, A B C; figures are compared within a round, so that a slow moment hits both."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import process, servers
from benchmarks.contenders import BASELINES, BY_NAME, CONTENDERS, SHORT, Contender
from benchmarks.servers import Figures

WARM_UP = 0.5  # the part of a round's time that each contender is asked for before the first
WARM_UPS = 20  # at most
IN_PROCESS = 0.2  # the part of a round's time that a call in process is repeated for


@dataclass(frozen=True)
class Plan:
    """What to run."""

    rounds: int
    seconds: float
    connections: int = 8
    only: tuple[str, ...] = ()
    is_full: bool = False
    hits: float = 1.0

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Those who are asked."""
        return tuple(one for one in CONTENDERS if self.includes(one.name))

    @property
    def calls(self) -> tuple[str, ...]:
        """What is measured in process."""
        return tuple(name for name in process.LABELS if self.includes(name))

    def includes(self, name: str) -> bool:
        """Whether it is wanted; the baselines always are."""
        if self.only:
            return name in self.only or name in BASELINES
        return self.is_full or name in SHORT or name not in BY_NAME


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Return the spread of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))


Rounds = dict[str, list[Figures]]


@dataclass(frozen=True)
class Measured:
    """The figures of each round by contender, and why others have none."""

    rounds: Rounds
    absent: dict[str, str]


Tell = Callable[[str], None]


def over_http(plan: Plan, tell: Tell) -> Measured:
    """Ask each contender's server in turn, round after round."""
    with servers.up(plan.contenders) as up:
        for server in up.running.values():
            _warm_up(server, plan)
        rounds: Rounds = {name: [] for name in up.running}
        for number in range(1, plan.rounds + 1):
            tell(f"round {number} of {plan.rounds} over HTTP")
            for name, server in up.running.items():
                figures = servers.load(server, plan.seconds, plan.connections, plan.hits)
                rounds[name].append(figures)
    return Measured(rounds, up.absent)


def _warm_up(server: servers.Running, plan: Plan) -> None:
    """Ask until all answers are right: several visitors at once make the first page several times."""
    for _ in range(WARM_UPS):
        if not servers.load(server, plan.seconds * WARM_UP, plan.connections)["wrong"]:
            return


def in_process(plan: Plan, tell: Tell) -> dict[str, list[float]]:
    """Measure each call in turn, round after round, each in a process of its own."""
    rounds: dict[str, list[float]] = {name: [] for name in plan.calls}
    for number in range(1, plan.rounds + 1):
        tell(f"round {number} of {plan.rounds} in process")
        for name in plan.calls:
            rounds[name].append(_call(name, plan.seconds * IN_PROCESS))
    return rounds


def _call(name: str, seconds: float) -> float:
    """Trips are those of a site on django-redis, except our own: its client is the same for both."""
    os.environ["BENCH_CONTENDER"] = name if name in BY_NAME else "django-redis"
    command = [sys.executable, "-m", "benchmarks.process", name, str(seconds)]
    done = subprocess.run(command, cwd=servers.ROOT, check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def rates(rounds: Rounds) -> dict[str, list[float]]:
    """Return answers per second, round by round."""
    return {name: [rate(figures) for figures in each] for name, each in rounds.items()}


def rate(figures: Figures) -> float:
    """Return answers per second."""
    return figures["answers"] / figures["seconds"]


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare round by round."""
    return Spread.of([one / other for one, other in zip(mine, theirs, strict=True)])
