"""`python -m benchmarks`: hits of all contenders, interleaved, in one table."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median

from benchmarks import precision, process, report, writes
from benchmarks.chart import bars
from benchmarks.contenders import BY_NAME
from benchmarks.page import page
from benchmarks.rounds import Plan, in_process, over_http, rate
from benchmarks.servers import ROOT, site
from tests.servers import redis

CONTRASTS = ("benchmarks.stale", "benchmarks.visitors")


def arguments() -> Namespace:
    """Return what the command line says."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each contender's round")
    parser.add_argument("--connections", type=int, default=8)
    names = sorted({*BY_NAME, *process.LABELS, precision.NAME})
    parser.add_argument("--only", nargs="+", default=(), choices=names, metavar="NAME",
                        help=f"besides Django's own: {', '.join(names)}")  # fmt: skip
    parser.add_argument("--stale", action="store_true", help="count stale pages and renders too")
    parser.add_argument("--flood", action="store_true", help="ask for many pages once, too")
    parser.add_argument("--hung", action="store_true", help="let the Redis hang, too")
    parser.add_argument("--writes", action="store_true", help="let somebody write meanwhile, too")
    parser.add_argument("--markdown", type=Path, help="write the figures to this page")
    return parser.parse_args()


def main() -> int:
    """Measure and report; 1 if an answer was wrong, or a hit takes more instructions than it did."""
    options = arguments()
    plan = Plan(options.rounds, options.seconds, options.connections, tuple(options.only))
    with redis() as server, site(server.url):
        facts = report.facts(server.url)
        rounds = over_http(plan, tell)
        tables = [report.http_table(rounds), report.call_table(in_process(plan, tell))]
        if plan.includes(precision.NAME):
            tables.append(precision.table(precision.measured(server.url, tell)))
        written = writes.table(server.url) if options.writes else None
    print(*facts, report.conditions(plan), "", *map(shown, tables), sep="\n", flush=True)
    if written:
        print(shown(written))
    contrast = "".join(map(output_of, CONTRASTS)) if options.stale else ""
    flood = output_of("benchmarks.flood") if options.flood else ""
    hung = output_of("benchmarks.hung") if options.hung else ""
    print(contrast, flood, hung, sep="", end="")
    is_more = not plan.only and subprocess.call([sys.executable, "-m", "benchmarks.instructions"])
    if options.markdown:
        threads = os.environ.get("BENCH_THREADS")
        told = f"BENCH_THREADS={threads} " if threads else ""
        command = told + shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        text = page(
            command,
            facts,
            report.conditions(plan),
            tables,
            chart=options.markdown.with_suffix(".svg").name,
            contrast=contrast,
            flood=flood,
            hung=hung,
            writes=written,
        )
        options.markdown.write_text(text)
        reached = [(BY_NAME[name].label, median(map(rate, each))) for name, each in rounds.items()]
        options.markdown.with_suffix(".svg").write_text(bars(reached))
    is_wrong = any(figures["wrong"] for each in rounds.values() for figures in each)
    return int(is_wrong or is_more)


def tell(progress: str) -> None:
    """Say how far it is, apart from the tables."""
    print(progress, file=sys.stderr, flush=True)


def shown(table: report.Table) -> str:
    """Return a table with room after it."""
    return report.aligned(table) + "\n"


def output_of(module: str) -> str:
    """Return what another command prints, as a list; it has settings of its own."""
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return "".join(f"- {line}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
