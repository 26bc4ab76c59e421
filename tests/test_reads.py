"""Reads that are easy to miss: what a visitor sent never reaches another one, whichever way the page got at it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed
from types import ModuleType
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, path
from django.utils import timezone

from pagecache import segment_by
from pagecache.segments import by_user
from tests.lanes import (
    ALL,
    DECORATOR_SYNC,
    LAST_ASYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE_SYNC,
    STOCK,
    Lane,
    showing,
    status,
    text,
    through,
)
from tests.lanes_site.middleware import choosing

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
ON = (MEMORY,)
OWN = "tests.lanes_site.middleware."


def saying(word: str) -> Any:
    return showing(lambda request: word)


def raw(lane: Lane, query: bytes) -> str:
    """Ask with bytes in the query that no browser would leave unquoted."""
    visitor = lane.visitor()
    if lane.kind.on_loop:
        visitor.client.scope = {"query_string": query}
        return text(visitor.get())
    return text(visitor.get(QUERY_STRING=query.decode("latin-1")))


def test_raw_bytes_in_a_query_key_as_the_view_sees_them(lane: Lane) -> None:
    lane.show(showing(lambda request: (request.GET.get("q"), request.GET.get("größe"))))
    quoted = "/page/?q=%C3%83%C2%A4&gr%C3%83%C2%B6%C3%83%C2%9Fe=2"
    for _ in range(2):
        assert raw(lane, "q=ä&größe=1".encode()) == "('ä', '1')"
        assert lane.read(quoted) == "('Ã¤', None)"
        assert lane.read() == "(None, None)"


def test_a_query_that_no_server_hands_over_is_left_to_the_view(lane: Lane) -> None:
    lane.show(showing(lambda request: "hello"))
    assert lane.read(QUERY_STRING="q=\N{SNOWMAN}") == "hello"


def test_time_zones_of_one_name_have_pages_of_their_own(lane: Lane) -> None:
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    lane.show(showing(lambda request: timezone.localtime(noon).hour))
    for hours in (1, 2) * 2:
        with timezone.override(fixed(timedelta(hours=hours), "X")):
            assert lane.read() == str(12 + hours)


class Identity:
    """What a server hands over with a request; all look alike from outside."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return "identity"


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, LAST_SYNC, stores=ON)
def test_an_object_in_the_environment_refuses_the_page(lane: Lane) -> None:
    lane.show(showing(lambda request: request.META["site.identity"].name))
    for name in ("alice", "bob") * 2:
        environ: dict[str, Any] = {"site.identity": Identity(name)}
        answer = lane.get(**environ)
        assert (text(answer), status(answer).reason) == (name, "object")


@through(MIDDLEWARE_SYNC, LAST_SYNC, stores=ON)
def test_an_object_in_the_place_of_a_header_refuses_the_page(lane: Lane) -> None:
    lane.configure(KEY_HEADERS=["X-Identity"])
    lane.show(showing(lambda request: request.META["HTTP_X_IDENTITY"].name))
    for name in ("alice", "bob") * 2:
        assert lane.read(HTTP_X_IDENTITY=Identity(name)) == name


URLCONFS: dict[str, Any] = {
    "patterns": lambda patterns, _name: patterns,
    "modules": lambda patterns, name: _module(name, patterns),
    "names": lambda patterns, name: _module(name, patterns).__name__,
}


def _module(name: str, patterns: tuple[URLPattern, ...]) -> ModuleType:
    made = sys.modules[f"tests.reads_{name}"] = ModuleType(f"tests.reads_{name}")
    made.urlpatterns = patterns  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("kind", URLCONFS)
@through(LAST_SYNC, LAST_ASYNC, stores=ON)
def test_urlconfs_that_look_alike_have_pages_of_their_own(lane: Lane, kind: str) -> None:
    lane.show(showing(lambda request: "root"))
    lane.configure(OUTSIDE=[OWN + "chooses_urlconf"])
    lane.middleware(*STOCK, OWN + "chooses_urlconf")
    chosen = {
        host: URLCONFS[kind]((path("page/", lane.page(saying(host))),), host)
        for host in ("one", "two")
    }
    for host in ("one", "two") * 2:
        with choosing(chosen[host]):
            assert lane.read() == host
    with choosing(chosen["one"]):
        assert lane.see().hit == (kind != "patterns")


def test_a_late_template_sees_no_condition(lane: Lane) -> None:
    template = engines["django"].from_string("{{ request.META.HTTP_IF_NONE_MATCH }}")
    lane.show(lambda request: TemplateResponse(request, template))
    for _ in range(2):
        answer = lane.get(headers={"If-None-Match": '"evil"'})
        assert (text(answer), lane.read()) == ("", "")


async def by_auser(request: Any) -> HttpResponse:
    return HttpResponse((await request.auser()).username)


@pytest.mark.parametrize("view", [showing(lambda request: request.user.username), by_auser])
def test_what_a_way_of_the_site_to_find_the_user_reads_is_read(lane: Lane, view: Any) -> None:
    lane.configure(OUTSIDE=[OWN + "knows_guests"])
    lane.middleware(*STOCK, OWN + "knows_guests")
    lane.show(view)
    guests: list[dict[str, Any]] = [
        {"cookies": {"guest": "ann"}},
        {"cookies": {"guest": "bob"}},
        {"headers": {"X-Api-Key": "carl"}},
        {},
    ]
    for _ in range(2):
        assert [lane.visitor().get(**guest).content for guest in guests] == [
            b"ann",
            b"bob",
            b"carl",
            b"",
        ]
    assert lane.see().hit


def memoized(request: Any) -> str:
    if not hasattr(request, "basket"):
        request.basket = request.COOKIES.get("cart", "")
    return cast(str, request.basket)


CART: Any = ({"cookies": {"cart": "book"}}, {"cookies": {"cart": "pen"}})
GUEST: Any = ({"cookies": {"guest": "ann"}}, {"cookies": {"guest": "bob"}})
ACCEPT: Any = ({"headers": {"Accept": "a/b"}}, {"headers": {"Accept": "c/d"}})
FOUND: dict[str, tuple[Any, Any, Any]] = {
    "lazy": (lambda r: str(bool(r.cart[0])), lambda r: r.cart[0], CART),
    "lazy user": (lambda r: str(r.user.is_authenticated), lambda r: r.user.username, GUEST),
    "set": (lambda r: str(bool(memoized(r))), memoized, CART),
    "accepted types": (lambda r: str(r.accepts("x/y")), lambda r: r.accepts("a/b"), ACCEPT),
    "preferred type": (lambda r: str(r.accepts("x/y")), lambda r: r.accepted_types, ACCEPT),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_a_segment_function_found_out_is_read_by_the_view(lane: Lane, name: str) -> None:
    by, read, visitors = FOUND[name]
    lane.configure(OUTSIDE=[OWN + "has_cart", OWN + "knows_guests"])
    lane.middleware(*STOCK, OWN + "has_cart", OWN + "knows_guests")
    lane.show(showing(read), segment_by(by))
    first = [text(lane.visitor().get(**asked)) for asked in visitors]
    assert [text(lane.visitor().get(**asked)) for asked in visitors] == first
    assert first[0] != first[1]


def test_what_only_the_segment_function_reads_splits_nothing_else(lane: Lane) -> None:
    lane.show(showing(lambda request: "hello"), segment_by(lambda r: str(bool(memoized(r)))))
    assert [lane.visitor().get(**asked)["Cache-Status"].split(";")[1] for asked in CART] == [
        " fwd=uri-miss",
        " hit",
    ]


def test_a_user_whom_the_segment_function_found_is_not_asked_for_again(lane: Lane) -> None:
    lane.show(showing(lambda request: request.user.username), segment_by(by_user))
    user = User.objects.create_user("ann")
    visitor = lane.visitor().log_in(user)
    with CaptureQueriesContext(connection) as queries:
        assert text(visitor.get()) == "ann"
    assert len([query for query in queries if "auth_user" in query["sql"]]) == 1
