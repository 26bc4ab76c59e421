"""How many round trips to the cache server a request costs: one on a hit, and no SQL."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import redis
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from pagecache import cache_exempt, invalidate, purge
from pagecache.engine.visit import forget, known_tags, recipes
from pagecache.invalidation import site_names, site_store
from tests.caches import watched
from tests.site.factories import make_article
from tests.site.models import Article
from tests.site.views import article_list

# Trips per case. A trip is a command or a pipeline sent to Redis at once, elsewhere a call of the cache backend;
# "others" are local memory, files and Memcached. What a table (DatabaseCache) takes back is read again.
TRIPS: dict[str, dict[str, int]] = {
    "hit, recipe and tags known": {"redis": 1, "others": 1, "table": 1},
    "hit, tags unknown": {"redis": 2, "others": 2, "table": 2},
    "hit, recipe and tags unknown": {"redis": 3, "others": 3, "table": 3},
    "miss at first sight": {"redis": 2, "others": 6, "table": 6},
    "miss, known": {"redis": 2, "others": 4, "table": 4},
    "miss, known, versions lost": {"redis": 2, "others": 5, "table": 5},
    "refused page": {"redis": 1, "others": 1, "table": 1},
    "bypass": {"redis": 0, "others": 0, "table": 0},
    "invalidation": {"redis": 1, "others": 2, "table": 3},
    "invalidation of many": {"redis": 1, "others": 2, "table": 3},
    "purge": {"redis": 1, "others": 2, "table": 3},
}
BACKENDS = {
    "redis": "redis",
    "django-redis": "redis",
    "memory": "others",
    "file": "others",
    "memcached": "others",
    "database": "table",
}
LIST, REFUSED, EXEMPT = "/articles/", "/refused/", "/exempt/"


def with_cookie(_request: HttpRequest) -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("a", "b")
    return response


urlpatterns = [
    path("articles/", article_list),
    path("refused/", with_cookie),
    path("exempt/", cache_exempt(article_list)),
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


class CountedConnection(redis.Connection):
    """Writes down each time that something is sent."""

    sent: ClassVar[list[bytes]] = []

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        CountedConnection.sent.append(b"".join(command))
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


@contextmanager
def trips() -> Generator[list[Any]]:
    CountedConnection.sent.clear()
    made: list[Any] = []
    with watched() as calls:
        yield made
        made += [*CountedConnection.sent, *calls]


def on_redis(request: pytest.FixtureRequest, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    url = request.getfixturevalue("redis_server").url
    return {"BACKEND": kind, "LOCATION": url, "OPTIONS": options, "KEY_PREFIX": uuid4().hex}


def cache_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    match kind:
        case "redis":
            backend = "django.core.cache.backends.redis.RedisCache"
            return on_redis(request, backend, {"connection_class": CountedConnection})
        case "django-redis":
            pool = {"connection_class": CountedConnection}
            return on_redis(
                request, "django_redis.cache.RedisCache", {"CONNECTION_POOL_KWARGS": pool}
            )
        case "memory":
            return {"BACKEND": "tests.caches.WatchedMemory", "LOCATION": uuid4().hex}
        case "file":
            return {"BACKEND": "tests.caches.WatchedFiles", "LOCATION": str(folder)}
        case "database":
            return {"BACKEND": "tests.caches.WatchedTable", "LOCATION": "trips_table"}
    url = request.getfixturevalue("memcached_server").url
    return {
        "BACKEND": "tests.caches.WatchedMemcache",
        "LOCATION": url,
        "KEY_PREFIX": uuid4().hex,
    }


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Generator[str]:
    """A site on each kind of cache, with a page that was stored, invalidated and forgotten."""
    settings.CACHES = {"default": cache_of(request.param, request, tmp_path)}
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 2}
    if request.param == "database":
        call_command("createcachetable", verbosity=0)
    make_article()
    Client().get(LIST)
    Client().get(LIST)
    purge()
    forget()
    yield BACKENDS[request.param]
    site_store().close()
    forget()


def get(url: str = LIST) -> str:
    status: str = Client().get(url).headers["Cache-Status"].split("; ")[1]
    return status


def prepared(case: str) -> Callable[[], Any]:
    """Bring the site into the state of a case, and return what is to be counted."""
    if case == "miss at first sight":
        site_store().delete([site_names().recipe(LIST), *lost()])
        return get
    if case.startswith(("hit", "miss")):
        get()
    if case.endswith("tags unknown"):
        known_tags.clear()
    if "recipe" in case and case.endswith("unknown"):
        recipes.clear()
    if case.startswith("miss"):
        invalidate(Article)
    if case.endswith("lost"):
        site_store().delete(lost())
    return {
        "refused page": lambda: get(REFUSED),
        "bypass": lambda: get(EXEMPT),
        "invalidation": lambda: invalidate(Article),
        "invalidation of many": lambda: invalidate(*map(str, range(50))),
        "purge": lambda: purge(LIST),
    }.get(case, get)


def lost() -> tuple[str, ...]:
    return site_names().versions(("library.article", "library.author"))


@pytest.mark.parametrize("case", TRIPS)
def test_trips_to_the_cache_server(backend: str, case: str) -> None:
    work = prepared(case)
    with trips() as made:
        outcome = work()
    assert len(made) == TRIPS[case][backend], made
    assert outcome is None or outcome in {"hit", "fwd=stale", "fwd=uri-miss", "fwd=bypass"}
    assert (outcome == "hit") == case.startswith("hit")


def test_no_sql_on_a_hit_but_that_of_the_table_itself(backend: str) -> None:
    get()
    with CaptureQueriesContext(connection) as queries:
        assert get() == "hit"
    assert len(queries) == (1 if backend == "table" else 0)


def test_a_page_that_is_missed_and_known_adds_at_most_three_trips() -> None:
    for where in ("redis", "others", "table"):
        hit = TRIPS["hit, recipe and tags known"][where]
        assert TRIPS["miss, known"][where] - hit <= (1 if where == "redis" else 3)
