"""One behavior in all lanes: what a page gets through Django's cache API."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.cache import KEY_PREFIX
from django.core.cache import cache, caches
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template import engines

from pagecache import invalidate
from tests.lanes import (
    ALL,
    DECORATOR_ASYNC,
    DECORATOR_SYNC,
    MEMORY,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    SIX,
    Lane,
    showing,
    status,
    text,
    through,
)
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL

TABLE = "own_values"
KINDS = ("default", "files", "table", "django-redis")
FRAGMENT = "{% load cache %}{% cache 500 authors %}{{ authors.count }}{% endcache %}"

greeting = showing(lambda request: cache.get("greeting", "none"))
counted = showing(lambda request: cache.get_or_set("authors", Author.objects.count))


def fragment(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(FRAGMENT)
    return HttpResponse(template.render({"authors": Author.objects.all()}))


@pytest.fixture
def other(lane: Lane, request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[str]:
    """The alias of a cache of some kind, beside the one that holds the pages."""
    kind = request.param
    places = {
        "files": ("django.core.cache.backends.filebased.FileBasedCache", str(tmp_path)),
        "table": ("django.core.cache.backends.db.DatabaseCache", TABLE),
    }
    if kind == "django-redis":
        url = request.getfixturevalue("redis_server").url
        places[kind] = ("django_redis.cache.RedisCache", f"{url}?client_name={kind}")
    if kind in places:
        backend, location = places[kind]
        made = {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": uuid4().hex}
        lane.settings.CACHES = {**lane.settings.CACHES, kind: made}
    if kind == "table":
        call_command("createcachetable", verbosity=0)
    yield kind
    if kind == "table":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {TABLE}")


def of_every_kind(test: Any) -> Any:
    """Run a test on each kind of cache, once for the store in memory."""
    marked = pytest.mark.parametrize("other", KINDS, indirect=True)(test)
    return through(*SIX, stores=(MEMORY,))(marked)


def hits(lane: Lane) -> list[bool]:
    return [lane.see().hit for _ in range(3)]


def test_page_that_read_the_cache_is_not_kept(lane: Lane) -> None:
    lane.show(greeting)

    assert [lane.see().reason, lane.see().reason] == ["cache-read", "cache-read"]


def test_page_that_only_wrote_to_the_cache_is_kept(lane: Lane) -> None:
    lane.show(showing(lambda request: cache.set("greeting", "hello")))

    assert hits(lane) == [False, True, True]
    assert cache.get("greeting") == "hello"


def test_page_whose_value_may_be_old_is_kept(lane: Lane) -> None:
    lane.configure(CACHE_READS={"greet*": None})
    lane.show(greeting)
    cache.set("greeting", "hello")

    assert [lane.read(), lane.read()] == ["hello", "hello"]
    cache.set("greeting", "good day")
    assert lane.read() == "hello"


def test_page_is_dropped_with_the_tag_of_its_value(lane: Lane) -> None:
    lane.configure(CACHE_READS={"greeting": ["greetings"]})
    lane.show(greeting)
    cache.set("greeting", "hello")

    assert [lane.read(), lane.read()] == ["hello", "hello"]
    assert lane.see().hit
    cache.set("greeting", "good day")
    invalidate("greetings")
    assert [lane.read(), lane.read()] == ["good day", "good day"]


def test_page_is_dropped_by_a_write_to_the_model_that_a_value_stands_for(lane: Lane) -> None:
    lane.configure(CACHE_READS={"greeting": ["library.Author"]})
    lane.show(greeting)

    assert hits(lane) == [False, True, True]
    make_author()
    assert not lane.see().hit


def test_tagged_value_that_changes_during_the_render_is_not_kept(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        seen = cache.get("greeting")
        if lane.renders == 1:
            cache.set("greeting", "good day")
            invalidate("greetings")
        return HttpResponse(seen)

    lane.configure(CACHE_READS={"greeting": ["greetings"]})
    lane.show(view)
    cache.set("greeting", "hello")

    assert [lane.read(), lane.read(), lane.read()] == ["hello", "good day", "good day"]


@pytest.mark.parametrize("view", [counted, fragment])
def test_value_that_is_missed_is_made_anew_and_the_page_depends_on_its_rows(
    lane: Lane, view: Any
) -> None:
    lane.configure(CACHE_READS={"authors": "miss", "template.cache.authors.*": "miss"})
    lane.show(view)
    assert [lane.read(), lane.read()] == ["0", "0"]
    assert lane.see().hit

    make_author()  # and the site forgets to delete its own value

    assert [lane.read(), lane.read()] == ["1", "1"]
    assert lane.renders == 2


@pytest.mark.parametrize("view", [counted, fragment])
def test_computed_values_and_fragments_are_not_kept_undeclared(lane: Lane, view: Any) -> None:
    lane.show(view)

    assert [lane.read(), lane.see().reason] == ["0", "cache-read"]


def test_value_is_missed_only_while_a_page_is_made(lane: Lane) -> None:
    lane.configure(CACHE_READS={"greeting": "miss"}, EXCLUDE=["^/page/"])
    lane.show(greeting)
    cache.set("greeting", "hello")

    assert [lane.read(), cache.get("greeting")] == ["hello", "hello"]


@of_every_kind
def test_every_backend_is_watched(lane: Lane, other: str) -> None:
    lane.show(showing(lambda request: caches[other].get_many(["a", "b"])))

    assert lane.see().reason == "cache-read"


@of_every_kind
def test_every_backend_obeys_what_is_declared(lane: Lane, other: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        backend = caches[other]
        missed = backend.get("missed", "nothing"), "missed" in backend
        known = backend.get_many(["missed", "old"])
        return HttpResponse(str((missed, known, backend.add("missed", 2))))

    lane.configure(CACHE_READS={"missed": "miss", "old": None})
    lane.show(view)
    caches[other].set_many({"missed": 1, "old": 7})

    assert lane.read() == str((("nothing", False), {"old": 7}, False))
    assert lane.see().hit
    assert caches[other].get("missed") == 1


@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC)
@pytest.mark.parametrize("declared, hit", [(None, True), ("miss", True), (["x"], True), (0, False)])
def test_asynchronous_reads_count(lane: Lane, declared: Any, hit: bool) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        one = await cache.aget("greeting", "nothing")
        many = await cache.aget_many(["greeting"])
        return HttpResponse(str((one, many)))

    lane.configure(CACHE_READS={} if declared == 0 else {"greeting": declared})
    lane.show(view)
    cache.set("greeting", "hello")

    expected = "('nothing', {})" if declared == "miss" else "('hello', {'greeting': 'hello'})"
    assert lane.read() == expected
    assert lane.see().hit is hit


@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC)
def test_blocking_read_on_the_event_loop_is_never_missed(lane: Lane) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(cache.get("greeting"))

    lane.configure(CACHE_READS={"greeting": "miss"})
    lane.show(view)
    cache.set("greeting", "hello")

    answer = lane.get()
    assert (text(answer), status(answer).reason) == ("hello", "cache-read")


SESSIONS = [f"django.contrib.sessions.backends.{name}" for name in ("cache", "cached_db")]


@pytest.mark.parametrize("engine", SESSIONS)
def test_sessions_in_the_cache_are_sessions(lane: Lane, engine: str) -> None:
    lane.settings.SESSION_ENGINE = engine
    lane.configure(AUTHENTICATED="unread")
    lane.show(showing(lambda request: request.session.get("name", "nobody")))

    assert hits(lane) == [False, True, True]
    answer = lane.visitor(sessionid="a" * 32).get()
    assert text(answer) == "nobody"
    assert status(answer).reason in {"session", "set-cookie"}  # whose cookie is taken back


def test_key_of_a_session_is_no_excuse_for_others(lane: Lane) -> None:
    lane.show(showing(lambda request: cache.get(f"{KEY_PREFIX}{'a' * 32}")))

    assert lane.see().reason == "cache-read"


@through(MIDDLEWARE_SYNC)
def test_thread_of_the_view_reads_for_the_page(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        seen: list[str] = []
        thread = Thread(target=lambda: seen.append(cache.get("greeting")))
        thread.start()
        thread.join()
        return HttpResponse(str(seen))

    lane.show(view)

    assert lane.see().reason == "foreign"


def test_store_reads_for_itself(lane: Lane) -> None:
    """In a backend of the kind that the site uses, and while a page is made that announces something."""

    def view(request: HttpRequest) -> HttpResponse:
        cache.set("greeting", "hello")
        if lane.renders == 1:
            invalidate("something")
        return HttpResponse("hello")

    lane.show(view)

    assert [lane.see().reason, lane.see().stored, lane.see().hit] == ["moved", True, True]


@through(*SIX, stores=(MEMORY,))
@pytest.mark.parametrize("other", ["table"], indirect=True)
def test_store_in_the_same_table_as_other_values(lane: Lane, other: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            invalidate("something")
        return HttpResponse(caches[other].get_or_set("greeting", "hello"))

    lane.configure(CACHE=other, CACHE_READS={"greeting": None})
    lane.show(view)

    assert [lane.see().reason, lane.see().stored, lane.see().hit] == ["moved", True, True]


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, stores=(MEMORY,))
@pytest.mark.parametrize("other", ["table"], indirect=True)
def test_tagged_value_from_a_transaction_that_began_before_is_not_kept(
    lane: Lane, other: str
) -> None:
    lane.configure(CACHE_READS={"greeting": ["greetings"]})
    lane.show(showing(lambda request: caches[other].get("greeting")))

    with transaction.atomic():
        caches[other].get("greeting")
        assert lane.see().reason == "transaction"
    assert lane.see().stored


@through(MIDDLEWARE_SYNC, stores=(MEMORY,))
@pytest.mark.parametrize("other", ["table"], indirect=True)
def test_sql_on_the_table_of_a_cache_is_no_read_of_the_cache(lane: Lane, other: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
        return HttpResponse("counted")

    lane.show(view)

    assert lane.see().reason == "ignored-table"
