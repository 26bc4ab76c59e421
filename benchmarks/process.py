"""Microseconds per hit in one process, without a server: `python -m benchmarks.process NAME SECONDS`.

A contender is called as a server calls it; a trip asks the store alone for the keys of a hit.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django
import redis
from django.core.cache import caches
from django.utils.module_loading import import_string

from benchmarks import floors
from benchmarks.calls import environ_of
from benchmarks.contenders import BY_NAME, LIFE
from benchmarks.text import BYTES
from pagecache.stores import open_store

BATCH = 100  # calls between two looks at the clock
LABELS = {
    "django": "a hit of Django's middleware on its RedisCache",
    "django-redis": "a hit of Django's middleware on django-redis",
    "django-page": "a hit of Django's cache_page on its RedisCache",
    "pagecache": "a hit of pagecache's middleware",
    "pagecache-wsgi": "a hit of pagecache's lane before Django, WSGI",
    "pagecache-wsgi-validate": "a hit of that lane with LOCAL = 'validate'",
    "pagecache-wsgi-push": "a hit of that lane with LOCAL = 'push'",
    "pagecache-page": "a hit of pagecache's cache_page alone",
    "mget": "a middleware with one MGET",
    "get-many": "the trip alone: django-redis, get_many",
    "fetch": "the trip alone: pagecache's store",
    "raw-mget": "the trip alone: redis-py, MGET",
}


def call_of(name: str) -> Callable[[], object]:
    """Return what is measured."""
    if name == "get-many":
        return _get_many()
    if name == "fetch":
        return _fetch()
    if name == "raw-mget":
        return _raw_mget()
    return _hit(name)


def _hit(name: str) -> Callable[[], object]:
    contender = BY_NAME[name]
    application = import_string(contender.application.replace(":", "."))
    environ = environ_of(contender.path)

    def hit() -> None:
        heads: list[tuple[str, Any]] = []
        answer = application(dict(environ), lambda status, head: heads.append((status, head)))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        if heads[0][0] != "200 OK" or len(body) != BYTES:
            message = f"{name} answers {heads[0]}"
            raise AssertionError(message)

    return hit


def _get_many() -> Callable[[], object]:
    cache = caches["default"]
    cache.set_many(floors.values())
    wanted = floors.keys()
    return lambda: cache.get_many(wanted)


def _fetch() -> Callable[[], object]:
    store = open_store("default", budget=5.0)
    store.put(floors.values(), LIFE)
    wanted = floors.keys()
    return lambda: store.fetch(wanted)


def _raw_mget() -> Callable[[], object]:
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    for key, value in floors.values().items():
        client.set(key, value, ex=LIFE)
    wanted = floors.keys()
    return lambda: client.mget(wanted)


def microseconds(call: Callable[[], object], seconds: float) -> float:
    """Return how long a call takes: the median of batches, after a warm-up."""
    _batch(call)
    _batch(call)
    end = time.perf_counter() + seconds
    batches = [_batch(call)]
    while time.perf_counter() < end:
        batches.append(_batch(call))
    return statistics.median(batches) * 1e6


def _batch(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(BATCH):
        call()
    return (time.perf_counter() - begun) / BATCH


if __name__ == "__main__":
    django.setup()
    print(microseconds(call_of(sys.argv[1]), float(sys.argv[2])))
