"""Code that a page did not run by itself: other requests, threads, tasks, hooks. Each may hide a read from the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from pagecache import cache_exempt, cache_page, depends_on, expire_in, invalidate, segment_by
from pagecache.recording.recorder import Bystander, begin_request, current, end_request
from tests.lanes import (
    ALL,
    BEHIND_OTHERS,
    DECORATOR_SYNC,
    LAST_ASYNC,
    LAST_SYNC,
    STOCK,
    Lane,
    showing,
    status,
    text,
    through,
)
from tests.site.factories import make_author
from tests.site.models import Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = ALL, ("memory",)


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


class Previews(BaseHandler):
    """Shows what is not published yet, whatever stands under the address."""

    def _get_response(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"draft {name().content.decode()}")


def asked_past_signals(handler: type[BaseHandler], **meta: Any) -> str:
    """Return what a handler of its own shows for the address of a page."""
    given = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/inner/",
        "HTTP_HOST": "testserver",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": 80,  # a number, as no server has it
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
    }
    made = handler()
    made.load_middleware()
    return text(made.get_response(WSGIRequest(given | meta)))


@pytest.mark.parametrize("port", ["80", 80])
@pytest.mark.parametrize("reads", [True, False])
def test_what_a_handler_of_its_own_shows_is_neither_a_page_nor_replaced_by_one(
    lane: Lane, port: Any, reads: bool
) -> None:
    """As previews of Wagtail are made, within a request or without."""
    make_author("new")
    shown = partial(asked_past_signals, Previews, SERVER_PORT=port)
    live = showing(lambda request: f"live {request.get_port() if reads else ''}")
    lane.mount(
        path("page/", lane.page(lambda request: HttpResponse(shown()))),
        path("inner/", lane.page(live)),
    )
    first = lane.read("/inner/")
    for _ in range(2):
        assert [shown(), lane.read(), lane.read("/inner/")] == ["draft new", "draft new", first]
    assert lane.see("/inner/").hit


@pytest.mark.parametrize("handler", [Previews, BaseHandler])
def test_a_page_that_asked_a_handler_for_another_is_not_stored(
    lane: Lane, handler: type[BaseHandler]
) -> None:
    make_author("old")
    lane.mount(
        path("page/", lane.page(lambda request: HttpResponse(asked_past_signals(handler)))),
        path("inner/", name),
    )
    assert all("old" in lane.read() for _ in range(2))
    Author.objects.update(name="new")
    assert "new" in lane.read()


def test_a_page_that_a_segment_function_asked_for_is_keyed_by_what_it_read(lane: Lane) -> None:
    def theme(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.COOKIES.get("theme", "plain"))

    def segment(request: HttpRequest) -> str:
        visitor = Client()
        visitor.cookies.load(dict(request.COOKIES))
        return text(visitor.get("/inner/"))

    lane.mount(
        path("page/", lane.page(name, segment_by(segment))), path("inner/", lane.page(theme))
    )
    make_author("old")
    for _ in range(2):
        lane.read(cookies={"theme": "dark"})
    assert lane.read("/inner/") == "plain"


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


@through(*(kind for kind in ALL if not kind.on_loop))
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


def once_more(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Ask a second time, with the same request, where the site is busy."""

    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        return get_response(request) if response.status_code == 503 else response

    return middleware


@through(LAST_SYNC, DECORATOR_SYNC)
@pytest.mark.parametrize("declared", [[], ["theme"]])
def test_a_request_that_comes_again_still_has_its_cookies(lane: Lane, declared: list[str]) -> None:
    busy = [True]

    def view(request: HttpRequest) -> HttpResponse:
        shown = HttpResponse(request.COOKIES.get("theme"), status=503 if busy else 200)
        busy.clear()
        return shown

    own = f"{__name__}.once_more"
    lane.configure(OUTSIDE=[own], KEY_COOKIES=declared)
    lane.show(view)
    lane.middleware(own, *STOCK)

    assert lane.read(cookies={"theme": "dark"}) == "dark"
    assert [lane.read() for _ in range(2)] == ["None", "None"]
    busy.append(True)
    assert lane.read(cookies={"theme": "dark"}) == "dark"


@through(*(kind for kind in ALL if not kind.decorated and not kind.last))
def test_a_page_served_behind_the_middleware_passes_it_as_if_once(lane: Lane) -> None:
    lane.middleware_inside("tests.lanes_site.middleware.footer")
    lane.show(lambda r: HttpResponse("x"), segment_by(lambda r: "all"))
    answers = [lane.get() for _ in range(3)]
    assert [text(answer) for answer in answers] == ["x<footer>"] * 3
    assert status(answers[-1]).hit
    assert [cookie.value for cookie in answers[-1].cookies.values()] == ["again"]


@through(*(kind for kind in ALL if not kind.decorated and not kind.last))
def test_what_the_middleware_puts_in_place_of_a_served_page_is_sent(lane: Lane) -> None:
    lane.middleware_inside("tests.lanes_site.middleware.closes")
    lane.show(lambda r: HttpResponse("x"), segment_by(lambda r: "all"))
    assert [lane.read() for _ in range(3)][0::2] == ["x", "closed"]


POLICY = "tests.lanes_site.middleware.has_policy"


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("place", ["outside", "inside"])
def test_a_nonce_is_for_one_answer(lane: Lane, place: str, declared: bool) -> None:
    lane.configure(OUTSIDE=[POLICY] if declared else [])
    around = lane.settings.MIDDLEWARE
    lane.settings.MIDDLEWARE = [POLICY, *around] if place == "outside" else [*around, POLICY]
    lane.show(lambda request: HttpResponse(f"{request._csp_nonce}"))
    if place == "outside" and lane.kind.fast:
        with pytest.raises(ImproperlyConfigured, match="first in MIDDLEWARE"):
            lane.get()
        return
    answers = [lane.get() for _ in range(4)]
    assert len({text(answer) for answer in answers}) == 4
    for answer in answers:
        assert answer["Content-Security-Policy"] == f"script-src 'nonce-{text(answer)}'"


def test_a_nonce_of_middleware_outside_that_has_a_name_of_its_own_is_for_one_answer(
    lane: Lane,
) -> None:
    own = "tests.lanes_site.middleware.has_own_nonce"
    lane.configure(OUTSIDE=[own])
    lane.middleware(own, *STOCK)
    lane.show(lambda request: HttpResponse(f'<script nonce="{request.own}">'))
    answers = [lane.get() for _ in range(3)]
    assert len({text(answer) for answer in answers}) == 3
    assert all(answer["Content-Security-Policy"] in text(answer) for answer in answers)


@through(*BEHIND_OTHERS)
def test_a_page_without_a_nonce_is_stored(lane: Lane) -> None:
    lane.configure(OUTSIDE=[POLICY])
    lane.settings.MIDDLEWARE = [POLICY, *lane.settings.MIDDLEWARE]
    lane.show(lambda request: HttpResponse("x"))
    assert [lane.get()["Content-Security-Policy"] for _ in range(2)] == ["x", "x"]
    assert lane.see().hit


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


def _told(name: str, value: object) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("x")
        setattr(response, name, value)
        return response

    return view


@through(*ALL)
def test_a_page_that_may_be_framed_may_always_be(lane: Lane) -> None:
    lane.show(_told("xframe_options_exempt", True))
    answers = [lane.get() for _ in range(3)]
    assert not any(answer.has_header("X-Frame-Options") for answer in answers)
    is_outside = lane.kind.last or lane.kind.decorated
    assert status(answers[-1]).hit is not is_outside


@through(LAST_SYNC, LAST_ASYNC)
@pytest.mark.parametrize("name", ["xframe_options_exempt", "_csp_config", "_csp_replace"])
def test_what_a_view_tells_middleware_outside_is_no_part_of_a_page(lane: Lane, name: str) -> None:
    gzip = "django.middleware.gzip.GZipMiddleware"
    policy = "tests.lanes_site.middleware.has_policy"
    lane.configure(OUTSIDE=[policy])
    lane.show(_told(name, {}))
    for outside, is_told in ((policy, True), (gzip, False)):
        lane.middleware(outside)
        lane.get()
        assert lane.see().hit is not is_told
        assert lane.see().reason == ("told-outside" if is_told else None)


@through(DECORATOR_SYNC, LAST_SYNC)
def test_headers_that_middleware_outside_looked_at_stay_as_they_are(lane: Lane) -> None:
    """As Django has it, whatever is written over the variables of the server later."""

    def view(request: HttpRequest) -> HttpResponse:
        request.META.pop("HTTP_X_FRUIT", None)
        return HttpResponse(request.headers.get("X-Fruit"))

    own = "tests.lanes_site.middleware.looks_at_agent"
    lane.configure(OUTSIDE=[own], KEY_HEADERS=["X-Fruit"])
    lane.show(view)
    lane.middleware(own, *STOCK)

    seen = [lane.read(headers={"X-Fruit": fruit}) for fruit in ("fig", "pear", "fig")]
    assert seen == ["fig", "pear", "fig"]
    assert lane.renders == 2


def writes_late(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Write over a header that was looked at."""

    def middleware(request: HttpRequest) -> Any:
        request.headers.get("X-Fruit")
        request.META["HTTP_X_FRUIT"] = "written"
        return get_response(request)

    return middleware


@through(DECORATOR_SYNC, LAST_SYNC)
def test_page_by_headers_that_were_written_over_before_is_not_stored(lane: Lane) -> None:
    own = f"{__name__}.writes_late"
    lane.configure(OUTSIDE=[own], KEY_HEADERS=["X-Fruit"])
    lane.show(showing(lambda request: request.headers.get("X-Fruit")))
    lane.middleware(own, *STOCK)

    seen = [lane.read(headers={"X-Fruit": fruit}) for fruit in ("fig", "pear", "fig")]
    assert seen == ["fig", "pear", "fig"]
    assert lane.see().reason == "all-headers"
