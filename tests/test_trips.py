"""How many round trips to the cache server a request costs: one on a hit, and no SQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from inspect import isawaitable
from pathlib import Path
from threading import current_thread
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.test.utils import CaptureQueriesContext
from django.urls import path

from pagecache import cache_exempt, conf, invalidate, purge
from pagecache.announcing import site_names, site_store
from pagecache.engine.visit import forget, known_tags, local, recipes
from tests.caches import watched
from tests.lanes import ASGI, MIDDLEWARE_SYNC, WSGI, client_of
from tests.site.factories import make_article, make_author
from tests.site.models import Article, Author
from tests.site.views import article_list
from tests.until import until

# Trips per case. A trip is a command or a pipeline sent to Redis at once, elsewhere a call of the cache backend;
# "held" is Redis where this process holds the page (LOCAL = "validate"): one that has to go is asked for in the store
# once more. "pushed" is the same with "push". "others" are files and Memcached. Local memory, where no call is a trip,
# takes leases as Redis does. What a table (DatabaseCache) takes back is read again.
TRIPS: dict[str, dict[str, int]] = {
    "hit, recipe and tags known": {
        "redis": 1,
        "held": 1,
        "pushed": 0,
        "memory": 1,
        "others": 1,
        "table": 1,
    },
    "hit, tags unknown": {"redis": 2, "held": 1, "pushed": 0, "memory": 2, "others": 2, "table": 2},
    "hit, recipe and tags unknown": {
        "redis": 3,
        "held": 2,
        "pushed": 1,
        "memory": 3,
        "others": 3,
        "table": 3,
    },
    "hit of a page with a token": {
        "redis": 1,
        "held": 1,
        "pushed": 0,
        "memory": 1,
        "others": 1,
        "table": 1,
    },
    "hit of a page with a hole of the site's": {
        "redis": 2,
        "held": 2,
        "pushed": 1,
        "memory": 2,
        "others": 2,
        "table": 2,
    },
    "miss at first sight": {
        "redis": 3,
        "held": 3,
        "pushed": 3,
        "memory": 9,
        "others": 6,
        "table": 6,
    },
    "miss, known": {"redis": 3, "held": 4, "pushed": 3, "memory": 7, "others": 4, "table": 4},
    "miss, known, versions lost": {
        "redis": 3,
        "held": 4,
        "pushed": 3,
        "memory": 8,
        "others": 5,
        "table": 5,
    },
    "miss, known, without leases": {
        "redis": 2,
        "held": 3,
        "pushed": 2,
        "memory": 4,
        "others": 4,
        "table": 4,
    },
    "refused page": {"redis": 3, "held": 3, "pushed": 3, "memory": 5, "others": 1, "table": 1},
    "refused page, known": {
        "redis": 1,
        "held": 1,
        "pushed": 1,
        "memory": 1,
        "others": 1,
        "table": 1,
    },
    "bypass": {"redis": 0, "held": 0, "pushed": 0, "memory": 0, "others": 0, "table": 0},
    "invalidation": {"redis": 1, "held": 1, "pushed": 1, "memory": 2, "others": 2, "table": 3},
    "invalidation of many": {
        "redis": 1,
        "held": 1,
        "pushed": 1,
        "memory": 2,
        "others": 2,
        "table": 3,
    },
    "purge": {"redis": 1, "held": 1, "pushed": 1, "memory": 2, "others": 2, "table": 3},
}
# Trips per write on Redis, without and with two phases. These mark each table and each row before its first write, and
# announce when the transaction ends, also by a rollback.
OF_WRITES: dict[str, tuple[int, int]] = {
    "a query": (0, 0),
    "a row that is saved": (1, 2),
    "a transaction that reads": (0, 0),
    "a transaction that saves a row twice": (1, 2),
    "a transaction that saves three rows": (1, 4),
    "a transaction that adds three rows": (1, 2),
    "a transaction that updates a table": (1, 2),
    "a transaction that is rolled back": (0, 2),
}
BACKENDS = {
    "redis": "redis",
    "django-redis": "redis",
    "memory": "memory",
    "file": "others",
    "memcached": "others",
    "database": "table",
    "redis, wsgi": "redis",
    "redis, held": "held",
    "redis, held wsgi": "held",
    "redis, pushed": "pushed",
    "redis, pushed wsgi": "pushed",
    "memory, wsgi": "memory",
    "memory, asgi": "memory",
    "database, wsgi": "table",
}
WAYS = {"wsgi": WSGI, "asgi": ASGI}
LOCAL = {"held": "validate", "pushed": "push"}
_way = [MIDDLEWARE_SYNC]
LIST, REFUSED, EXEMPT = "/articles/", "/refused/", "/exempt/"
WITH_HOLES = {"token": "/form/", "site's": "/hole/"}


def with_cookie(_request: HttpRequest) -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("a", "b")
    return response


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


def greeting(request: HttpRequest) -> HttpResponse:
    shown = '{% load pagecache %}{% pagecache_hole "tests.lanes_site.holes.agent" %}'
    return HttpResponse(engines["django"].from_string(shown).render({}, request))


urlpatterns = [
    path("articles/", article_list),
    path("refused/", with_cookie),
    path("form/", form),
    path("hole/", greeting),
    path("exempt/", cache_exempt(article_list)),
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


class CountedConnection(redis.Connection):
    """Writes down each time that something is sent."""

    sent: ClassVar[list[bytes]] = []

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not current_thread().name.startswith(
            "pagecache-"
        ):  # which hears, and costs no request a trip
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
    # django-redis keeps one pool for each URL, with the options it first came with: this URL is nobody else's.
    url = f"{request.getfixturevalue('redis_server').url}#{uuid4().hex}"
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
    kind, _, way = request.param.partition(", ")
    settings.CACHES = {"default": cache_of(kind, request, tmp_path)}
    holds = LOCAL.get(BACKENDS[request.param])
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 2, "LOCAL": holds}
    if kind == "database":
        call_command("createcachetable", verbosity=0)
        caches["default"].clear()  # it outlives the tests
    make_article()
    _way[:] = [WAYS.get(way.rpartition(" ")[2], MIDDLEWARE_SYNC)]
    get()
    get()
    purge()
    forget()
    yield BACKENDS[request.param]
    site_store().close()
    forget()


def get(url: str = LIST) -> str:
    status: str = ask(url).headers["Cache-Status"].split("; ")[1]
    return status


def ask(url: str, **asked: Any) -> Any:
    """Ask as somebody new, in the way that is counted."""
    answer = client_of(_way[0]).get(url, **asked)
    return async_to_sync(awaited)(answer) if isawaitable(answer) else answer


async def awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def hold(url: str = LIST) -> None:
    """Let the page be stored, and held where this process holds pages, with versions that stand where they can."""
    get(url)
    get(url)
    if conf.get().options.LOCAL == "push":
        until(
            lambda: get(url) and all(map(site_store().vouch, local.held.values())),
            "nobody tells of changes",
        )


def prepared(case: str) -> Callable[[], Any]:
    """Bring the site into the state of a case, and return what is to be counted."""
    if (with_hole := WITH_HOLES.get(case.rpartition(" ")[2])) is not None:
        hold(with_hole)
        return lambda: get(with_hole)
    if case == "miss at first sight":
        site_store().delete([site_names().recipe(LIST), *lost()])
        return get
    if case.startswith(("hit", "miss")):
        hold()
    if case == "refused page":
        site_store().release("any", b"-", b"", 1)  # the server knows the script
    if case == "refused page, known":
        get(REFUSED)
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
        "refused page, known": lambda: get(REFUSED),
        "bypass": lambda: get(EXEMPT),
        "invalidation": lambda: invalidate(Article),
        "invalidation of many": lambda: invalidate(*map(str, range(50))),
        "purge": lambda: purge(LIST),
    }.get(case, get)


def lost() -> tuple[str, ...]:
    return site_names().versions(("library.article", "library.author"))


@pytest.mark.parametrize("case", TRIPS)
def test_trips_to_the_cache_server(backend: str, settings: Any, case: str) -> None:
    if case.endswith("without leases"):
        settings.PAGECACHE = {**settings.PAGECACHE, "WAIT_SECONDS": 0}
        get()
    work = prepared(case)
    with trips() as made:
        outcome = work()
    assert len(made) == TRIPS[case][backend], made
    assert outcome is None or outcome in {"hit", "fwd=stale", "fwd=uri-miss", "fwd=bypass"}
    assert (outcome == "hit") == case.startswith("hit")


def authors() -> list[Author]:
    return list(Author.objects.all())


def save(*authors: Author) -> None:
    for author in authors:
        author.save()


def roll_back() -> None:
    save(*authors()[:1])
    transaction.set_rollback(True)


WRITES: dict[str, Callable[[], object]] = {
    "a query": authors,
    "a row that is saved": lambda: save(*authors()[:1]),
    "a transaction that reads": transaction.atomic(authors),
    "a transaction that saves a row twice": transaction.atomic(lambda: save(*2 * authors()[:1])),
    "a transaction that saves three rows": transaction.atomic(lambda: save(*authors())),
    "a transaction that adds three rows": transaction.atomic(
        lambda: save(*(Author(name=name) for name in "abc"))
    ),
    "a transaction that updates a table": transaction.atomic(
        lambda: Author.objects.update(country="be")
    ),
    "a transaction that is rolled back": transaction.atomic(roll_back),
}


@pytest.fixture(params=["redis", "django-redis"])
def _redis(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Generator[None]:
    settings.CACHES = {"default": cache_of(request.param, request, tmp_path)}
    yield
    site_store().close()


@pytest.mark.usefixtures("_redis")
@pytest.mark.parametrize("two_phase", [False, True])
@pytest.mark.parametrize("case", OF_WRITES)
def test_trips_of_a_write(settings: Any, case: str, two_phase: bool) -> None:
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 2, "TWO_PHASE": two_phase}
    for name in "abc":
        make_author(name)
    with trips() as made:
        WRITES[case]()
    assert len(made) == OF_WRITES[case][two_phase], made


def test_no_sql_on_a_hit_but_that_of_the_table_itself(backend: str) -> None:
    get()
    with CaptureQueriesContext(connection) as queries:
        assert get() == "hit"
    assert len(queries) == (1 if backend == "table" else 0)


def by_moon(request: HttpRequest) -> str | None:
    return request.headers.get("X-Moon", "anonymous")


@pytest.mark.parametrize("known", [True, False])
def test_a_page_of_a_segment_costs_no_more_trips_than_one_for_everybody(
    backend: str, settings: Any, known: bool
) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "SEGMENT": f"{__name__}.by_moon"}

    def counted(moon: str) -> list[int]:
        """Count those of a miss and of a hit."""
        counts = []
        for is_miss in (True, False):
            if is_miss:
                invalidate(Article)
            if not known:
                forget()
            with trips() as made:
                ask(LIST, headers={"X-Moon": moon})
            counts.append(len(made))
        return counts

    for moon in ("anonymous", "full"):
        ask(LIST, headers={"X-Moon": moon})
    assert counted("full") == counted("anonymous")


def test_a_page_that_is_missed_and_known_adds_at_most_three_trips() -> None:
    for where in ("redis", "others", "table"):
        hit = TRIPS["hit, recipe and tags known"][where]
        assert TRIPS["miss, known"][where] - hit <= (2 if where == "redis" else 3)
