"""Which pages go when one film is edited: `python -m benchmarks.precision`.

The demo site with each cache, and without one, which tells what had to go.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import django

from benchmarks.report import Table, aligned
from benchmarks.rounds import Tell
from benchmarks.servers import ROOT
from benchmarks.systems import EDITS, OURS, SYSTEMS, TRUTH, Looks, System
from tests.servers import redis

NAME = "precision"
FILMS, LISTS = 1000, 50
COUNTED = ("dropped", "had to go", "without need", "stale")
COLUMNS = (
    "one film edited",
    "field",
    *(f"film pages {word}" for word in COUNTED),
    *(f"list pages {word}" for word in COUNTED),
)
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Score:
    """How many pages of one kind there are, went, had to go, went without need, and are stale."""

    pages: int
    dropped: int
    due: int
    needless: int
    stale: int


@dataclass(frozen=True)
class Result:
    """What an edit did to the pages of a system."""

    system: System
    edit: str
    films: Score
    lists: Score


@dataclass(frozen=True)
class Failure:
    """A system that does not run here, and the error that says why."""

    system: System
    why: str


def measured(
    redis_url: str,
    tell: Tell,
    systems: Sequence[System] = SYSTEMS,
    films: int = FILMS,
    lists: int = LISTS,
) -> list[Result | Failure]:
    """Return a result for each system and edit."""
    found: list[Result | Failure] = []
    with catalog(redis_url) as site:
        tell("what has to go after an edit")
        truth = site.look(TRUTH, films, lists)
        for system in systems:
            tell(f"what goes after an edit with {system.label}")
            done = site.look(system, films, lists)
            found += results(system, done, json.loads(truth.stdout))
    return found


@dataclass(frozen=True)
class Catalog:
    """A database with all films; each process gets a copy."""

    database: Path
    redis_url: str

    def look(self, system: System, films: int, lists: int) -> Done:
        """Look, edit and look again with a system."""
        copy = self.database.with_name(f"{system.name}.sqlite3")
        shutil.copy(self.database, copy)
        return self.run(["-m", "benchmarks.looks", str(films), str(lists)], system, copy)

    def run(self, command: Sequence[str], system: System, database: Path) -> Done:
        """Run Python on the site of a system; without a cache, and with ours, an error is one."""
        env = os.environ | {
            "BENCH_RUN": f"{self.database.parent.name}:",
            "BENCH_SYSTEM": system.name,
            "DEMO_DB": str(database),
            "DJANGO_SETTINGS_MODULE": "benchmarks.systems_settings",
            "REDIS_URL": self.redis_url,
        }
        words = [sys.executable, *command]
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode and system in {TRUTH, OURS}:
            raise AssertionError(done.stderr)
        return done


@contextmanager
def catalog(redis_url: str) -> Iterator[Catalog]:
    """Fill a database; it and its copies go in the end."""
    with tempfile.TemporaryDirectory(prefix="pagecache-bench-") as folder:
        made = Catalog(Path(folder) / "films.sqlite3", redis_url)
        for command in (["migrate", "--verbosity=0"], ["load_films"]):
            made.run(["-m", "demo_site.manage", *command], TRUTH, made.database)
        yield made


def results(system: System, done: Done, truth: dict[str, Any]) -> list[Result | Failure]:
    """Compare what a system gave with what the site without a cache did."""
    if done.returncode:
        return [Failure(system, (done.stderr.splitlines() or ["it ended"])[-1])]
    looks = json.loads(done.stdout)["looks"]
    return [
        Result(system, edit, score(truth["films"], came, true), score(truth["lists"], came, true))
        for edit, came, true in zip(EDITS, looks, truth["looks"], strict=True)
    ]


def score(paths: Collection[str], came: Sequence[Looks], true: Sequence[Looks]) -> Score:
    """Count pages, by what came before and after the edit, with the cache and without."""
    if differing(paths, came[0], true[0]):
        message = "a page was wrong before the edit"
        raise AssertionError(message)
    dropped = {path for path in paths if came[1][path][0]}
    due = differing(paths, *true)
    stale = differing(paths, came[1], true[1])
    return Score(len(paths), len(dropped), len(due), len(dropped - due), len(stale))


def differing(paths: Collection[str], one: Looks, other: Looks) -> set[str]:
    """Return the pages that are not the same in both."""
    return {path for path in paths if one[path][1] != other[path][1]}


def table(found: Sequence[Result | Failure]) -> Table:
    """Return a row for each system and edit."""
    return [COLUMNS, *map(row, found)]


def row(found: Result | Failure) -> tuple[str, ...]:
    """Return the figures, or why there are none."""
    if isinstance(found, Failure):
        why = f"does not run with Django {django.__version__}: {found.why}"
        return (found.system.label, why, *[""] * (len(COLUMNS) - 2))
    return (found.system.label, found.edit, *figures(found.films), *figures(found.lists))


def figures(counted: Score) -> tuple[str, ...]:
    """Return the counts; the first of how many."""
    pages, dropped, *others = astuple(counted)
    return (f"{dropped:,} of {pages:,}", *(f"{number:,}" for number in others))


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--films", type=int, default=FILMS)
    parser.add_argument("--lists", type=int, default=LISTS)
    options = parser.parse_args()
    with redis() as server:
        found = measured(server.url, silent, films=options.films, lists=options.lists)
    print(aligned(table(found)))


def silent(_progress: str) -> None:
    """Say nothing meanwhile."""


if __name__ == "__main__":
    main()
