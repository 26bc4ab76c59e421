"""What is one visitor's in a page that is shared gets out by no side way."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pickle import PicklingError
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.template import TemplateSyntaxError, engines
from django.urls import re_path
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.views.decorators.gzip import gzip_page

from pagecache.segments import combine
from tests.lanes import (
    ALL,
    FAST,
    LAST_SYNC,
    MIDDLEWARE,
    STOCK,
    Lane,
    Visitor,
    status,
    text,
    through,
)
from tests.test_holes import FORM, hole, template

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
OWN = "tests.lanes_site.middleware."
NAME = "Hi " + hole("name")


@pytest.fixture
def members(lane: Lane) -> Callable[[], list[Visitor]]:
    """A site whose pages are for members too; gives two of them."""
    lane.configure(AUTHENTICATED="unread")
    return lambda: [
        lane.visitor().log_in(User.objects.create_user(name)) for name in ("alice", "bob")
    ]


def all_of(answer: HttpResponse) -> str:
    return f"{answer.headers} {text(answer)}"


def shown_twice(show: Callable[[str], Any]) -> Any:
    """Return a view that makes a page of what a template with a name gives."""
    made = template(NAME)
    return lambda request: show(made(request).content.decode())


WAYS: dict[str, Callable[[str], Any]] = {
    "in a header": lambda html: HttpResponse(html, headers={"HX-Trigger": json.dumps([html])}),
    "without tags": lambda html: HttpResponse(f"<title>{strip_tags(html)}</title>{html}"),
    "in capitals": lambda html: HttpResponse(f"{html} {html.upper()}"),
    "in JSON": lambda html: HttpResponse(f"{html}<i data-x='{json.dumps(html)}'>"),
    "in JSON alone": lambda html: JsonResponse({"html": html}),
    "in base64": lambda html: HttpResponse(html + b64encode(html.encode()).decode()),
    "in latin-1": lambda html: HttpResponse(html, "text/html", charset="latin-1"),
    "in a stream": lambda html: StreamingHttpResponse([html[:5], html[5:]]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_nobody_elses_in_whatever_way_it_is_shown_again(
    lane: Lane, members: Any, way: str
) -> None:
    lane.show(shown_twice(WAYS[way]))
    alice, bob = members()
    alice.get()
    assert "alice" in all_of(alice.get()).lower()
    answer = all_of(bob.get()).lower()
    assert "alice" not in answer
    assert "bob" in answer
    stranger = lane.get()
    if stranger["Content-Type"] == "application/json":
        json.loads(stranger.content)


@pytest.mark.parametrize("way", WAYS)
def test_no_mark_reaches_a_client(lane: Lane, members: Any, way: str) -> None:
    lane.show(shown_twice(WAYS[way]))
    alice, _ = members()
    for visitor in (alice, lane.visitor(), alice):
        answer = all_of(visitor.get())
        assert not any(part.isdigit() and len(part) > 20 for part in answer.split('"'))


def has_marks(answer: HttpResponse) -> bool:
    is_small = answer.get("Content-Encoding") == "gzip"
    body = gzip.decompress(answer.content) if is_small else answer.content
    return re.search(rb"\d{16}", body) is not None


@pytest.mark.parametrize("length", [0, 500])
def test_no_mark_is_in_what_a_view_compresses(lane: Lane, members: Any, length: int) -> None:
    lane.show(gzip_page(template(NAME + "x" * length)))
    alice, bob = members()
    for visitor in (alice, bob, lane.visitor(), alice):
        assert not has_marks(visitor.get(headers={"Accept-Encoding": "gzip"}))


@pytest.mark.parametrize("looked", [True, False])
def test_no_mark_is_in_what_middleware_compresses(lane: Lane, members: Any, looked: bool) -> None:
    small, looks = OWN + "Deflates", OWN + "looks_at_agent"
    lane.configure(OUTSIDE=[small, looks], KEY_HEADERS=["User-Agent"])
    lane.middleware(*STOCK, small, *([looks] if looked else []))
    lane.show(template(NAME))
    alice, bob = members()
    asked: Any = {"headers": {"Accept-Encoding": "deflate"}}
    for visitor, name in ((alice, "alice"), (bob, "bob"), (alice, "alice")):
        answer = visitor.get(**asked)
        is_small = answer.has_header("Content-Encoding")
        body = zlib.decompress(answer.content) if is_small else answer.content
        assert body.decode() == f"Hi {name}"
    assert lane.see(**asked).hit


def test_no_mark_is_in_what_is_made_when_the_page_is_over(lane: Lane, members: Any) -> None:
    show = template(NAME)

    def view(request: HttpRequest) -> StreamingHttpResponse:
        within = copy_context()

        def parts() -> Iterator[bytes]:
            yield within.run(show, request).content

        return StreamingHttpResponse(parts())

    lane.show(view)
    alice, bob = members()
    assert [text(visitor.get()) for visitor in (alice, bob)] == ["Hi alice", "Hi bob"]


FILTERS = {
    "cut": "{% filter truncatechars:20 %}" + NAME + "{% endfilter %}",
    "counted": "{% filter truncatewords:2 %}" + NAME + " again{% endfilter %}",
    "twice escaped": "{% filter force_escape|escapejs %}" + NAME + "{% endfilter %}",
    "begun": "{% filter capfirst %}" + hole("name") + "{% endfilter %}",
    "measured": "{% filter wordcount|stringformat:'d' %}" + NAME + "{% endfilter %}",
}


@pytest.mark.parametrize("way", FILTERS)
def test_what_a_filter_makes_of_a_name_is_what_it_makes_elsewhere(
    lane: Lane, members: Any, way: str
) -> None:
    lane.show(template(FILTERS[way]))
    visitors = [*members(), lane.visitor()]
    seen = [text(visitor.get()) for visitor in visitors * 2]
    lane.configure(ENABLED=False)
    assert seen == [text(visitor.get()) for visitor in visitors] * 2


TURNED: dict[str, tuple[Callable[[str], bytes], Callable[[bytes], bytes]]] = {
    "in base64": (lambda html: b64encode(html.encode()), b64decode),
    "compressed": (lambda html: zlib.compress(html.encode()), zlib.decompress),
    "cut": (lambda html: Truncator(html).chars(20).encode(), bytes),
}


@pytest.mark.parametrize("way", TURNED)
def test_what_a_view_makes_of_a_name_is_so_from_the_second_time_on(
    lane: Lane, members: Any, way: str
) -> None:
    """Where it is readable, not even the first client gets a mark."""
    turn, back = TURNED[way]
    lane.show(shown_twice(lambda html: HttpResponse(turn(html))))
    alice, bob = members()
    assert way != "cut" or not has_marks(alice.get())
    alice.get()
    for visitor, name in ((bob, "bob"), (alice, "alice")):
        assert back(visitor.get().content) == f"Hi {name}".encode()
    assert lane.see().reason == "hole"


def test_an_error_behind_a_hole_keeps_no_page_from_being_stored(lane: Lane) -> None:
    show = template(NAME)

    def view(request: HttpRequest) -> HttpResponse:
        made = show(request)
        return made if lane.renders > 1 else HttpResponse("broken", status=500)

    lane.show(view)
    assert [lane.read(), lane.read()] == ["broken", "Hi stranger"]
    assert lane.see().hit


SHAPES: dict[str, Callable[[str], Any]] = {
    "text": str,
    "list": lambda html: [html],
    "response": HttpResponse,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_mark_is_in_what_the_site_keeps(lane: Lane, members: Any, shape: str) -> None:
    lane.configure(CACHE_READS={"part": "miss"})
    show = template(NAME)

    def view(request: HttpRequest) -> HttpResponse:
        made: Any = cache.get_or_set("part", lambda: SHAPES[shape](show(request).content.decode()))
        cache.set_many({"part": made})
        return HttpResponse(made[0] if shape == "list" else made)

    lane.show(view)
    alice, bob = members()
    seen = [text(visitor.get()) for visitor in (alice, bob, alice)]
    assert seen == ["Hi alice", "Hi bob", "Hi alice"]
    lane.configure(ENABLED=False)
    assert [text(visitor.get()) for visitor in (alice, bob)] == ["Hi alice"] * 2


def test_what_cannot_be_kept_is_the_caches_to_say(lane: Lane, members: Any) -> None:
    lane.configure(CACHE_READS={"part": "miss"})
    show = template(NAME)

    def view(request: HttpRequest) -> HttpResponse:
        answer = show(request)
        with pytest.raises((TypeError, AttributeError, PicklingError)):
            cache.set("part", lambda: answer)
        return answer

    lane.show(view)
    assert lane.read() == "Hi stranger"


PARTS: dict[str, Callable[[str], str]] = {
    "a part": lambda token: token[:40],
    "its end": lambda token: token[-20:],
    "turned around": lambda token: token[::-1],
    "in other cases": str.swapcase,
    "in hexadecimal digits": lambda token: token.encode().hex(),
    "in base64": lambda token: b64encode(json.dumps({"csrf": token}).encode()).decode(),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_token_is_nobody_elses_in_whatever_way_it_is_shown_again(lane: Lane, part: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        token = get_token(request)
        return HttpResponse(f"{token} {PARTS[part](token)}")

    lane.show(view)
    assert len({lane.read().partition(" ")[2] for _ in range(3)}) == 3
    assert lane.see().reason == "csrf-token"


def test_a_token_that_an_observer_writes_is_nobody_elses(lane: Lane) -> None:
    lane.configure(OBSERVERS=[OWN + "hands_out_tokens"])
    lane.middleware_inside(OWN + "hands_out_tokens")
    lane.show(template("page"))
    assert len({lane.get()["X-Token"] for _ in range(3)}) == 3


def test_what_an_object_on_the_request_found_out_in_a_hole_is_nobody_elses(
    lane: Lane, members: Any
) -> None:
    lane.configure(OUTSIDE=[OWN + "carries_cart"])
    lane.middleware_inside(OWN + "carries_cart")
    lane.show(template(hole("cart") + "|{{ request.cart.items }}"))
    alice, bob = members()
    for visitor, things in ((alice, "books"), (bob, "balls")):
        session = visitor.client.session
        session["cart"] = things
        session.save()
    seen = [text(visitor.get()) for visitor in (alice, alice, bob, alice, bob)]
    assert seen == ["books|books"] * 2 + ["balls|balls", "books|books", "balls|balls"]


def test_what_a_hole_wrote_into_a_dict_of_the_request_is_nobody_elses(
    lane: Lane, members: Any
) -> None:
    lane.configure(OUTSIDE=[OWN + "has_notes"])
    lane.middleware_inside(OWN + "has_notes")
    lane.show(template(hole("noted") + "|{{ request.notes.name }}{{ request.notes.site }}"))
    alice, bob = members()
    for visitor in (alice, bob, lane.visitor(), alice):
        assert text(visitor.get()) == "noted|ours"
    assert lane.see().hit


FRAGMENTS = {
    "included": (
        "{% load cache %}{% cache 9 side %}{% include inner %}{% endcache %}",
        hole("name"),
    ),
    "inherited": (
        "{% extends inner %}{% block x %}" + hole("name") + "{% endblock %}",
        "{% load cache %}{% cache 9 side %}{% block x %}{% endblock %}{% endcache %}",
    ),
}


@pytest.mark.parametrize("way", FRAGMENTS)
def test_a_hole_in_a_fragment_that_the_site_keeps_is_refused(lane: Lane, way: str) -> None:
    outer, inner = FRAGMENTS[way]
    load = "{% load pagecache %}"
    outer = outer.replace("{% block x %}", load + "{% block x %}")
    made = engines["django"].from_string(outer)
    given = engines["django"].from_string(load + inner)
    lane.show(lambda request: HttpResponse(made.render({"inner": given}, request)))
    with pytest.raises(TemplateSyntaxError, match="put it outside"):
        lane.get()


def test_gzip_inside_leaves_a_page_with_holes_to_be_found(lane: Lane, members: Any) -> None:
    lane.middleware("django.middleware.gzip.GZipMiddleware", *STOCK)
    lane.show(template(FORM + NAME + "x" * 500))
    alice, bob = members()
    for visitor, name in ((alice, "alice"), (bob, "bob"), (lane.visitor(), "stranger")):
        answer = visitor.get(headers={"Accept-Encoding": "gzip"})
        is_small = answer.get("Content-Encoding") == "gzip"  # outside, of what was filled
        body = gzip.decompress(answer.content) if is_small else answer.content
        assert f"Hi {name}x".encode() in body
    assert lane.see().hit


def test_text_that_is_a_mark_of_the_page_is_no_hole(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 85: nobody can guess a mark; who could would get the page refused."""
    monkeypatch.setattr("secrets.randbits", lambda _bits: 7)
    number = "7".zfill(39)
    lane.show(template(f"{number} " + hole("agent")))
    assert [lane.see().reason for _ in range(2)] == ["hole"] * 2


@through(*(kind for kind in ALL if not kind.on_loop))
def test_the_raw_path_and_method_key_where_they_are_read(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        meta = request.META
        return HttpResponse(f"{meta['PATH_INFO']!a} {meta['REQUEST_METHOD']}")

    lane.mount(re_path("^", lane.page(view)))
    paths = ["/a%FF/", "/a%25FF/"]
    assert len({lane.read(path) for path in paths * 2}) == len({lane.read(p) for p in paths})
    lane.visitor().client.generic("get", "/page/")
    assert lane.read("/page/").endswith("GET")


@through(LAST_SYNC)
def test_a_user_of_another_kind_fails_no_request(lane: Lane) -> None:
    lane.configure(OUTSIDE=[OWN + "has_odd_user"])
    lane.middleware(OWN + "has_odd_user")
    lane.show(template("page"))
    assert lane.read() == "page"


def test_a_view_that_wraps_itself_is_found(lane: Lane) -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")

    view.__wrapped__ = view  # type: ignore[attr-defined]
    lane.show(view)
    assert lane.read() == "page"


def test_a_cookie_of_a_token_that_nobody_asked_for_is_not_kept(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        rotate_token(request)
        return HttpResponse("page")

    lane.show(view)
    assert len({lane.get().cookies["csrftoken"].value for _ in range(3)}) == 3


@through(*MIDDLEWARE)
def test_a_cookie_beside_a_stored_page_goes_out_for_one(lane: Lane) -> None:
    lane.settings.SESSION_SAVE_EVERY_REQUEST = True
    lane.configure(RULES=[{"match": "^/", "segment": "tests.lanes_site.access.nobody_special"}])
    headers = {"Cache-Control": "public, max-age=300"}
    lane.show(lambda _request: HttpResponse("page", headers=headers))
    lane.get()
    alice = lane.visitor().log_in(User.objects.create_user("alice"))
    answer = alice.get()
    assert status(answer).hit
    assert "sessionid" in answer.cookies
    assert "Cookie" in answer["Vary"]
    assert "private" in answer["Cache-Control"]


def test_numbers_and_texts_of_combined_segments_are_apart() -> None:
    request = HttpRequest()
    number: Any = combine(lambda _request: 1)  # type: ignore[arg-type,return-value]
    assert number(request) != combine(lambda _request: "1")(request)
    with pytest.raises(TypeError, match="gave a list"):
        combine(lambda _request: [])(request)  # type: ignore[arg-type,return-value]


@through(*MIDDLEWARE, *FAST)
def test_a_hole_that_shows_a_cookie_as_middleware_left_it_is_not_filled_by_what_came(
    lane: Lane,
) -> None:
    lane.configure(KEY_COOKIES=["theme"])
    lane.middleware_inside(OWN + "TakesThemeAway")
    lane.show(template(hole("theme")))
    asked = [lane.get(cookies=cookies) for cookies in [{"theme": "dark"}, {}] * 2]
    assert [text(answer) for answer in asked] == ["none"] * 4
    lane.show(template(hole("theme")))
    assert [text(lane.get(cookies={"theme": "dark"})) for _ in range(3)] == ["none"] * 3


WRITTEN_OVER = [
    *(("theme", "TakesThemeAway"), ("themes", "TakesThemeAway")),
    *(("theme", "TakesCookiesAway"), ("themes", "TakesCookiesAway")),
    *(("agent", "WritesAgent"), ("agent", "ReplacesVariables"), ("query", "ReplacesQuery")),
]


@through(*MIDDLEWARE, *FAST)
@pytest.mark.parametrize("shows, middleware", WRITTEN_OVER)
def test_a_hole_that_shows_what_middleware_wrote_over_is_not_filled_by_what_came(
    lane: Lane, shows: str, middleware: str
) -> None:
    """Also where that is the same by chance, for whoever comes first."""
    lane.middleware_inside(OWN + middleware)
    lane.show(template(hole(shows)))
    bare: dict[str, Any] = {"headers": {"User-Agent": "none"}, "path": "/page/?q=none"}
    full: dict[str, Any] = {
        "headers": {"User-Agent": "curl"},
        "path": "/page/?q=a",
        "cookies": {"theme": "dark"},
    }

    read = [lane.read(**asked) for asked in [bare, full] * 3]

    assert read == ["none"] * 6


@through(*MIDDLEWARE, *FAST)
def test_a_hole_that_shows_a_cookie_as_all_left_it_is_filled(lane: Lane) -> None:
    lane.configure(KEY_COOKIES=["theme"])
    lane.middleware_inside(OWN + "TakesThemeAwayAtFirst")
    lane.show(template(hole("theme")))

    asked = [lane.get(cookies={"theme": "dark"}) for _ in range(3)]

    assert [text(answer) for answer in asked] == ["none"] * 3
    assert [status(answer).hit for answer in asked] == [False, True, True]


@through(*MIDDLEWARE, *FAST)
def test_a_token_does_not_keep_other_holes_from_being_filled(lane: Lane) -> None:
    lane.show(template(FORM + hole("client")))
    assert [lane.see().hit for _ in range(3)] == [False, True, True]


class Standing:
    """What stands for a request, as frameworks have it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


@through(*MIDDLEWARE, *FAST)
def test_a_hole_is_told_from_what_was_written_over_by_what_stands_for_the_request(
    lane: Lane,
) -> None:
    lane.middleware_inside(OWN + "TakesCookiesAway")
    show = template(hole("theme"))
    lane.show(lambda request: show(cast(HttpRequest, Standing(request))))
    read = [lane.read(cookies=cookies) for cookies in [{"theme": "dark"}, {}] * 3]
    assert read == ["none"] * 6


@through(*MIDDLEWARE, *FAST)
@pytest.mark.parametrize("shows, shown", [("language", "de"), ("zone", "Asia/Tokyo")])
def test_a_hole_is_in_the_language_and_the_time_zone_of_the_page(
    lane: Lane, shows: str, shown: str
) -> None:
    lane.middleware_inside(OWN + "SpeaksGerman")
    lane.show(template(hole(shows)))
    assert [lane.read() for _ in range(3)] == [shown] * 3


def test_a_hole_in_a_part_in_another_language_is_in_that(lane: Lane) -> None:
    show = template(hole("language"))

    def view(request: HttpRequest) -> HttpResponse:
        with translation.override("de"):
            return show(request)

    lane.show(view)
    assert [lane.read() for _ in range(3)] == ["de"] * 3
