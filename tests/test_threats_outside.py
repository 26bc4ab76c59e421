"""What stands outside the recording cannot pass what it read of one visitor on to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.urls import include, path, register_converter
from django.utils.decorators import decorator_from_middleware, method_decorator
from django.views import View
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import condition, require_safe
from django.views.decorators.vary import vary_on_headers

from pagecache import cache_page, segment_by
from pagecache.segments import anonymous
from tests.lanes import (
    ALL,
    DECORATOR_ASYNC,
    DECORATOR_SYNC,
    LAST_ASYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    SIX,
    WSGI,
    Lane,
    connections_open,
    showing,
    text,
    through,
)
from tests.site.models import Author

ON = (MEMORY,)
theme = showing(lambda request: getattr(request, "theme", "plain"))
kept = method_decorator(cache_page(300), name="dispatch")


def take(request: HttpRequest) -> None:
    request.theme = request.COOKIES.get("theme", "plain")  # type: ignore[attr-defined]


def themed(view: Any) -> Any:
    @wraps(view)
    async def on_loop(request: HttpRequest) -> Any:
        take(request)
        return await view(request)

    @wraps(view)
    def on_thread(request: HttpRequest) -> Any:
        take(request)
        return view(request)

    return on_loop if iscoroutinefunction(view) else on_thread


class Themes:
    """Middleware of the site, used as a decorator."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def process_request(self, request: HttpRequest) -> None:
        take(request)


class Page(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return theme(request)  # type: ignore[no-any-return]


@kept
class InSetup(Page):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        take(request)


@kept
class Kept(Page):
    pass


@method_decorator(require_safe, name="dispatch")
class Safe(Kept):
    pass


class InDispatch(Kept):
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        take(request)
        return super().dispatch(request, *args, **kwargs)


@method_decorator([themed, cache_page(300)], name="dispatch")
class Listed(Page):
    pass


@method_decorator(themed, name="dispatch")
@kept
class Stacked(Page):
    pass


@method_decorator(themed, name="get")
@method_decorator(cache_page(300), name="get")
class AroundGet(Page):
    pass


class Inner(Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        take(request)
        return self.inner(request)

    @method_decorator(cache_page(300))
    def inner(self, request: HttpRequest) -> HttpResponse:
        return theme(request)  # type: ignore[no-any-return]


def hidden(view: Any) -> Any:
    """Wrap without saying so."""

    def unseen(request: HttpRequest) -> Any:
        take(request)
        return view(request)

    return unseen


CLASSES = (InSetup, InDispatch, Listed, Stacked, AroundGet, Inner)
WRAPPED: dict[str, Callable[[Any], Any]] = {
    "without wraps": hidden,
    "middleware as a decorator": decorator_from_middleware(Themes),
    "behind a stock decorator": lambda view: require_safe(themed(view)),
}


def themes(lane: Lane) -> tuple[str, str]:
    """Return what two visitors get, the first of whom came before and has a cookie."""
    lane.visitor(theme="dark").get()
    return text(lane.visitor(theme="dark").get()), lane.read()


@through(*SIX)
def test_a_decorator_around_cache_page(lane: Lane) -> None:
    lane.mount(path("page/", lane.page(theme, outside=(themed,), timeout=300)))
    assert themes(lane) == ("dark", "plain")


@through(DECORATOR_SYNC)
@pytest.mark.parametrize("name", WRAPPED)
def test_other_wrappers(lane: Lane, name: str) -> None:
    lane.mount(path("page/", WRAPPED[name](cache_page(300)(theme))))
    assert themes(lane) == ("dark", "plain")


@through(DECORATOR_SYNC)
@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_around_cache_page(lane: Lane, cls: type[View]) -> None:
    lane.mount(path("page/", cls.as_view()))
    assert themes(lane) == ("dark", "plain")


@through(DECORATOR_SYNC)
@pytest.mark.parametrize(
    "view",
    [
        require_safe(vary_on_headers("X-Fruit")(cache_page(300)(theme))),
        segment_by(anonymous)(cache_page(300)(theme)),
        Kept.as_view(),
        cache_page(300)(InSetup.as_view()),
        cache_control(public=True, max_age=60)(cache_page(300)(theme)),
        Safe.as_view(),
    ],
)
def test_positive_control_what_is_known_is_kept(lane: Lane, view: Any) -> None:
    lane.mount(path("page/", view))
    lane.get()
    assert lane.see().hit


def etag(request: HttpRequest) -> str:
    take(request)
    return '"etag"'


@through(DECORATOR_SYNC)
@pytest.mark.parametrize(
    "decorate",
    [
        never_cache,
        cache_control(private=True),
        cache_control(**{"no-store": True}),
        condition(etag),
    ],
)
def test_stock_decorators_that_forbid_or_run_code_of_the_site(lane: Lane, decorate: Any) -> None:
    lane.mount(path("page/", decorate(cache_page(300)(theme))))
    assert lane.see().reason == "outside"

    lane.mount(path("page/", method_decorator(decorate, name="dispatch")(Kept).as_view()))
    assert lane.see().reason == "outside"


@through(DECORATOR_SYNC)
def test_what_is_named_in_outside_is_kept(lane: Lane) -> None:
    lane.mount(path("page/", themed(cache_page(300)(theme))))
    assert lane.see().reason == "outside"

    lane.configure(OUTSIDE=["tests.test_threats_outside.themed"])
    lane.get()
    assert lane.see().hit


class Authors:
    """A converter that finds what a number stands for."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> Author:
        return Author.objects.get(pk=value)

    def to_url(self, value: Author) -> str:
        return str(value.pk)


register_converter(Authors, "author_of_threats")


@pytest.fixture
def author(transactional_db: None) -> Author:
    return Author.objects.create(name="old")


def name_of(_request: HttpRequest, author: Author) -> HttpResponse:
    return HttpResponse(author.name)


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, WSGI, LAST_SYNC)
def test_what_a_converter_finds_is_never_old(lane: Lane, author: Author) -> None:
    lane.mount(
        path("in/", include([path("<author_of_threats:author>/", lane.page(name_of))])),
        path("<int:number>/", lane.page(lambda request, number: HttpResponse(str(number)))),
    )
    assert [lane.read(f"/in/{author.pk}/") for _ in range(2)] == ["old", "old"]
    Author.objects.update(name="new")
    assert lane.read(f"/in/{author.pk}/") == "new"

    lane.get("/1/")
    assert lane.see("/1/").hit


@through(DECORATOR_SYNC)
def test_a_converter_that_finds_nothing_else_is_named_in_outside(
    lane: Lane, author: Author
) -> None:
    lane.mount(path("<author_of_threats:author>/", lane.page(name_of)))
    assert lane.see(f"/{author.pk}/").reason == "outside"

    lane.configure(OUTSIDE=["tests.test_threats_outside.Authors"])
    lane.get(f"/{author.pk}/")
    assert lane.see(f"/{author.pk}/").hit


# What sees a request before all middleware

kept_theme = {"theme": "plain"}
kept_view = showing(lambda request: kept_theme["theme"])


def hears(**heard: Any) -> None:
    """Keep what a cookie says where code without a request finds it."""
    environ = heard.get("environ") or {
        "HTTP_COOKIE": dict(heard["scope"]["headers"]).get(b"cookie", b"").decode()
    }
    kept_theme["theme"] = environ.get("HTTP_COOKIE", "").partition("=")[2] or "plain"


@through(*ALL)
def test_what_a_receiver_keeps_of_a_request(lane: Lane) -> None:
    lane.show(kept_view)
    request_started.connect(hears)
    try:
        for _ in range(2):
            assert themes(lane) == ("dark", "plain")
        assert lane.see().reason == "outside"

        lane.configure(OUTSIDE=["tests.test_threats_outside.hears"])
        lane.get()
        assert lane.see().hit
    finally:
        request_started.disconnect(hears)


class Themed(WSGIRequest):
    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        take(self)


class Theming(WSGIHandler):
    def get_response(self, request: HttpRequest) -> Any:
        take(request)
        return super().get_response(request)


def with_class() -> WSGIHandler:
    handler = WSGIHandler()
    handler.request_class = Themed
    return handler


def shown_by(handler: Any, cookie: str) -> str:
    made: Any = RequestFactory(HTTP_COOKIE=cookie)
    with connections_open():
        return text(handler(made._base_environ(PATH_INFO="/page/"), lambda *_head: None))


def shown_to_two(handler: Any) -> list[str]:
    return [shown_by(handler, cookie) for cookie in ("theme=dark", "") * 2]


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, LAST_SYNC)
def test_what_a_class_of_requests_reads(lane: Lane) -> None:
    lane.show(theme)
    assert shown_to_two(with_class()) == ["dark", "plain"] * 2


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, LAST_SYNC)
def test_what_a_handler_reads(lane: Lane) -> None:
    lane.show(theme)
    assert shown_to_two(Theming()) == ["dark", "plain"] * 2


class ThemingOnLoop(ASGIHandler):
    async def get_response_async(self, request: HttpRequest) -> Any:
        take(request)
        return await super().get_response_async(request)


@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC, LAST_ASYNC)
def test_what_a_handler_reads_on_a_loop(lane: Lane) -> None:
    lane.show(theme)
    handler = ThemingOnLoop()

    def shown(cookie: str) -> str:
        made = AsyncRequestFactory()
        made.cookies.load(cookie)
        request = made.get("/page/")
        return text(async_to_sync(handler.get_response_async)(request))

    assert [shown(cookie) for cookie in ("theme=dark", "") * 2] == ["dark", "plain"] * 2
