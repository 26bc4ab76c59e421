"""`make soak`: the demo site under writes, asked all the time whether a page is older than what was published.

One process commits growing titles, five a second, in several ways, and publishes each when its call is back. Four
readers note what is published before they ask, and look for a title at least as new. Prints one row; exits 1 for a
stale or failed answer, and where not more than half of the answers were hits.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from demo_site.drive import release
from demo_site.server import HOST, environment, free_port, prepare, running
from demo_site.visitor import Visitor

SLUG = "the-godfather"
PAGE = f"/en/films/{SLUG}/"
TITLE = re.compile(r"Soak (\d+) ")
READERS = 4
WRITES_A_SECOND = 5


def ways() -> tuple[Callable[[str], object], ...]:
    """Return the ways in which a title is written; each takes the new one."""
    import django  # noqa: PLC0415 set up when the site's environment stands

    django.setup()
    from django.db import connection, transaction  # noqa: PLC0415 the same

    from demo_site.films.models import Film  # noqa: PLC0415 the same

    films: Any = Film.objects.filter(slug=SLUG)

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

    return save, lambda title: films.update(title=title), in_bulk, raw, nested


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
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, port, published, over) for _ in range(READERS)]
        writes, number, end = ways(), 0, time.monotonic() + seconds
        while time.monotonic() < end:
            number += 1
            writes[number % len(writes)](f"Soak {number} ")
            published[0] = number
            time.sleep(1 / WRITES_A_SECOND)  # the pace of the writer, not a synchronization
        over.set()
        return sum((reader.result() for reader in readers), Counter(writes=number))


def main() -> int:
    """Run it on a site of its own and give the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        env = environment(Path(folder) / "films.sqlite3", release())
        prepare(env)
        os.environ.update(env)
        port = free_port()
        with running(env, port):
            counts = soak(port, minutes * 60)
    names = ("writes", "reads", "hits", "stale", "failed")
    print(", ".join(f"{name} {counts[name]}" for name in names))
    is_sound = not counts["stale"] and not counts["failed"] and counts["hits"] * 2 > counts["reads"]
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
