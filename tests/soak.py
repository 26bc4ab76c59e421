"""`make soak`: the demo site under writes, asked all the time whether a page is older than what was published.

On each database, with several workers: one writer commits growing titles, five a second, in six ways, and publishes
each when its answer is back. Four readers note what is published before they ask, and look for a title at least as new.
Prints a row for each database, and how the memory and the threads of the site grow, by a line through samples of each
second, without the first third; exits 1 for a stale or failed answer, and where not more than half of the answers were
hits.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from demo_site.drive import release
from demo_site.promises import Site
from demo_site.server import HOST, environment, free_port, prepare, running
from demo_site.visitor import Visitor
from tests import sql_servers
from tests.growth import described, sampled
from tests.servers import MissingServerError, Server

SLUG = "the-godfather"
PAGE = f"/en/films/{SLUG}/"
TITLE = re.compile(r"Soak (\d+) ")
READERS = 4
WORKERS = 3
WRITES_A_SECOND = 5


@contextmanager
def sqlite() -> Generator[Server | None]:
    """The demo's own."""
    yield None


DATABASES = {
    "sqlite": sqlite,
    "postgresql": sql_servers.postgresql,
    "mariadb": sql_servers.mariadb,
}


def ways(port: int) -> tuple[Callable[[str], object], ...]:
    """Return the ways in which a title is written; each takes the new one."""
    import django  # noqa: PLC0415 set up when the site's environment stands

    django.setup()
    from django.db import connection, transaction  # noqa: PLC0415 the same

    from demo_site.films.models import Film  # noqa: PLC0415 the same

    films: Any = Film.objects.filter(slug=SLUG)
    form = f"/admin/films/film/{films.get().pk}/change/"
    admin = Site(HOST, port).member("admin")

    def save(title: str) -> None:
        film = films.get()
        film.title = title
        film.save()

    def in_bulk(title: str) -> None:
        film = films.get()
        film.title = title
        Film.objects.bulk_update([film], ["title"])

    def raw(title: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("update films_film set title = %s where slug = %s", [title, SLUG])

    def nested(title: str) -> None:
        with transaction.atomic(), transaction.atomic():
            films.update(title=title)

    def in_admin(title: str) -> None:
        saved = admin.submit(form, title=title)
        if saved.status != 302:
            raise RuntimeError(f"the admin answered {saved.status}")

    return save, lambda title: films.update(title=title), in_bulk, raw, nested, in_admin


def read(port: int, published: list[int], over: Event) -> Counter[str]:
    """Ask until it is over; count the answers by what was wrong or right with them."""
    counts: Counter[str] = Counter()
    visitor = Visitor(HOST, port)
    while not over.is_set():
        expected = published[0]
        counts["reads"] += 1
        try:
            answer = visitor.get(PAGE)
        except (OSError, HTTPException):
            counts["failed"] += 1
            continue
        shown = TITLE.search(answer.body)
        counts["failed"] += answer.status != 200
        counts["hits"] += answer.outcome.kind == "hit"
        counts["stale"] += expected > 0 and (shown is None or int(shown[1]) < expected)
    return counts


def soak(port: int, seconds: float) -> Counter[str]:
    """Write and read at once for some seconds."""
    published, over = [0], Event()
    writes = ways(port)
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, port, published, over) for _ in range(READERS)]
        number, end = 0, time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                number += 1
                writes[number % len(writes)](f"Soak {number} ")
                published[0] = number
                time.sleep(1 / WRITES_A_SECOND)  # the pace of the writer, not a synchronization
        finally:
            over.set()
        return sum((reader.result() for reader in readers), Counter(writes=number))


def on_site(database: str, seconds: float) -> bool:
    """Run it on a site of its own, on the database of the environment; print the row and return the verdict."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        env = environment(Path(folder) / "films.sqlite3", release())
        env["DJANGO_SETTINGS_MODULE"] = "tests.soak_settings"
        prepare(env)
        os.environ.update(env)
        port = free_port()
        with running(env, port, WORKERS) as site, sampled(site.pid) as samples:
            counts = soak(port, seconds)
    names = ("writes", "reads", "hits", "stale", "failed")
    print(f"{database}: " + ", ".join(f"{name} {counts[name]}" for name in names))
    print(f"{database}: {described(samples)}", flush=True)
    return not counts["stale"] and not counts["failed"] and counts["hits"] * 2 > counts["reads"]


def on_database(name: str, minutes: float) -> bool:
    """Run it in a process of its own, on one database."""
    try:
        with DATABASES[name]() as server:
            given = json.dumps(server.database if server else None)
            command = [
                sys.executable,
                "-m",
                "tests.soak",
                "--minutes",
                str(minutes),
                "--here",
                name,
            ]
            env = {**os.environ, "SOAK_DATABASE": given}
            return subprocess.run(command, env=env, check=False).returncode == 0
    except MissingServerError as missing:
        print(f"{name} left out: {missing}")
        return os.environ.get("CI") != "true"


def main() -> int:
    """Run it on each database that is named, and give the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="on each database")
    parser.add_argument("--here", metavar="NAME", help="on the database of SOAK_DATABASE")
    parser.add_argument("--database", choices=DATABASES, action="append", help="all by default")
    options = parser.parse_args()
    if options.here:
        return 0 if on_site(options.here, options.minutes * 60) else 1
    verdicts = [on_database(name, options.minutes) for name in options.database or DATABASES]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
