"""Holes: one stored page for everybody, with a token, a nonce, a name of each visitor's own."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from csp.constants import NONCE as CSP_NONCE
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import TemplateSyntaxError, engines
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie

from pagecache import invalidate
from pagecache.engine.visit import forget
from pagecache.recording.holes import functions
from tests.lanes import (
    ALL,
    DECORATOR,
    DECORATOR_ASYNC,
    MIDDLEWARE,
    MIDDLEWARE_ASYNC,
    STOCK,
    Lane,
    Visitor,
    status,
    text,
    through,
)

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
OWN = "tests.lanes_site.middleware."
FORM = "<form method=post>{% csrf_token %}<input name=word></form>"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w{64})"')


def template(source: str) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that renders a template."""
    made = engines["django"].from_string("{% load pagecache %}" + source)

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(made.render({}, request))

    return view


def hole(name: str) -> str:
    return f'{{% pagecache_hole "tests.lanes_site.holes.{name}" %}}'


def posting(lane: Lane) -> None:
    """Mount a page with a form, which answers what is sent."""
    show = template(FORM)

    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return HttpResponse(f"sent {request.POST['word']}")
        return show(request)

    lane.show(view)


def strict(lane: Lane) -> Visitor:
    """Return a new visitor whose forms are checked."""
    visitor = lane.visitor()
    visitor.client.handler.enforce_csrf_checks = True
    return visitor


def token(response: HttpResponse) -> str:
    found = TOKEN.search(text(response))
    assert found is not None
    return found[1]


def logged_in(lane: Lane, name: str) -> Visitor:
    return lane.visitor().log_in(User.objects.create_user(name))


CHANGES: dict[str, Callable[[bytes], bytes]] = {"compresses": gzip.compress, "shouts": bytes.upper}


def changed(view: Any, change: str) -> Any:
    """Return a view whose body is changed before it leaves the site."""
    return lambda request: HttpResponse(CHANGES[change](view(request).content))


# The CSRF token


def test_everybody_gets_a_token_of_their_own_from_one_page(lane: Lane) -> None:
    posting(lane)
    visitors = [lane.visitor() for _ in range(4)]
    answers = [visitor.get() for visitor in visitors]

    assert [status(answer).hit for answer in answers] == [False, True, True, True]
    assert len({token(answer) for answer in answers}) == 4
    assert len({answer.cookies["csrftoken"].value for answer in answers}) == 4
    assert lane.renders == 1


def test_a_form_of_a_stored_page_can_be_sent(lane: Lane) -> None:
    posting(lane)
    lane.get()
    visitor = strict(lane)
    page = visitor.get()
    assert status(page).hit

    sent = visitor.ask("post", data={"csrfmiddlewaretoken": token(page), "word": "x"})
    assert (sent.status_code, text(sent)) == (200, "sent x")


def test_a_form_of_a_stored_page_cannot_be_sent_with_the_token_of_another(lane: Lane) -> None:
    posting(lane)
    lane.get()
    of_another = token(lane.get())
    visitor = strict(lane)
    assert status(visitor.get()).hit

    sent = visitor.ask("post", data={"csrfmiddlewaretoken": of_another, "word": "x"})
    assert sent.status_code == 403


def test_who_has_a_token_keeps_it(lane: Lane) -> None:
    posting(lane)
    visitor = lane.visitor()
    visitor.get()
    secret = visitor.client.cookies["csrftoken"].value
    again = visitor.get()

    assert status(again).hit
    assert again.cookies["csrftoken"].value == secret
    assert again.cookies["csrftoken"]["max-age"] > 0


def test_a_cookie_that_is_no_token_is_replaced(lane: Lane) -> None:
    posting(lane)
    lane.get()
    visitor = lane.visitor(csrftoken="<evil>")
    assert status(visitor.get()).hit
    assert visitor.client.cookies["csrftoken"].value != "<evil>"


def test_neither_tokens_nor_marks_are_in_the_store(lane: Lane) -> None:
    lane.show(template(FORM + hole("name")))
    made = lane.get()
    stored = text(lane.get())

    assert "<!--" not in text(made) + stored
    assert stored.replace(TOKEN.search(stored)[1], "") == text(made).replace(token(made), "")  # type: ignore[index]


def test_pages_with_a_form_go_out_for_one_browser(lane: Lane) -> None:
    posting(lane)
    for answer in (lane.get(), lane.get()):
        assert answer["Cache-Control"] == "private, no-cache"
        assert "Cookie" in answer["Vary"]
        assert not answer.has_header("ETag")


def test_the_length_is_that_of_the_filled_page(lane: Lane) -> None:
    lane.show(template(hole("agent")))
    for agent in ("short", "a rather long one"):
        answer = lane.get(headers={"User-Agent": agent})
        assert text(answer) == agent
        assert answer.get("Content-Length", str(len(agent))) == str(len(agent))


@through(*MIDDLEWARE)
def test_head_of_a_page_with_holes_has_no_body(lane: Lane) -> None:
    posting(lane)
    length = lane.get()["Content-Length"]
    answer = lane.visitor().ask("head")
    assert status(answer).hit
    assert (answer.content, answer["Content-Length"]) == (b"", length)


def test_a_page_that_only_sets_the_cookie(lane: Lane) -> None:
    lane.show(template("page"), ensure_csrf_cookie)
    answers = [lane.get() for _ in range(3)]
    assert [status(answer).hit for answer in answers] == [False, True, True]
    assert len({answer.cookies["csrftoken"].value for answer in answers}) == 3


def test_a_token_in_json(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse(f'{{"token": "{get_token(request)}"}}'))
    assert len({lane.read() for _ in range(3)}) == 3
    assert lane.renders == 1


def test_a_token_behind_the_decorator_alone(lane: Lane) -> None:
    lane.middleware(*(name for name in STOCK if "csrf" not in name))
    lane.show(template(FORM), csrf_protect)
    answers = [lane.get() for _ in range(3)]
    assert [status(answer).hit for answer in answers] == [False, True, True]
    assert len({answer.cookies["csrftoken"].value for answer in answers}) == 3


UNFILLABLE: dict[str, Callable[[HttpRequest], str]] = {
    "its secret": lambda request: get_token(request)[:0] + request.META["CSRF_COOKIE"],
    "a part of it": lambda request: get_token(request)[:40],
    "turned around": lambda request: get_token(request)[::-1],
    "one of two": lambda request: get_token(request) + get_token(request)[1:],
}


@pytest.mark.parametrize("case", UNFILLABLE)
def test_a_token_that_is_shown_in_another_way_is_not_kept(lane: Lane, case: str) -> None:
    lane.show(lambda request: HttpResponse(UNFILLABLE[case](request)))
    assert len({lane.read() for _ in range(3)}) == 3
    assert lane.see().reason == "csrf-token"


def test_a_token_in_a_header_is_not_kept(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        made = get_token(request)
        return HttpResponse(made, headers={"X-CSRFToken": made})

    lane.show(view)
    assert len({lane.get()["X-CSRFToken"] for _ in range(3)}) == 3
    assert lane.see().reason == "csrf-token"


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_in_a_body_that_is_changed_is_not_kept(lane: Lane, change: str) -> None:
    lane.show(changed(template(FORM), change))
    assert len({lane.get().content for _ in range(3)}) == 3
    assert lane.see().reason == "csrf-token"


@through(*DECORATOR)
def test_tokens_in_sessions_are_not_kept(lane: Lane) -> None:
    lane.settings.CSRF_USE_SESSIONS = True
    posting(lane)
    assert len({token(lane.get()) for _ in range(3)}) == 3
    assert lane.see().reason == "csrf-token"


def test_tokens_of_a_middleware_of_the_sites_own_are_not_kept(lane: Lane) -> None:
    own = OWN + "OwnCsrf"
    lane.middleware(*(own if "csrf" in name else name for name in STOCK))
    lane.configure(OUTSIDE=[own])
    posting(lane)
    answers = [lane.get() for _ in range(3)]
    assert not any(status(answer).hit for answer in answers)
    assert len({answer.cookies["own"].value for answer in answers}) == 3


# The site's own holes


def test_each_visitor_sees_their_own_name(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(template("Hello " + hole("name")))
    visitors = [lane.visitor(), logged_in(lane, "anna"), logged_in(lane, "ben"), lane.visitor()]
    answers = [visitor.get() for visitor in visitors * 2]

    names = ["stranger", "anna", "ben", "stranger"] * 2
    assert [text(answer) for answer in answers] == [f"Hello {name}" for name in names]
    assert lane.renders == 1


def test_whoever_came_first_leaves_nothing_behind(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(template("Hello " + hole("name")))
    assert text(logged_in(lane, "anna").get()) == "Hello anna"
    assert [lane.read(), lane.see().hit] == ["Hello stranger", True]


def test_a_page_that_shows_the_user_beside_a_hole_is_not_shared(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(template("{{ user.username }} " + hole("name") + " {{ user.username }}"))
    visitors = [logged_in(lane, "anna"), logged_in(lane, "ben"), lane.visitor()]
    seen = [text(visitor.get()) for visitor in visitors * 2]
    assert seen == ["anna anna anna", "ben ben ben", " stranger "] * 2


@through(DECORATOR_ASYNC, MIDDLEWARE_ASYNC)
def test_a_user_that_a_hole_found_is_known_to_a_view_on_the_loop(lane: Lane) -> None:
    """That may not ask the database."""
    page = template("Hello " + hole("name"))

    async def view(request: HttpRequest) -> HttpResponse:
        shown = await sync_to_async(page)(request)
        return HttpResponse(f"{text(shown)}, {request.user.is_authenticated}")

    lane.configure(AUTHENTICATED="unread")
    lane.show(view)
    visitors = [logged_in(lane, "anna"), logged_in(lane, "ben")] * 2

    assert [text(visitor.get()) for visitor in visitors] == [
        "Hello anna, True",
        "Hello ben, True",
    ] * 2
    assert lane.renders == 4


def test_what_a_user_writes_is_escaped_unless_it_is_marked_as_safe(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(template(hole("name") + hole("bold") + hole("nothing")))
    lane.get()
    assert text(logged_in(lane, "<i>").get()) == "&lt;i&gt;<b><i></b>"


def test_what_a_hole_reads_keys_nothing(lane: Lane) -> None:
    lane.show(template(hole("agent")))
    agents = ["one", "two", "three"]
    seen = [lane.get(headers={"User-Agent": agent}) for agent in agents]
    assert [text(answer) for answer in seen] == agents
    assert [status(answer).hit for answer in seen] == [False, True, True]


def test_what_a_hole_asks_of_the_database_is_always_fresh_and_drops_nothing(lane: Lane) -> None:
    lane.show(template(hole("users")))
    seen = []
    for number in range(3):
        seen.append(lane.get())
        User.objects.create_user(f"user{number}")
    assert [text(answer) for answer in seen] == ["0", "1", "2"]
    assert [status(answer).hit for answer in seen] == [False, True, True]


def test_a_hole_names_no_data_of_the_page(lane: Lane) -> None:
    lane.show(template(hole("tagged")))
    lane.get()
    invalidate("own")
    assert lane.see().hit


def test_a_row_that_a_hole_read_too_counts_where_the_page_shows_it(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(template(hole("name") + " {{ user.email }}"))
    anna = User.objects.create_user("anna", "a@example.org")
    visitor = lane.visitor().log_in(anna)
    assert [text(visitor.get()), status(visitor.get()).hit] == ["anna a@example.org", True]
    User.objects.filter(pk=anna.pk).update(email="b@example.org")
    assert text(visitor.get()) == "anna b@example.org"


def test_a_hole_that_no_template_of_the_process_has_shown_is_the_views_to_answer(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane.show(template(hole("agent")))
    lane.get()
    monkeypatch.delitem(functions, "tests.lanes_site.holes.agent")
    answer = lane.get(headers={"User-Agent": "one"})
    assert (text(answer), status(answer).reason) == ("one", "hole")


def test_a_page_with_a_hole_is_found_by_a_process_that_does_not_know_its_path(lane: Lane) -> None:
    lane.show(template(hole("agent")))
    lane.get()
    forget()
    assert [lane.see().hit for _ in range(2)] == [True, True]


def test_a_hole_that_fails_is_the_views_to_answer(lane: Lane) -> None:
    lane.show(template(hole("fails")))
    assert lane.read() == lane.read() == "fine"
    visitor = lane.visitor(fail="now")
    visitor.client.raise_request_exception = False
    assert visitor.get().status_code == 500
    assert lane.see().hit


def test_messages_in_a_hole_are_shown_once_to_the_one_they_are_for(lane: Lane) -> None:
    lane.mount(path("page/", lane.page(template("told: " + hole("told")))), path("say/", _says))
    lane.get()
    visitor = lane.visitor()
    visitor.ask("post", "/say/")
    assert [text(visitor.get()), text(visitor.get())] == ["told: done", "told: "]
    assert [lane.read(), lane.see().hit] == ["told: ", True]


def test_a_token_in_a_hole_is_its_visitors(lane: Lane) -> None:
    lane.show(template(hole("form")))
    answers = [lane.get() for _ in range(3)]
    assert [status(answer).hit for answer in answers] == [False, True, True]
    assert len({text(answer) for answer in answers}) == 3
    assert len({answer.cookies["csrftoken"].value for answer in answers}) == 3


def test_pages_with_a_hole_of_the_sites_are_kept_by_nobody_else(lane: Lane) -> None:
    lane.show(template(hole("name")))
    for answer in (lane.get(), lane.get(headers={"If-None-Match": "*"})):
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, no-store"
        assert not answer.has_header("ETag")


def test_a_template_that_is_rendered_late(lane: Lane) -> None:
    made = engines["django"].from_string("{% load pagecache %}" + FORM + hole("agent"))
    lane.show(lambda request: TemplateResponse(request, made))
    seen = [lane.get(headers={"User-Agent": agent}) for agent in ("one", "two")]
    assert [status(answer).hit for answer in seen] == [False, True]
    assert [text(answer)[-3:] for answer in seen] == ["one", "two"]


def test_text_that_looks_like_a_mark_is_text(lane: Lane) -> None:
    lane.show(template("<!--0f3c5e7a9b1d2f40-->" + hole("agent") + "<!--/0f3c5e7a9b1d2f40-->"))
    for agent in ("one", "two"):
        assert lane.read(headers={"User-Agent": agent}) == (
            f"<!--0f3c5e7a9b1d2f40-->{agent}<!--/0f3c5e7a9b1d2f40-->"
        )


def test_a_hole_in_a_stream_is_filled_and_the_page_is_not_kept(lane: Lane) -> None:
    show = template(hole("agent"))
    lane.show(lambda request: StreamingHttpResponse([show(request).content]))
    assert ["one" in lane.read(headers={"User-Agent": "one"}), lane.see().hit] == [True, False]


def test_a_hole_whose_place_is_lost_is_filled_and_the_page_is_not_kept(lane: Lane) -> None:
    lane.show(changed(template(hole("agent")), "shouts"))
    assert lane.read(headers={"User-Agent": "one"}).count("ONE") == 1
    assert lane.see().reason == "hole"


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("{% pagecache_hole %}", "takes the dotted path"),
        ("{% pagecache_hole name %}", "takes the dotted path"),
        ('{% pagecache_hole "a.b" "c.d" %}', "takes the dotted path"),
        ('{% pagecache_hole "nowhere.name" %}', "cannot be imported"),
        ('{% pagecache_hole "tests.lanes_site.holes.__doc__" %}', "a function of a request"),
        ('{% pagecache_hole "tests.lanes_site.holes.later" %}', "not async"),
        ("{% load cache %}{% cache 9 x %}" + hole("name") + "{% endcache %}", "put it outside"),
    ],
)
def test_a_wrong_hole_is_refused_with_the_template(source: str, complaint: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=complaint):
        engines["django"].from_string("{% load pagecache %}" + source)


def test_a_hole_needs_the_request() -> None:
    made = engines["django"].from_string("{% load pagecache %}" + hole("name"))
    with pytest.raises(TemplateSyntaxError, match="render the template with it"):
        made.render({})


# Messages


def _says(request: HttpRequest) -> HttpResponse:
    messages.success(request, "done")
    return HttpResponse()


SHOWN = "{% for message in messages %}{{ message }}{% endfor %}"


@pytest.mark.parametrize("storage", ["cookie.Cookie", "session.Session", "fallback.Fallback"])
def test_pages_that_show_messages_are_shared_by_who_has_none(lane: Lane, storage: str) -> None:
    lane.settings.MESSAGE_STORAGE = f"django.contrib.messages.storage.{storage}Storage"
    lane.configure(AUTHENTICATED="unread")
    lane.mount(path("page/", lane.page(template("told: " + SHOWN))), path("say/", _says))
    anna, ben = logged_in(lane, "anna"), logged_in(lane, "ben")
    lane.get()
    assert [status(visitor.get()).hit for visitor in (anna, ben, lane.visitor())] == [True] * 3
    anna.ask("post", "/say/")

    assert text(ben.get()) == "told: "
    assert [text(anna.get()), text(anna.get()), lane.read()] == ["told: done", "told: ", "told: "]
    assert [status(visitor.get()).hit for visitor in (anna, ben, lane.visitor())] == [True] * 3
    assert lane.renders == 2


def test_what_a_hole_asks_of_headers_is_as_it_was_when_it_asked(lane: Lane) -> None:
    """Django's own headers do not hear of what is written over `META` either."""
    fill = template(hole("agent"))

    def view(request: HttpRequest) -> HttpResponse:
        shown = fill(request).content.decode()
        request.META["HTTP_USER_AGENT"] = "own"
        return HttpResponse(f"{shown} {request.headers.get('User-Agent')}")

    lane.show(view)
    answers = [text(lane.get(headers={"User-Agent": name})) for name in ("one", "two")]
    assert answers == ["one one", "two two"]


# The nonce of a Content-Security-Policy


NONCE = re.compile(r"nonce-([\w+/=-]+)")


def nonces(answer: HttpResponse) -> tuple[str, str]:
    """Return the nonces of header and body."""
    found = NONCE.search(answer["Content-Security-Policy"])
    assert found is not None
    return found[1], text(answer)


POLICIES: dict[str, tuple[Callable[[Any], object], dict[str, Any]]] = {
    "csp.middleware.CSPMiddleware": (
        lambda request: request.csp_nonce,
        {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": [CSP_NONCE]}}},
    )
}
if django.VERSION >= (6, 0):
    POLICIES["django.middleware.csp.ContentSecurityPolicyMiddleware"] = (
        lambda request: request._csp_nonce,
        {"SECURE_CSP": {"script-src": ["<CSP_NONCE_SENTINEL>"]}},
    )


@pytest.fixture(params=POLICIES)
def policed(request: pytest.FixtureRequest, lane: Lane) -> Callable[[HttpRequest], object]:
    """A lane whose site has a policy; gives what finds a request's nonce."""
    find, policy = POLICIES[request.param]
    for name, value in policy.items():
        setattr(lane.settings, name, value)
    lane.middleware(*STOCK, request.param)
    return find


def test_everybody_gets_a_nonce_of_their_own_from_one_page(lane: Lane, policed: Any) -> None:
    lane.show(lambda request: HttpResponse(str(policed(request))))
    answers = [lane.get() for _ in range(4)]

    assert [status(answer).hit for answer in answers] == [False, True, True, True]
    assert all(header == body for header, body in map(nonces, answers))
    assert len({nonces(answer) for answer in answers}) == 4
    assert all(answer["Cache-Control"] == "private, no-store" for answer in answers)


def test_a_nonce_of_the_header_alone_is_new_each_time(lane: Lane, policed: Any) -> None:
    lane.show(lambda request: HttpResponse("page" * bool(str(policed(request)))))
    given = [NONCE.findall(lane.get()["Content-Security-Policy"]) for _ in range(3)]
    assert len({nonce for (nonce,) in given}) == 3
    assert lane.renders == 1


def test_the_header_of_a_nonce_is_spelled_as_the_site_does(lane: Lane, policed: Any) -> None:
    lane.show(lambda request: HttpResponse(str(policed(request))))
    lane.get()
    assert "Content-Security-Policy" in dict(lane.get().items())


def test_a_page_without_a_nonce_is_shared_as_it_is(lane: Lane, policed: Any) -> None:
    lane.show(lambda _request: HttpResponse("page"))
    assert [lane.see().stored, lane.see().hit, lane.renders] == [True, True, 1]


def test_a_nonce_that_nobody_knows_of_is_not_kept(lane: Lane) -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("x", headers={"Content-Security-Policy": "script-src 'nonce-abc'"})

    lane.show(view)
    assert [lane.see().stored, lane.see().reason] == [False, "csp-nonce"]
