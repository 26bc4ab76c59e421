"""What is the fast lanes' own: what they hand over, what they leave to Django, where they refuse to stand."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import connection, transaction
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone, translation

from pagecache import asgi, wsgi
from pagecache.bridge.fast import HANDED_OVER
from pagecache.engine.visit import local
from pagecache.middleware import PageCacheMiddleware
from tests.lanes import (
    ASGI,
    FAST,
    MEMORY,
    PAGECACHE,
    PATH,
    REDIS,
    STOCK,
    WSGI,
    Lane,
    noting_not_at_hand,
    showing,
    status,
    text,
    through,
)
from tests.lanes import cache as cache_of
from tests.site.factories import make_author
from tests.site.models import Author
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = FAST, (MEMORY,)


class OwnMiddleware(PageCacheMiddleware):
    """A site's own class, derived from ours."""


class OwnHandler(WSGIHandler):
    """A site's own class, derived from Django's."""


class OwnRequest(WSGIRequest):
    """The same."""


def own_request() -> WSGIHandler:
    handler = WSGIHandler()
    handler.request_class = OwnRequest
    return handler


@contextmanager
def seen_by_django() -> Iterator[list[Any]]:
    """Note the requests that Django begins with."""
    seen: list[Any] = []

    def note(**kwargs: Any) -> None:
        seen.append(kwargs)

    note.__module__ = "django.tests"  # nobody whom the lane would leave a request to Django for
    request_started.connect(note)
    try:
        yield seen
    finally:
        request_started.disconnect(note)


@contextmanager
def hearing(first: Callable[[Any], object]) -> Iterator[None]:
    """Let somebody, for whom no lane leaves requests to Django, hear of each that Django begins with."""

    def hears(**kwargs: Any) -> None:
        first(kwargs)

    hears.__module__ = "django.tests"
    request_started.connect(hears)
    try:
        yield
    finally:
        request_started.disconnect(hears)


def handed_over_in(kwargs: dict[str, Any]) -> Any:
    """Return what a lane hands over with a request of which Django tells so."""
    return kwargs.get("environ", kwargs.get("scope", {}))[HANDED_OVER]


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an URLconf in which the page is another one."""
    name = "tests.urls_of_others"
    module: Any = ModuleType(name)
    module.urlpatterns = [path("page/", lambda _request: HttpResponse("other"))]
    monkeypatch.setitem(sys.modules, name, module)
    return name


@contextmanager
def class_that_also(does: Callable[[Any], Any], cls: Any = WSGIRequest) -> Iterator[None]:
    """Let one of Django's classes of requests do something with each that it makes."""
    begins = cls.__init__

    def also(self: Any, *args: Any) -> None:
        begins(self, *args)
        does(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cls, "__init__", also)
        yield


# Where it stands


@pytest.mark.parametrize(
    "middleware", [STOCK, [*STOCK, PAGECACHE], [], [f"{__name__}.OwnMiddleware"]]
)
@pytest.mark.parametrize(
    "make", [lambda: wsgi.PageCache(WSGIHandler()), lambda: asgi.PageCache(ASGIHandler())]
)
def test_a_lane_needs_the_middleware_itself_in_the_first_place(
    settings: Any, middleware: list[str], make: Callable[[], Any]
) -> None:
    settings.MIDDLEWARE = middleware
    with pytest.raises(ImproperlyConfigured, match="itself first in MIDDLEWARE"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: wsgi.PageCache(lambda environ, start_response: []),  # type: ignore[arg-type]
        lambda: wsgi.PageCache(OwnHandler()),
        lambda: wsgi.PageCache(own_request()),
        lambda: asgi.PageCache(WSGIHandler()),  # type: ignore[arg-type]
    ],
)
def test_nothing_may_lie_between_a_lane_and_django(make: Callable[[], Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Put that around PageCache\(\.\.\.\)"):
        make()


# What it hands over


def test_django_never_sees_a_hit(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET["a"]))
    with seen_by_django() as seen, CaptureQueriesContext(connection) as queries:
        assert [lane.read("/page/?a=1") for _ in range(4)] == ["1"] * 4
    assert lane.see("/page/?a=1").hit
    assert (len(seen), lane.renders, len(queries)) == (1, 1, 0)


def test_the_view_sees_no_trace_of_a_lane(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        assert HANDED_OVER not in request.META
        assert HANDED_OVER not in getattr(request, "scope", {})
        return HttpResponse("x")

    lane.show(view)
    assert lane.read() == "x"


@through(WSGI)
def test_a_file_goes_through_the_wrapper_of_the_server(lane: Lane) -> None:
    lane.show(lambda request: FileResponse(io.BytesIO(b"0123456789")))
    application = wsgi.PageCache(WSGIHandler())
    environ = {**environ_of(), "wsgi.file_wrapper": lambda stream, size: (stream, size)}

    stream: Any
    stream, _ = application(environ, lambda *head: None)

    assert stream.read() == b"0123456789"
    stream.close()  # and with it the response


@through(WSGI, stores=(REDIS,))
def test_a_server_may_change_the_header_fields_that_it_is_told(lane: Lane) -> None:
    lane.configure(LOCAL="push", REVEAL=None)
    lane.show(lambda request: HttpResponse("page"))
    application = wsgi.PageCache(WSGIHandler())
    told: list[list[tuple[str, str]]] = []

    def start(_line: str, fields: list[tuple[str, str]]) -> None:
        told.append(fields.copy())
        fields.append(("X-Server", "mine"))  # as PEP 3333 has it

    def is_at_hand() -> bool:
        b"".join(application(environ_of(), start))
        return any(held.dressed is not None for held in local.held.values())

    until(is_at_hand, "no page at hand")
    for _ in range(3):
        b"".join(application(environ_of(), start))

    assert {"X-Server"}.isdisjoint(name for fields in told for name, _ in fields)


def test_a_stream_is_not_gathered(lane: Lane) -> None:
    lane.show(lambda request: StreamingHttpResponse([b"a", b"b"]))
    assert [text(lane.get()) for _ in range(2)] == ["ab", "ab"]
    assert lane.renders == 2


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_are_handed_over_as_they_are(kind: str) -> None:
    application = asgi.PageCache(ASGIHandler())
    scope = {"type": kind}
    with pytest.raises(ValueError, match=f"not {kind}"):
        async_to_sync(application)(scope, unheard, unheard)
    assert scope == {"type": kind}


async def unheard(*_message: Any) -> Any:
    raise AssertionError("nobody is asked")


def test_page_with_a_status_without_a_name_is_served(lane: Lane) -> None:
    lane.configure(TIMEOUT=0)
    fields = {"Cache-Control": "max-age=60"}
    lane.show(lambda request: HttpResponse("page", status=299, headers=fields))

    answers = [lane.get() for _ in range(2)]

    assert [answer.status_code for answer in answers] == [299, 299]
    assert status(answers[1]).hit


def test_a_stored_error_is_logged_as_django_does(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    lane.configure(STATUSES=[404])
    lane.show(lambda request: HttpResponse("gone", status=404))
    answers = [lane.get() for _ in range(3)]
    assert [status(answer).hit for answer in answers] == [False, True, True]
    logged = [record for record in caplog.records if record.name == "django.request"]
    assert len(logged) == 3


# What it went by has to hold


def test_what_was_found_long_ago_is_asked_for_again(lane: Lane) -> None:
    """A client may let Django wait for its body."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{Author.objects.count()} {get_token(request)}")

    lane.show(view)
    assert [lane.read()[:2] for _ in range(2)] == ["0 ", "0 "]
    assert lane.see().hit

    def waits(**kwargs: Any) -> None:
        visit = kwargs.get("environ", kwargs.get("scope", {}))[HANDED_OVER]
        assert visit.found.entry is not None
        visit.arrived -= 2
        make_author()

    waits.__module__ = "django.tests"
    request_started.connect(waits)
    try:
        assert lane.read()[:2] == "1 "
    finally:
        request_started.disconnect(waits)


@through(WSGI)  # under ASGI, what a receiver activates ends with it
def test_what_is_active_only_when_django_begins_is_asked_for_again(lane: Lane) -> None:
    def speaks(**_kwargs: Any) -> None:
        translation.activate("de")

    lane.show(showing(lambda request: translation.get_language()))
    lane.configure(OUTSIDE=[f"{__name__}.{speaks.__qualname__}"])
    with translation.override("en"):
        assert [lane.read() for _ in range(3)] == ["en"] * 3
    request_started.connect(speaks)
    try:
        for _ in range(3):
            with translation.override("fr"):
                assert lane.read() == "de"
    finally:
        request_started.disconnect(speaks)
    with translation.override("fr"):
        assert lane.read() == "fr"


OTHER = "/page/of/others/"
WRITTEN_OVER = {
    "query": ({"QUERY_STRING": "q=2"}, {"query_string": b"q=2"}, "?q=2"),
    "path": ({"PATH_INFO": OTHER}, {"path": OTHER}, OTHER),
    "scheme": ({"wsgi.url_scheme": "https"}, {"scheme": "https"}, "https:"),
    "host": ({"HTTP_HOST": "localhost"}, {"headers": [(b"host", b"localhost")]}, "localhost"),
}


@pytest.mark.parametrize("has_holes", [False, True])
@pytest.mark.parametrize("written", WRITTEN_OVER.values(), ids=WRITTEN_OVER)
def test_what_is_written_over_before_django_has_a_request_is_what_counts(
    lane: Lane, written: tuple[dict[str, Any], dict[str, Any], str], has_holes: bool
) -> None:
    over_environ, over_scope, shown = written

    def says(request: HttpRequest) -> HttpResponse:
        token = get_token(request) if has_holes else ""
        asked = request.build_absolute_uri(), request.GET.get("q")
        return HttpResponse(f"{Author.objects.count()} {asked} {token}")

    def writes(kwargs: Any) -> None:
        kwargs.get("environ", {}).update(over_environ)
        kwargs.get("scope", {}).update(over_scope)

    def read() -> str:
        return lane.read("/page/?q=1").rpartition(" ")[0]

    lane.mount(path("page/", lane.page(says)), path(OTHER.strip("/") + "/", lane.page(says)))
    (plain,) = {read() for _ in range(3)}
    # Holes are Django's to fill; other requests are handed over where no page stands.
    if not has_holes:
        make_author()
        plain = plain.replace("0 ", "1 ", 1)
    with hearing(writes):
        answers = [read() for _ in range(3)]
    assert plain not in answers
    assert all(shown in answer for answer in answers)
    assert {read() for _ in range(3)} == {plain}


@through(WSGI)
@pytest.mark.parametrize("is_known", [False, True])
def test_an_urlconf_that_the_class_of_requests_gives_them_is_what_counts(
    lane: Lane, others: str, is_known: bool
) -> None:
    lane.configure(OUTSIDE=["django.core.handlers.wsgi.WSGIRequest"] if is_known else [])
    lane.show(showing(lambda _request: Author.objects.count()))
    assert {lane.read() for _ in range(3)} == {"0"}
    make_author()
    with class_that_also(lambda request: vars(request).update(urlconf=others)):
        seen = [lane.get() for _ in range(3)]
    assert {text(one) for one in seen} == {"other"}
    assert [status(one).hit for one in seen] == [False, is_known, is_known]
    assert lane.read() == "1"


@through(WSGI)
def test_what_the_class_of_requests_has_read_by_itself_is_in_no_key(lane: Lane) -> None:
    def note(request: Any) -> None:
        request.noted = request.environ.get("HTTP_COOKIE")

    lane.show(
        showing(lambda request: f"{Author.objects.count()} {getattr(request, 'noted', None)}")
    )
    assert {lane.read() for _ in range(3)} == {"0 None"}
    make_author()
    with class_that_also(note):
        names = [text(lane.visitor(name=name).get()) for name in ("ann", "bob", "cid")]
    assert names == ["1 name=ann", "1 name=bob", "1 name=cid"]
    assert lane.read() == "1 None"


GIVEN: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "method": (lambda request: setattr(request, "method", "PUT"), lambda request: request.method),
    "encoding": (
        lambda request: setattr(request, "encoding", "latin-1"),
        lambda request: request.GET.get("name"),
    ),
    "host": (
        lambda request: setattr(request, "get_host", lambda: "of.others"),
        lambda request: request.get_host(),
    ),
}


@pytest.mark.parametrize("gives, reads", GIVEN.values(), ids=GIVEN)
def test_what_the_class_of_requests_gives_them_is_what_counts(
    lane: Lane, gives: Callable[[Any], Any], reads: Callable[[Any], Any]
) -> None:
    cls: Any = ASGIRequest if lane.kind.on_loop else WSGIRequest
    lane.settings.USE_X_FORWARDED_HOST = True  # the host is asked of each request
    lane.configure(OUTSIDE=[f"{cls.__module__}.{cls.__name__}"])
    lane.show(showing(lambda request: f"{Author.objects.count()} {reads(request)}"))
    (plain,) = {lane.read("/page/?name=%E9") for _ in range(3)}
    make_author()
    with class_that_also(gives, cls):
        assert lane.read("/page/?name=%E9") != plain
    assert lane.read("/page/?name=%E9") == plain.replace("0", "1", 1)


@through(WSGI)
@pytest.mark.parametrize("given", ["urlconf", "method", "encoding"])
def test_what_a_patched_handler_gives_requests_is_what_counts(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, others: str, given: str
) -> None:
    """Tools that trace put code of theirs around what makes a response."""
    gives = {"urlconf": others, "method": "PUT", "encoding": "latin-1"}
    answers = WSGIHandler.get_response
    is_at_work = False

    def patched(self: Any, request: Any) -> Any:
        if is_at_work:
            setattr(request, given, gives[given])
        return answers(self, request)

    monkeypatch.setattr(WSGIHandler, "get_response", patched)
    lane.show(
        showing(lambda request: f"{Author.objects.count()} {request.method} {request.GET['name']}")
    )
    assert {lane.read("/page/?name=%E9") for _ in range(3)} == {"0 GET \N{REPLACEMENT CHARACTER}"}
    make_author()
    is_at_work = True
    shown = {
        "urlconf": "other",
        "method": "1 PUT \N{REPLACEMENT CHARACTER}",
        "encoding": "1 GET \N{LATIN SMALL LETTER E WITH ACUTE}",
    }
    assert lane.read("/page/?name=%E9") == shown[given]
    is_at_work = False
    assert lane.read("/page/?name=%E9") == "1 GET \N{REPLACEMENT CHARACTER}"


@through(ASGI)
@pytest.mark.parametrize("has_holes", [False, True])
def test_a_path_that_is_written_over_counts_where_only_its_script_differs(
    lane: Lane, has_holes: bool
) -> None:
    def says(request: HttpRequest) -> HttpResponse:
        token = get_token(request) if has_holes else ""
        return HttpResponse(f"{request.path} {Author.objects.count()} {token}")

    def read() -> str:
        return lane.read("/a/page/").split()[0]

    lane.settings.FORCE_SCRIPT_NAME = "/a"
    lane.show(says)
    assert {read() for _ in range(3)} == {"/a/page/"}
    if not has_holes:
        make_author()
    with hearing(lambda kwargs: kwargs["scope"].update(path="/page/")):
        assert {read() for _ in range(3)} == {"/page/"}
    assert {read() for _ in range(3)} == {"/a/page/"}


@through(WSGI)  # under ASGI, what a receiver activates ends with it
@pytest.mark.parametrize(
    "begins",
    [lambda: translation.activate("de"), lambda: timezone.activate("Asia/Tokyo")],
    ids=["language", "zone"],
)
def test_a_page_with_holes_is_of_what_is_active_when_django_begins(
    lane: Lane, begins: Callable[[], object]
) -> None:
    def active() -> str:
        return f"{translation.get_language()}-{timezone.get_current_timezone_name()}"

    def read() -> str:
        with translation.override("fr"), timezone.override("UTC"):
            return lane.read().partition(" ")[0]

    lane.show(lambda request: HttpResponse(f"{active()} {get_token(request)}"))
    assert {read() for _ in range(3)} == {"fr-UTC"}
    with hearing(lambda _kwargs: begins()):
        (other,) = {read() for _ in range(3)}
    assert other in {"de-UTC", "fr-Asia/Tokyo"}
    assert read() == "fr-UTC"


@pytest.mark.parametrize("is_known", [False, True])
def test_what_a_lane_found_of_a_request_is_not_found_out_again(lane: Lane, is_known: bool) -> None:
    visits: list[Any] = []
    goes_on: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        goes_on.append(visits[-1].asked.request is request)
        return HttpResponse(str(Author.objects.count()))

    lane.show(view)
    with hearing(lambda kwargs: visits.append(handed_over_in(kwargs))):
        if is_known:
            lane.read()
            lane.read()
            make_author()
        lane.read()
    assert goes_on[-1]


@pytest.mark.parametrize("waited, is_recent", [(0.5, True), (1.5, False)])
@pytest.mark.parametrize("address", [PATH, "/page/\N{LATIN SMALL LETTER E WITH ACUTE}/"])
def test_what_a_lane_found_counts_for_a_second(
    lane: Lane, address: str, waited: float, is_recent: bool
) -> None:
    """Where Django makes other variables of an address than the server did, the facts are found out again."""
    seen: list[Any] = []

    def waits(kwargs: Any) -> None:
        seen.append(handed_over_in(kwargs))
        seen[-1].arrived -= waited

    def view(_request: HttpRequest, name: str = "") -> HttpResponse:
        return HttpResponse(f"{Author.objects.count()}{name}")

    shown = lane.page(view)
    lane.mount(path("page/", shown), path("page/<name>/", shown))
    for _ in range(2):  # for the first, no way is known
        make_author()
        with hearing(waits):
            assert lane.see(address).stored
        assert (seen[-1].found.took > 0) is is_recent
        assert lane.see(address).hit


def test_what_is_switched_off_while_the_store_is_asked_is_off(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread changes settings while another one waits."""
    module, name = (asgi, "adrive") if lane.kind.on_loop else (wsgi, "drive")
    drives = getattr(module, name)

    def drives_slowly(flow: Any) -> Any:
        lane.settings.PAGECACHE = {**lane.settings.PAGECACHE, "ENABLED": False}
        return drives(flow)

    lane.show(showing(lambda _request: "x"))
    with monkeypatch.context() as patched:
        patched.setattr(module, name, drives_slowly)
        assert not lane.see().stored
    lane.configure(ENABLED=True)
    assert lane.see().stored


def test_the_host_is_read_from_where_the_settings_say_when_django_begins(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane.show(showing(lambda request: f"{Author.objects.count()} {request.get_host()}"))
    asked: dict[str, Any] = {"headers": {"X-Forwarded-Host": "of.others"}}
    assert {lane.read(**asked) for _ in range(3)} == {"0 testserver"}
    make_author()

    def believes(_kwargs: Any) -> None:
        """Change a setting as code of a site does: without a word."""
        monkeypatch.setitem(vars(django_settings), "USE_X_FORWARDED_HOST", True)

    with hearing(believes):
        assert lane.read(**asked) == "1 of.others"
    monkeypatch.undo()
    assert {lane.read(**asked) for _ in range(2)} == {"1 testserver"}


class Odd(str):
    """What is equal to nothing, and says so loudly."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, _other: object) -> bool:
        raise TypeError


def test_what_cannot_be_compared_is_no_error(lane: Lane) -> None:
    def writes(kwargs: Any) -> None:
        kwargs.get("environ", {})["REMOTE_ADDR"] = Odd("10.0.0.1")
        kwargs.get("scope", {})["client"] = Odd("10.0.0.1"), 1

    lane.show(showing(lambda _request: Author.objects.count()))
    assert {lane.read() for _ in range(3)} == {"0"}
    make_author()
    with hearing(writes):
        assert {lane.read() for _ in range(2)} == {"1"}
    assert lane.read() == "1"


@through(WSGI)
def test_a_path_that_cannot_be_compared_is_no_error(lane: Lane) -> None:
    lane.configure(OUTSIDE=["django.core.handlers.wsgi.WSGIRequest"])
    lane.show(showing(lambda _request: Author.objects.count()))
    assert {lane.read() for _ in range(3)} == {"0"}
    make_author()
    with class_that_also(lambda request: vars(request).update(path=Odd(request.path))):
        assert {lane.read() for _ in range(2)} == {"1"}
    assert lane.read() == "1"


# What it leaves to Django


def test_a_lane_that_fails_leaves_the_request_to_django_and_says_why(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_args: Any, **_kwargs: Any) -> None:
        raise LookupError("broken")

    lane.show(showing(lambda _request: "x"))
    assert [lane.see().hit for _ in range(2)] == [False, True]
    monkeypatch.setattr(wsgi if lane.kind is WSGI else asgi, "Meeting", fails)
    with seen_by_django() as seen, caplog.at_level(logging.DEBUG, "pagecache"):
        assert lane.see().hit
    assert len(seen) == 1
    (record,) = [one for one in caplog.records if one.levelno == logging.DEBUG]
    assert record.exc_info is not None
    assert "broken" in str(record.exc_info[1])


def test_who_hears_of_each_request_hears_of_hits_too(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []

    def hears(**kwargs: Any) -> None:
        heard.append(kwargs)

    lane.show(showing(lambda request: "x"))
    for signal in (request_started, request_finished):
        signal.connect(hears)
        try:
            answers = [lane.get() for _ in range(3)]
        finally:
            signal.disconnect(hears)
        # Who hears of its begin may tell the page of its request: then none is stored.
        assert status(answers[-1]).hit is (signal is request_finished)
        assert len(heard) == 3
        heard.clear()
    warned = [record for record in caplog.records if record.name == "pagecache"]
    assert len(warned) == 2
    assert all(
        record.levelno == logging.WARNING and "hears" in record.getMessage() for record in warned
    )


def test_who_need_not_hear_of_hits_is_named_outside(lane: Lane) -> None:
    heard: list[Any] = []

    def hears(**kwargs: Any) -> None:
        heard.append(kwargs)

    lane.configure(OUTSIDE=[f"{__name__}.{hears.__qualname__}"])
    lane.show(showing(lambda request: "x"))
    request_started.connect(hears)
    try:
        assert [status(lane.get()).hit for _ in range(3)] == [False, True, True]
    finally:
        request_started.disconnect(hears)
    assert len(heard) == 1


def test_a_lane_takes_no_connection_to_the_database(lane: Lane) -> None:
    lane.settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "fast_table",
        }
    }
    call_command("createcachetable", verbosity=0)
    lane.show(showing(lambda request: "x"))
    with seen_by_django() as seen:
        assert [status(lane.get()).hit for _ in range(3)] == [False, True, True]
    assert len(seen) == 3


def knows_everybody(_request: HttpRequest) -> bool:
    """Ask the database who may see reasons."""
    return not Author.objects.exists()


@through(WSGI)
def test_who_sees_reasons_may_be_asked_of_the_database_while_another_page_is_made(
    lane: Lane,
) -> None:
    lane.configure(REVEAL=f"{__name__}.knows_everybody")

    def slow(_request: HttpRequest) -> HttpResponse:
        with ThreadPoolExecutor(1) as pool:
            return HttpResponse(str(pool.submit(lane.see).result().hit))

    lane.mount(
        path("page/", lane.page(lambda request: HttpResponse("x"))), path("slow/", lane.page(slow))
    )
    lane.get()
    assert lane.read("/slow/") == "True"
    assert lane.see("/slow/").hit


@through(WSGI)
def test_a_hit_in_the_midst_of_a_transaction_keeps_it(lane: Lane) -> None:
    lane.show(showing(lambda request: "x"))
    lane.get()
    with transaction.atomic():
        assert lane.see().hit
        make_author()
    assert Author.objects.count() == 1


def test_a_page_of_a_table_is_django_s_too(lane: Lane) -> None:
    lane.settings.CACHES = {
        **lane.settings.CACHES,
        "table": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "fast_table",
        },
        "memory": cache_of(MEMORY, "fast"),
    }
    call_command("createcachetable", verbosity=0)
    counts = {}
    for alias in ("table", "memory"):
        lane.show(showing(lambda request: "x"), cache=alias, timeout=60)
        with seen_by_django() as seen:
            assert [status(lane.get()).hit for _ in range(3)] == [False, True, True]
        counts[alias] = len(seen)
    assert counts == {"table": 3, "memory": 1}


@through(WSGI)
def test_a_page_that_asks_the_lane_depends_on_what_it_answers(lane: Lane) -> None:
    applications: list[wsgi.PageCache] = []

    def outer(request: HttpRequest) -> HttpResponse:
        made: Any = applications[0](environ_of("/inner/"), lambda *head: None)
        answer = HttpResponse(b"".join(made))
        made.close()
        return answer

    lane.mount(
        path("inner/", lane.page(showing(lambda request: Author.objects.count()))),
        path("page/", lane.page(outer)),
    )
    applications.append(wsgi.PageCache(WSGIHandler()))
    for _ in range(3):
        lane.read("/inner/")
    assert lane.read() == "0"
    assert lane.see().reason == "nested"
    make_author()
    assert lane.read() == "1"


# What is odd is Django's to answer


def environ_of(path: str = PATH, **more: Any) -> dict[str, Any]:
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    } | more
    return {name: value for name, value in made.items() if value is not None}


ODD: dict[str, dict[str, Any]] = {
    "plain": {},
    "no host": {"HTTP_HOST": None},
    "no host, another port": {"HTTP_HOST": None, "SERVER_PORT": "8000"},
    "no host, no server": {"HTTP_HOST": None, "SERVER_NAME": None},
    "a host that is refused": {"HTTP_HOST": "evil.example"},
    "a host of odd bytes": {"HTTP_HOST": "test\udce9\x00server"},
    "a host that is none": {"HTTP_HOST": "a b"},
    "an empty host": {"HTTP_HOST": ""},
    "a forwarded host": {"HTTP_X_FORWARDED_HOST": "other.testserver"},
    "a forwarded host that is refused": {"HTTP_X_FORWARDED_HOST": "evil.example"},
    "a forwarded scheme": {"HTTP_X_FORWARDED_PROTO": "https"},
    "an odd forwarded scheme": {"HTTP_X_FORWARDED_PROTO": "https, http"},
    "a path of odd bytes": {"PATH_INFO": "/page/\xff\xfe"},
    "a path of text": {"PATH_INFO": "/pagé/\u20ac"},
    "no path": {"PATH_INFO": None},
    "an empty path": {"PATH_INFO": ""},
    "a script name": {"SCRIPT_NAME": "/app"},
    "a script name of odd bytes": {"SCRIPT_NAME": "/\xff"},
    "a rewritten URL": {"SCRIPT_URL": "/app/page/"},
    "a redirected URL": {"REDIRECT_URL": "/app//page/"},
    "no method": {"REQUEST_METHOD": None},
    "a method in lower case": {"REQUEST_METHOD": "get"},
    "a method that is none": {"REQUEST_METHOD": "G\xe9T"},
    "an odd query": {"QUERY_STRING": "a=\xff&%ff=%zz&;=&&"},
    "a query of text": {"QUERY_STRING": "a=\u20ac"},
    "no query": {"QUERY_STRING": None},
    "a cookie of odd bytes": {"HTTP_COOKIE": "sessionid=\xff\x00; a=\xe9; =; ;;"},
    "a cookie of text": {"HTTP_COOKIE": "sessionid=\u20ac"},
    "a length that is none": {"CONTENT_LENGTH": "many"},
    "a charset that is none": {"CONTENT_TYPE": "text/html; charset=\xff"},
    "no input": {"wsgi.input": None},
    "no scheme": {"wsgi.url_scheme": None},
    "an object for a header": {"HTTP_ACCEPT_LANGUAGE": 5},
    "bytes for a header": {"HTTP_USER_AGENT": b"x"},
}


@pytest.fixture
def _strict(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.testserver"]
    settings.USE_X_FORWARDED_HOST = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("name", ODD)
@through(WSGI)
def test_a_lane_answers_as_django_with_the_middleware_alone_does(lane: Lane, name: str) -> None:
    lane.middleware("django.middleware.locale.LocaleMiddleware", *STOCK)
    shown = showing(
        lambda r: f"{r.build_absolute_uri()} {sorted(r.GET.items())} {r.META['SCRIPT_NAME']}"
    )
    lane.mount(
        path("", lane.page(shown)),
        path("page/<path:rest>", lane.page(everywhere(shown))),
        path("page/", lane.page(shown)),
    )
    django = WSGIHandler()
    fast = wsgi.PageCache(WSGIHandler())

    made = [asked(application, ODD[name]) for application in (django, django, fast, django, fast)]

    assert len(set(made)) == 1, made


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("name", ODD)
@through(WSGI, stores=(REDIS,))
def test_a_lane_answers_as_django_does_while_a_page_is_at_hand(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    not_at_hand = noting_not_at_hand(monkeypatch)
    lane.configure(LOCAL="push", REVEAL=None)
    lane.mount(path("page/", lane.page(showing(lambda r: r.build_absolute_uri()))))
    django, fast = WSGIHandler(), wsgi.PageCache(WSGIHandler())

    def is_at_hand() -> bool:
        not_at_hand.clear()
        return asked(fast, {}) == asked(django, {}) and not not_at_hand

    until(is_at_hand, "no page at hand")

    assert [asked(fast, ODD[name]) for _ in range(2)] == [asked(django, ODD[name])] * 2


def everywhere(view: Callable[..., Any]) -> Callable[..., Any]:
    return lambda request, rest: view(request)


def asked(application: Any, odd: dict[str, Any]) -> object:
    """Return what a server sends, but for what is said about the store."""
    heads: list[Any] = []
    try:
        made = application(environ_of(**odd), lambda *head: heads.append(head))
        body = b"".join(made)
        if hasattr(made, "close"):
            made.close()
    except Exception as error:  # noqa: BLE001 it is the answer
        return repr(error)
    line, headers = heads[0]
    own = {"Age", "Cache-Status", "ETag", "Cache-Control", "Content-Length"}
    return line, tuple(item for item in headers if item[0] not in own), body


ODD_SCOPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no host": {"headers": []},
    "no host, no server": {"headers": [], "server": None, "client": None},
    "two hosts": {"headers": [(b"host", b"testserver"), (b"host", b"evil.example")]},
    "a host that is refused": {"headers": [(b"host", b"evil.example")]},
    "a host of odd bytes": {"headers": [(b"host", b"test\xe9\x00")]},
    "a name of odd bytes": {"headers": [(b"host", b"testserver"), (b"\xff_-", b"\xff")]},
    "a name with an underscore": {"headers": [(b"host", b"testserver"), (b"x_a", b"1")]},
    "two cookies": {
        "headers": [(b"host", b"testserver"), (b"cookie", b"a=1"), (b"cookie", b"b=\xff")]
    },
    "a forwarded host": {
        "headers": [(b"host", b"testserver"), (b"x-forwarded-host", b"other.testserver")]
    },
    "an odd query": {"query_string": b"a=\xff"},
    "a query of text": {"query_string": "a=1"},
    "no query": {"query_string": b""},
    "a path of text": {"path": "/page/\u20ac"},
    "a path of odd bytes": {"path": "/page/\udce9"},
    "an empty path": {"path": ""},
    "a root": {"path": "/app/page/", "root_path": "/app"},
    "no root": {"root_path": None},
    "another scheme": {"scheme": "https"},
    "no scheme": {"scheme": None},
    "a method in lower case": {"method": "get"},
    "a body": {"headers": [(b"host", b"testserver"), (b"content-length", b"3")]},
}


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("name", ODD_SCOPES)
@through(ASGI)
def test_a_lane_answers_on_a_loop_as_django_with_the_middleware_alone_does(
    lane: Lane, name: str
) -> None:
    lane.middleware("django.middleware.locale.LocaleMiddleware", *STOCK)
    shown = showing(
        lambda r: f"{r.build_absolute_uri()} {sorted(r.GET.items())} {r.META['SCRIPT_NAME']}"
    )
    lane.mount(
        path("", lane.page(shown)),
        path("page/", lane.page(shown)),
        path("page/<path:rest>", lane.page(everywhere(shown))),
    )
    django = ASGIHandler()
    fast = asgi.PageCache(ASGIHandler())
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 40_000),
        "server": ("testserver", 80),
    } | ODD_SCOPES[name]

    made = [
        async_to_sync(received)(application, scope)
        for application in (django, django, fast, django, fast)
    ]

    assert len(set(made)) == 1, made


async def received(application: Any, scope: dict[str, Any]) -> object:
    """Return what a server sends, but for what is said about the store."""
    messages = iter([{"type": "http.request", "body": b""}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    given = dict(scope)
    try:
        await application(given, receive, send)
    except Exception as error:  # noqa: BLE001 it is the answer
        return repr(error)
    assert given == scope, "what belongs to the server is as it was"
    start, *parts = sent
    own = {b"Age", b"Cache-Status", b"ETag", b"Cache-Control", b"Content-Length"}
    headers = tuple(item for item in start["headers"] if item[0] not in own)
    return start["status"], headers, tuple(part["body"] for part in parts)


def test_a_lane_is_imported_before_the_settings_are_known() -> None:
    """As in a `wsgi.py`, whose imports stand before it names them."""
    lines = (
        "import os, pagecache.wsgi, pagecache.asgi",
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'",
        "from tests.lanes_site import served",
    )
    environment = {
        name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
    }
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=Path(__file__).parent.parent,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
