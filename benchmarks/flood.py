"""What a flood of pages that nobody asks for again leaves of the others: `python -m benchmarks.flood`.

Visitors ask for 500 pages, some far more often than others. Between any two of them a crawler asks for four pages that
nobody asked for before. The Redis has room for about a thousand pages, and drops those that were not used for longest.
"""

from __future__ import annotations

import os
import random
from itertools import count

import django
import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from benchmarks.text import TEXT
from tests.servers import HOST, free_port, start_redis

ROOM = "--save", "", "--maxmemory", "14mb", "--maxmemory-policy", "allkeys-lru"
PAGES = 500
VISITS = 3000  # counted, after as many that are not
CRAWLED = 4  # for each visit
HIT = "pagecache; hit"


def show(_request: HttpRequest, number: int) -> HttpResponse:
    """Return a page of its own for each number."""
    return HttpResponse(f"{number} {TEXT}")


urlpatterns = [path("<int:number>/", show)]


def main() -> None:
    """Print a line for each setting."""
    port = free_port()
    os.environ["BENCH_CONTENDER"] = "pagecache"
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    os.environ["REDIS_URL"] = f"redis://{HOST}:{port}/0"
    django.setup()
    with start_redis(port, *ROOM), redis.Redis(port=port) as server:
        for hits, crawled in ((1, 0), (1, CRAWLED), (2, CRAWLED)):
            server.flushall()
            server.config_resetstat()
            options = {**settings.PAGECACHE, "MIN_HITS": hits}
            with override_settings(ROOT_URLCONF=__name__, PAGECACHE=options):
                share = visited(crawled)
            dropped = server.info("stats")["evicted_keys"]
            flood = f"{VISITS * 2 * crawled:,} pages asked for once" if crawled else "no flood"
            print(
                f"MIN_HITS = {hits}, {flood}: {share:.0%} hits of the visitors, {dropped:,} evictions"
            )


def visited(crawled: int) -> float:
    """Return the share of the visits that the cache answered, once it is warm."""
    client, chance = Client(SERVER_NAME=HOST), random.Random(7)  # noqa: S311 no secret
    others, hits = count(PAGES), 0
    weights = [1 / rank for rank in range(1, PAGES + 1)]
    for number, page in enumerate(chance.choices(range(PAGES), weights, k=2 * VISITS)):
        answer = client.get(f"/{page}/")
        hits += number >= VISITS and answer.headers["Cache-Status"].startswith(HIT)
        for other in (next(others) for _ in range(crawled)):
            client.get(f"/{other}/")
    return hits / VISITS


if __name__ == "__main__":
    main()
