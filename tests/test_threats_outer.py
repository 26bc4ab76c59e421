"""Code that a page did not run by itself: other requests, threads, tasks, hooks. Each may hide a read from the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from pagecache import cache_exempt, cache_page, depends_on, expire_in, invalidate, segment_by
from pagecache.recording.recorder import Bystander, begin_request, current, end_request
from tests.lanes import SIX, Lane, status, text, through
from tests.site.factories import make_author
from tests.site.models import Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = SIX, ("memory",)


def name(_request: HttpRequest | None = None) -> HttpResponse:
    return HttpResponse(Author.objects.get().name)


@pytest.fixture
def thread() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Run functions in one thread that lives on."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result()
        pool.submit(connections.close_all).result()


# Requests within requests


@pytest.mark.parametrize("shows", ["its own", "the other's"])
def test_a_page_that_asked_for_another_is_not_stored(lane: Lane, shows: str) -> None:
    make_author("old")

    def outer(request: HttpRequest) -> HttpResponse:
        other = Client().get("/inner/")
        return name() if shows == "its own" else HttpResponse(other.content)

    if lane.kind.on_loop:
        lane.mount(path("page/", lane.page(outer)), path("inner/", sync_to_async(name)))
    else:
        lane.mount(path("page/", lane.page(outer)), path("inner/", name))
    assert [lane.read() for _ in range(2)] == ["old", "old"]
    assert lane.see().reason == "nested"
    Author.objects.update(name="new")
    assert lane.read() == "new"


def test_after_a_request_the_code_belongs_to_who_made_it() -> None:
    token = current.set(None)
    try:
        begin_request()
        first = current.get()
        begin_request()
        end_request()
        assert current.get() is first
        end_request()
        assert current.get() is None
        end_request()
        assert isinstance(first, Bystander)
        assert first.is_over
    finally:
        current.reset(token)


def test_a_thread_that_once_answered_a_request_belongs_to_none(lane: Lane, thread: Any) -> None:
    make_author("old")
    lane.mount(path("page/", lane.page(lambda r: thread(name))))
    thread(lambda: Client().get("/nowhere/"))
    assert lane.see().reason == lane.see().reason == "foreign"
    Author.objects.update(name="new")
    assert lane.read() == "new"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_task_that_outlives_its_request_belongs_to_none(lane: Lane, method: str) -> None:
    """What a request began goes on with its context."""
    make_author("old")
    kept: list[Any] = []

    def begin(request: HttpRequest) -> HttpResponse:
        kept.append(copy_context())
        return HttpResponse("")

    lane.mount(
        path("page/", lane.page(lambda r: kept[0].run(name))), path("begin/", lane.page(begin))
    )
    lane.visitor().ask(method, "/begin/")
    assert lane.see().reason == "foreign"
    Author.objects.update(name="new")
    assert lane.read() == "new"


# Threads of their own


def test_what_a_thread_depends_on_is_not_lost(lane: Lane, thread: Any) -> None:
    data = ["old"]

    def part() -> str:
        depends_on("x")
        return data[0]

    lane.show(lambda r: HttpResponse(thread(part)))
    lane.read()
    assert lane.see().reason == "foreign"
    data[0] = "new"
    invalidate("x")
    assert lane.read() == "new"


def test_an_end_that_a_thread_states_is_not_lost(lane: Lane, thread: Any) -> None:
    lane.show(lambda r: HttpResponse(str(thread(partial(expire_in, 1)))))
    assert lane.see().reason == "foreign"


def test_a_write_in_a_thread_goes_on_happening(lane: Lane, thread: Any) -> None:
    lane.show(lambda r: HttpResponse(thread(lambda: Unrelated.objects.bulk_create([Unrelated()]))))
    for _ in range(3):
        lane.read()
    assert Unrelated.objects.count() == 3


# What happens after the view


@through(*(kind for kind in SIX if not kind.on_loop))
def test_a_hook_of_the_commit_goes_on_happening(lane: Lane, settings: Any) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    done = []

    def view(request: HttpRequest) -> HttpResponse:
        transaction.on_commit(lambda: done.append(1))
        return HttpResponse("x")

    try:
        lane.show(view)
        for _ in range(3):
            lane.read()
        assert len(done) == 3
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


@through(*(kind for kind in SIX if not kind.decorated and not kind.last))
def test_a_page_served_behind_the_middleware_passes_it_as_if_once(lane: Lane) -> None:
    lane.middleware_inside("tests.lanes_site.middleware.footer")
    lane.show(lambda r: HttpResponse("x"), segment_by(lambda r: "all"))
    answers = [lane.get() for _ in range(3)]
    assert [text(answer) for answer in answers] == ["x<footer>"] * 3
    assert status(answers[-1]).hit
    assert [cookie.value for cookie in answers[-1].cookies.values()] == ["again"]


@through(*(kind for kind in SIX if not kind.decorated and not kind.last))
def test_what_the_middleware_puts_in_place_of_a_served_page_is_sent(lane: Lane) -> None:
    lane.middleware_inside("tests.lanes_site.middleware.closes")
    lane.show(lambda r: HttpResponse("x"), segment_by(lambda r: "all"))
    assert [lane.read() for _ in range(3)][0::2] == ["x", "closed"]


# Exempt views that cannot be seen from the URL


def unique(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(uuid4().hex)


def test_an_exempt_method_is_exempt(lane: Lane) -> None:
    class Page(View):
        @method_decorator(cache_exempt)
        def get(self, request: HttpRequest) -> HttpResponse:
            return unique(request)

    lane.show(Page.as_view())
    assert len({lane.read() for _ in range(4)}) == 4


def test_an_exempt_view_that_another_calls_is_exempt(lane: Lane) -> None:
    inner = cache_exempt(unique)

    def view(request: HttpRequest) -> HttpResponse:
        return inner(request)

    lane.show(view)
    assert len({lane.read() for _ in range(4)}) == 4


def test_an_exempt_view_beside_one_that_is_cached_is_exempt(lane: Lane) -> None:
    first, second = cache_page(60)(unique), cache_exempt(unique)
    lane.show(lambda request: (first(request), second(request))[1])
    assert len({lane.read() for _ in range(4)}) == 4
