"""What pages take, and whether more of them make anything slower: `python -m benchmarks.scale`.

Says how many bytes a stored page takes beside its body, how long a look-up takes with few and with many pages in Redis
and in the process, what it takes to invalidate what one page and what 100,000 depend on, and how much memory a process
has after a million URLs. `python -m benchmarks.scale memory 100000` does the last with fewer.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import redis
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks import servers
from benchmarks.calls import environ_of
from benchmarks.report import Table, aligned
from benchmarks.servers import ROOT
from pagecache import depends_on, invalidate
from tests.servers import HOST, free_port, start_redis

SIZES = 2_000, 12_000, 200_000  # bytes of a body
BESIDE, TIMES = 400, 1.1  # what a page may take: so many times its body, and so many bytes
IN_REDIS = 100, 10_000, 100_000
HELD = 100, 10_000
ASKED = 2000  # look-ups of a figure
HOT = 100  # pages that are asked for again and again
ROUNDS = 30  # invalidations of a tag
MILLION = 1_000_000
CHECKPOINTS = 0.01, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0  # parts of them
LONG = 1500  # characters of a URL that somebody made up
MANY, ONE = "carried by many", "carried by one"
FIRST = 1_000_000  # numbers of pages have as many digits
ROOM = "--save", "", "--maxmemory", "600mb", "--maxmemory-policy", "allkeys-lru"
WORDS = (Path(__file__).parent.parent / "docs" / "guide.md").read_text().split()


def sized(_request: HttpRequest, size: int) -> HttpResponse:
    """Return a page of so many bytes that shows a row."""
    from benchmarks.models import Text  # noqa: PLC0415 Django is set up first

    chance = random.Random(size)  # noqa: S311 no secret
    words = " ".join(chance.choices(WORDS, k=size // 4)).encode("ascii", "replace").decode()
    Text.objects.get(pk=1)
    return HttpResponse(f"<html><body><p>{words}"[: size - 7] + "</body>")


def numbered(_request: HttpRequest, number: int) -> HttpResponse:
    """Return one page of many."""
    depends_on(MANY)
    return HttpResponse(f"{number}: " + "A page of two kilobytes. " * 80)


def lone(_request: HttpRequest) -> HttpResponse:
    """Return the only page that depends on something."""
    depends_on(ONE)
    return HttpResponse("A page of its own. " * 100)


def anything(request: HttpRequest, rest: str) -> HttpResponse:
    """Return a page for whatever is asked for."""
    return HttpResponse(f"{len(rest)} {len(request.GET.get('q', ''))}")


urlpatterns = [
    path("sized/<int:size>/", sized),
    path("pages/<int:number>/", numbered),
    path("lone/", lone),
    path("any/<path:rest>", anything),
]

Ask = Callable[..., str]


@contextmanager
def site(**options: Any) -> Iterator[Ask]:
    """Set the site up with some options; gives what asks for a page, before Django, and says what came of it."""
    from django.conf import settings  # noqa: PLC0415 Django is set up first
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 the same
    from django.test import override_settings  # noqa: PLC0415 the same

    from pagecache.wsgi import PageCache  # noqa: PLC0415 the same

    with override_settings(ROOT_URLCONF=__name__, PAGECACHE=settings.PAGECACHE | options):
        application = PageCache(get_wsgi_application())

        def ask(where: str, query: str = "", **more: str) -> str:
            environ = environ_of(where, query, **more)
            heads: list[Any] = []
            answer: Any = application(environ, lambda *head: heads.append(head))
            b"".join(answer)
            getattr(answer, "close", lambda: None)()
            return str(dict(heads[0][1]).get("Cache-Status", ""))

        yield ask


def sizes() -> Table:
    """Return what stored pages take in Redis."""
    table: Table = [
        ("a stored page", "body", "in Redis", "beside it", "may take", "memory, by Redis")
    ]
    for compress in (False, True):
        with site(COMPRESS=compress, RELEASE=f"sizes {compress}") as ask:
            for size in SIZES:
                ask(f"/sized/{size}/")
                key, body = stored(f"/sized/{size}/")
                length, memory = client().strlen(key), client().memory_usage(key)
                table.append(
                    (
                        f"{size:,} bytes{', compressed' * compress}",
                        f"{body:,}",
                        f"{length:,}",
                        f"{length - body:,}",
                        f"{TIMES * body + BESIDE:,.0f}",
                        f"{memory:,}",
                    )
                )
    return table


def client() -> Any:
    """Return a client of the Redis."""
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def stored(where: str) -> tuple[str, int]:
    """Return the name that the page stored last under a path has in Redis, and the length of its body there."""
    from pagecache.announcing import site_store  # noqa: PLC0415 Django is set up first
    from pagecache.core import codec  # noqa: PLC0415 the same

    key = key_stored_for(where)
    decoded = codec.decode(site_store().fetch([key])[0] or b"", key)
    if decoded is None:
        raise AssertionError(where)
    return site_store().history + key, len(decoded[0].body)


def key_stored_for(path: str) -> str:
    """Return the key of the page that was stored last for a path without a query."""
    from pagecache.engine.visit import stored_uris  # noqa: PLC0415 Django is set up first

    (key,) = {key for uri, (key, _) in stored_uris.items() if uri.endswith(f" {path}")}
    return key


def where(number: int) -> str:
    """Return the path of a page."""
    return f"/pages/{FIRST + number}/"


def fill(ask: Ask, first: int, after: int) -> None:
    """Store pages as if they had been asked for: like one that was, with what differs from page to page."""
    from pagecache.announcing import site_names, site_store  # noqa: PLC0415 Django is set up first
    from pagecache.core import codec  # noqa: PLC0415 the same
    from pagecache.core.keys import digest  # noqa: PLC0415 the same
    from pagecache.tags import page_tag  # noqa: PLC0415 the same

    ask(where(0))
    ask(where(0))
    names, store = site_names(), site_store()
    key = key_stored_for(where(0))
    data, recipe = store.fetch([key, names.recipe(where(0))])
    entry, vector = codec.decode(data or b"", key) or (None, b"")
    if entry is None or recipe is None:
        raise AssertionError(key)
    place = entry.tags.index(page_tag(where(0)))
    version = vector[16 * place : 16 * place + 16]
    for begin in range(max(first, 1), after, 500):
        items: dict[str, bytes] = {}
        for number in range(begin, min(begin + 500, after)):
            path = where(number)
            material = entry.material.replace(where(0).encode(), path.encode())
            tags = (*entry.tags[:place], page_tag(path), *entry.tags[place + 1 :])
            head, tail = codec.encode(entry._replace(material=material, tags=tags))
            items |= {
                names.entry(digest(material)): head + vector + tail,
                names.recipe(path): recipe,
                names.version(page_tag(path)): version,
            }
        store.put(items, 3600)


def asked(ask: Ask, numbers: Sequence[int]) -> tuple[float, float]:
    """Return the median of what hits take, by the clock and of the processor, in microseconds."""
    took, used = [], []
    for number in numbers:
        begun, busy = time.perf_counter(), time.thread_time()
        said = ask(where(number))
        took.append(time.perf_counter() - begun)
        used.append(time.thread_time() - busy)
        if "; hit" not in said:
            message = f"{where(number)}: {said}"
            raise AssertionError(message)
    return median(took) * 1e6, median(used) * 1e6


def lookups() -> Table:
    """Return what a hit takes with few and with many pages."""
    table: Table = [("a hit, with so many pages", "the same 100, µs", "any of them, µs", "trips")]
    for local, counts in ((None, IN_REDIS), ("validate", HELD), ("push", HELD)):
        for count in counts:
            client().flushall()
            with site(LOCAL=local, RELEASE=f"{local} {count}") as ask:
                fill(ask, 0, count)
                place = f"the process, {local}" if local else "Redis"
                table.append((f"{count:,} in {place}", *figures(ask, count)))
    return table


def figures(ask: Ask, count: int) -> tuple[str, ...]:
    """Return what hits take of the same pages, and of any."""
    chance = random.Random(count)  # noqa: S311 no secret
    warm = range(count) if count <= max(HELD) else range(HOT)
    for _ in range(3):
        asked(ask, warm)
    hot = [chance.randrange(HOT) for _ in range(ASKED)]
    all_over = [chance.randrange(count) for _ in range(ASKED)]
    asked(ask, range(HOT))
    same = asked(ask, hot)
    before = exchanges()
    any_of_them = asked(ask, all_over)
    trips = (exchanges() - before) / ASKED
    told = (f"{clock:.0f} ({used:.0f} of the processor)" for clock, used in (same, any_of_them))
    return (*told, f"{trips:.2f}")


class Exchanges:
    """Counts the trips to Redis of this process."""

    number = 0


def exchanges() -> int:
    """Return how many trips there were."""
    return Exchanges.number


def count_exchanges() -> None:
    """Count trips from now on."""
    from pagecache.stores.lines import Line  # noqa: PLC0415 Django is set up first

    send = Line.send

    def counted(line: Line, commands: Any) -> int:
        Exchanges.number += 1
        return send(line, commands)

    setattr(Line, "send", counted)  # noqa: B010 type checkers know its arguments by other names


def invalidations() -> Table:
    """Return what it takes to invalidate a tag of one page, and of very many."""
    table: Table = [("invalidating what pages depend on", "pages", "µs", "trips", "commands")]
    client().flushall()
    with site(RELEASE="invalidations") as ask:
        fill(ask, 0, max(IN_REDIS))
        ask("/lone/")
        pages = {ONE: 1, MANY: max(IN_REDIS)}
        took: dict[str, list[float]] = {tag: [] for tag in pages}
        said: dict[str, tuple[float, float]] = {}
        for tag in pages:
            trips, commands = exchanges(), processed()
            for _ in range(ROUNDS):
                invalidate(tag)
            asking = 1  # for the number of commands
            done = processed() - commands - asking
            said[tag] = (exchanges() - trips) / ROUNDS, done / ROUNDS
        for _ in range(ROUNDS):
            for tag, spent in took.items():
                begun = time.perf_counter()
                invalidate(tag)
                spent.append(time.perf_counter() - begun)
        fresh = [
            one for one in ("/lone/", where(1), where(max(IN_REDIS) - 1)) if "; hit" in ask(one)
        ]
        if fresh:
            raise AssertionError(fresh)
        for tag, count in pages.items():
            trips_each, commands_each = said[tag]
            row = f"{count:,}", f"{median(took[tag]) * 1e6:.0f}"
            table.append((tag, *row, f"{trips_each:.2f}", f"{commands_each:.2f}"))
    return table


def processed() -> int:
    """Return how many commands the Redis was sent."""
    return int(client().info("stats")["total_commands_processed"])


KINDS: tuple[tuple[str, Callable[[int], dict[str, str]]], ...] = (
    ("a path of its own", lambda n: {"where": f"/any/{n}"}),
    ("a query of its own", lambda n: {"where": "/any/one", "query": f"q={n}"}),
    ("a parameter that nobody reads", lambda n: {"where": "/any/one", "query": f"unread={n}"}),
    ("a long path", lambda n: {"where": f"/any/{n}/{'x' * LONG}"}),
    ("a long query", lambda n: {"where": "/any/one", "query": f"q={n}{'x' * LONG}"}),
    ("a page that is not there", lambda n: {"where": f"/nothing/{n}"}),
    ("another host", lambda n: {"where": "/any/one", "HTTP_HOST": f"h{n}.example"}),
    ("another client", lambda n: {"where": "/any/one", "HTTP_USER_AGENT": f"agent {n}"}),
)


def memory(most: int) -> Table:
    """Return how much memory a process has after so many distinct URLs, of all kinds in turn."""
    table: Table = [("distinct URLs", "memory, MB", "time of one, µs", *memories())]
    with site(LOCAL="push", MAX_VARIANTS=1000, LOCAL_BYTES=16_000_000) as ask:
        begun, last = time.perf_counter(), 0
        marks = {int(most * part) for part in CHECKPOINTS}
        for number in range(1, most + 1):
            _, made = KINDS[number % len(KINDS)]
            ask(**made(number))
            if number in marks:
                took = (time.perf_counter() - begun) / (number - last)
                row = f"{number:,}", f"{resident() / 1e6:.0f}", f"{took * 1e6:.0f}"
                table.append((*row, *(f"{held():,}" for held in memories().values())))
                print(*table[-1], file=sys.stderr, flush=True)
                begun, last = time.perf_counter(), number
    return table


def memories() -> dict[str, Callable[[], int]]:
    """Return what a process remembers of requests, each with what counts it."""
    from pagecache.announcing import site_names  # noqa: PLC0415 Django is set up first
    from pagecache.bridge import asked as facts  # noqa: PLC0415 the same
    from pagecache.bridge import routes, ways  # noqa: PLC0415 the same
    from pagecache.core import keys  # noqa: PLC0415 the same
    from pagecache.engine import visit  # noqa: PLC0415 the same

    # Private, for a site has no need of them.
    return {
        "recipes": lambda: len(visit.recipes),
        "tags": lambda: len(visit.known_tags),
        "stored URIs": lambda: len(visit.stored_uris),
        "variants": lambda: visit.variants._count,  # noqa: SLF001
        "held": lambda: len(visit.local),
        "routes": lambda: len(routes.remembered),
        "hosts": lambda: len(facts._accepted_hosts),  # noqa: SLF001
        "queries": lambda: facts._parsed_once.cache_info().currsize,  # noqa: SLF001
        "ways": lambda: sum(len(one._alike) for one in ways._all),  # noqa: SLF001
        "keys": lambda: len(keys._recent) + keys._recent_digest.cache_info().currsize,  # noqa: SLF001
        "names": lambda: site_names().version.cache_info().currsize,
    }


def resident() -> int:
    """Return the resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


SECTIONS: dict[str, Callable[[], Table]] = {
    "sizes": sizes,
    "lookups": lookups,
    "invalidations": invalidations,
}


def run(section: str, most: int) -> None:
    """Measure one thing in this process, and print its table."""
    import django  # noqa: PLC0415 only here

    django.setup()
    count_exchanges()
    print(aligned(memory(most) if section == "memory" else SECTIONS[section]()), flush=True)


def main(sections: Sequence[str], most: int) -> None:
    """Measure each in a process of its own."""
    port = free_port()  # of a Redis of its own, for it is emptied
    with start_redis(port, *ROOM), servers.site(f"redis://{HOST}:{port}/0"):
        os.environ["BENCH_CONTENDER"] = "pagecache"
        for section in sections:
            command = (sys.executable, "-m", "benchmarks.scale", "run", section, str(most))
            subprocess.run(command, cwd=ROOT, check=True)
            print()


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2], int(sys.argv[3]))
    else:
        wanted = [word for word in sys.argv[1:] if not word.isdigit()]
        number = next((int(word) for word in sys.argv[1:] if word.isdigit()), MILLION)
        main(wanted or [*SECTIONS, "memory"], number)
