"""`python -m benchmarks`: hits of all contenders, interleaved, in one table; and what follows from them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import goals, precision, process, report, sweeps, writes
from benchmarks.chart import bars
from benchmarks.commands import ROOT
from benchmarks.contenders import BY_NAME
from benchmarks.page import page
from benchmarks.rounds import Measured, Plan, in_process, over_http, rates
from benchmarks.servers import site
from tests.servers import redis

# Each has settings of its own, and so runs in a process of its own.
APART = {
    "stale": ("benchmarks.stale", "benchmarks.visitors"),
    "flood": ("benchmarks.flood",),
    "hung": ("benchmarks.hung",),
}
Part = tuple[str, report.Table | str]  # its name, and a table or lines


def arguments() -> Namespace:
    """Return what the command line says."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each contender's round")
    parser.add_argument("--connections", type=int, default=8)
    names = sorted({*BY_NAME, *process.LABELS, precision.NAME})
    parser.add_argument("--only", nargs="+", default=(), choices=names, metavar="NAME",
                        help=f"besides Django's own: {', '.join(names)}")  # fmt: skip
    parser.add_argument("--full", action="store_true", help="all contenders, and all of these:")
    parser.add_argument("--sweep", action="store_true", help="sizes, connections, shares of hits")
    parser.add_argument("--stale", action="store_true", help="count stale pages and renders too")
    parser.add_argument("--flood", action="store_true", help="ask for many pages once, too")
    parser.add_argument("--hung", action="store_true", help="let the Redis hang, too")
    parser.add_argument("--writes", action="store_true", help="let somebody write, with --only too")
    parser.add_argument("--markdown", type=Path, help="write the figures to this page")
    return parser.parse_args()


def main() -> int:
    """Measure and report; 1 if an answer was wrong, or a hit takes more instructions than it did."""
    options = arguments()
    plan = Plan(
        options.rounds,
        options.seconds,
        options.connections,
        tuple(options.only),
        is_full=options.full,
    )
    with redis() as server:
        facts, conditions = report.facts(server.url), report.conditions(plan)
        print(*facts, conditions, sep="\n", flush=True)
        with site(server.url):
            measured = over_http(plan, tell)
        parts = dict(shown(parts_of(options, plan, server.url, measured)))
    is_more = not plan.only and subprocess.call([sys.executable, "-m", "benchmarks.instructions"])
    if options.markdown:
        chart = options.markdown.with_suffix(".svg")
        options.markdown.write_text(page(command(), facts, conditions, parts, chart.name))
        chart.write_text(drawn(measured))
    is_wrong = any(figures["wrong"] for each in measured.rounds.values() for figures in each)
    return int(is_wrong or is_more)


def parts_of(options: Namespace, plan: Plan, url: str, measured: Measured) -> Iterator[Part]:
    """Measure what is wanted, part by part."""
    yield "http", report.http_table(measured)
    with site(url):
        yield "calls", report.call_table(in_process(plan, tell))
    if options.full or options.sweep:
        for name, sweep in sweeps.SWEEPS.items():
            yield name, sweeps.table(sweep, plan, url, tell)
    written = None
    if options.writes or not plan.only:
        written = writes.measured(url, tell, rounds=plan.rounds, is_full=plan.is_full)
        yield "writes", written.table()
    if options.full or precision.NAME in plan.only:
        yield precision.NAME, precision.table(precision.measured(url, tell))
    for name, modules in APART.items():
        if options.full or vars(options)[name]:
            tell(name)
            yield name, "\n".join(map(output_of, modules))
    yield "goals", goals.table(measured, written)


def shown(parts: Iterator[Part]) -> Iterator[tuple[str, str]]:
    """Print each part as soon as it is there; yield it for the page."""
    for name, part in parts:
        lines = (part, part) if isinstance(part, str) else formats(part)
        print("", lines[0], sep="\n", flush=True)
        yield name, lines[1]


def formats(table: report.Table) -> tuple[str, str]:
    """Return a table for the terminal, and for the page."""
    return report.aligned(table), report.markdown(table)


def drawn(measured: Measured) -> str:
    """Return the answers a second as a picture."""
    reached = rates(measured.rounds)
    return bars([(BY_NAME[name].label, median(each)) for name, each in reached.items()])


def command() -> str:
    """Return how this was called."""
    threads = os.environ.get("BENCH_THREADS")
    told = f"BENCH_THREADS={threads} " if threads else ""
    return told + shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


def tell(progress: str) -> None:
    """Say how far it is, apart from the tables."""
    print(progress, file=sys.stderr, flush=True)


def output_of(module: str) -> str:
    """Return what another command prints, as a list."""
    words = [sys.executable, "-m", module]
    done = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return "\n".join(f"- {line}" for line in done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
