"""``python -m demo_site.drive``: starts the site, visits it, and says whether it kept its promises.

With ``--serve`` it leaves the site running for a browser instead.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from demo_site.promises import BrokenPromiseError, Row, Site
from demo_site.server import (
    HOST,
    ROOT,
    CannotStartError,
    environment,
    free_port,
    prepare,
    running,
    workers,
)
from demo_site.story import STORY

WARM_UP_VISITORS = 16
WARM_UP_PAGES = ("/en/", "/de/films/", "/en/films/the-apartment/", "/api/films/", "/en/search/?q=x")
WIDTHS = (30, 12, 12)


def main(arguments: Sequence[str] | None = None) -> int:
    """Drive or serve; 0 if all went as promised."""
    parser = argparse.ArgumentParser(prog="python -m demo_site.drive", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="leave the site running")
    parser.add_argument("--port", type=int, default=0, help="the port; a free one by default")
    options = parser.parse_args(arguments)
    try:
        return (serve if options.serve else drive)(options.port or free_port())
    except (CannotStartError, subprocess.CalledProcessError) as error:
        print(f"The site does not start: {error}", file=sys.stderr)
        return 1


def release() -> str:
    """A name for this run: its database is new to the cache, so no older page may serve it."""
    return f"demo-{time.time_ns()}"


def drive(port: int) -> int:
    """Visit the site on a database of its own, print the table, and give the verdict."""
    with tempfile.TemporaryDirectory(prefix="demo-site-") as folder:
        env = environment(Path(folder) / "films.sqlite3", release())
        prepare(env)
        with running(env, port):
            print(f"\nThe film catalog on {backing()}, visited over HTTP:\n")
            return verdict(told(Site(HOST, port)))


def backing() -> str:
    """What the site runs on, in words."""
    kind = "Redis" if os.environ.get("REDIS_URL") else "local memory, for there is no Redis"
    number = workers()
    return f"granian with {number} worker{'s' if number > 1 else ''} and {kind}"


def told(site: Site) -> list[Row]:
    """The rows, each printed as it happens."""
    print(line("page", "uncached", "cached", "what happened"))
    print(line("-" * 28, "-" * 10, "-" * 10, "-" * 40))
    rows = []
    try:
        warm_up(site)
        for row in rows_of(site):
            rows.append(row)
            print(line(row.page, duration(row.uncached), duration(row.cached), row.happened))
    finally:
        site.close()
    return rows


def rows_of(site: Site) -> Iterator[Row]:
    """Each step of the story, also after a broken promise."""
    for step in STORY:
        yield row_of(step, site)


def row_of(step: Callable[[Site], Row], site: Site) -> Row:
    """What came of one step."""
    try:
        return step(site)
    except BrokenPromiseError as broken:
        why = str(broken)
    except (HTTPException, OSError, LookupError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
    return Row(step.__name__.replace("_", " "), f"BROKEN: {why}", broken=why)


def warm_up(site: Site) -> None:
    """Let each worker import and compile what it needs, under keys of its own, so times compare."""
    for number in range(WARM_UP_VISITORS):
        visitor = site.visitor({"promo": f"warm-up-{number}"})
        for path in WARM_UP_PAGES:
            visitor.get(path)
        visitor.leave()


def line(page: str, uncached: str, cached: str, happened: str) -> str:
    """One line of the table."""
    first, second, third = WIDTHS
    return f"{page:<{first}}{uncached:>{second}}{cached:>{third}}   {happened}"


def duration(milliseconds: float | None) -> str:
    """A time for the table."""
    return "-" if milliseconds is None else f"{milliseconds:.1f} ms"


def verdict(rows: list[Row]) -> int:
    """Say whether everything was as promised."""
    broken = [row for row in rows if row.broken]
    for row in broken:
        print(f"\nNot as promised: {row.page}: {row.broken}", file=sys.stderr)
    if not broken:
        print(f"\nAll {len(rows)} rows as promised. To look at it yourself: make serve")
    return 1 if broken else 0


def serve(port: int) -> int:
    """Run the site until Ctrl-C; what visitors write is kept for the next time."""
    database = Path(os.environ.get("DEMO_DB", ROOT / "demo_site" / "films.sqlite3"))
    env = environment(database, release())
    prepare(env)
    with running(env, port) as process:
        print(f"\nThe film catalog on {backing()}: http://{HOST}:{port}/")
        print("Accounts: visitor/demo, admin/demo. The foot of each page says how it came about.")
        print("Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            return process.wait()
    return 0


if __name__ == "__main__":
    # Told to end, it ends as with Ctrl-C: the site stops on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
