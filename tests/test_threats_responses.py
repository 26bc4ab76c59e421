"""What must not be stored, served or told, whatever a view or a client says: numbered cases of responses and stores."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_list_or_404, get_object_or_404
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path, re_path

from pagecache import invalidate, purge
from pagecache.announcing import site_store
from pagecache.engine import looking, storing
from pagecache.engine.visit import local
from tests.lanes import ALL, MEMORY, STOCK, Lane, showing, status, text, through, unrecorded
from tests.site.factories import make_article
from tests.site.models import Article

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
OWN = "tests.lanes_site.middleware."

hello = showing(lambda request: "hello")
titles = showing(lambda request: list(Article.objects.values_list("title", flat=True)))


def answering(code: int = 200, /, **headers: str) -> Any:
    """Return a view whose answer has a status and headers."""

    def view(request: HttpRequest) -> HttpResponse:
        made = HttpResponse("hello", status=code)
        for name, value in headers.items():
            made[name.replace("_", "-")] = value
        return made

    return view


def renders_of(lane: Lane, times: int = 3, **asked: Any) -> int:
    before = lane.renders
    for _ in range(times):
        lane.get(**asked)
    return lane.renders - before


def test_d89_a_session_cookie_that_is_refreshed_is_not_stored(lane: Lane) -> None:
    lane.settings.SESSION_SAVE_EVERY_REQUEST = True
    lane.configure(AUTHENTICATED="unread")
    lane.show(hello)
    alice = lane.visitor().log_in(User.objects.create_user("alice"))

    for _ in range(2):
        alice.get()
        assert "sessionid" not in lane.get().cookies


FORBIDDING = [
    "Private",
    "NO-STORE",
    'private="x"',
    "public, max-age=60, No-Cache",
    "max-age=60,no-store",
    "max-age=60;no-store",
    "max-age=60 no-store",
    "max-age=60,\tPRIVATE ",
    " ,, private ,,",
    'max-age="60, no-store',
    'no-cache="Set-Cookie"',
    "private=",
    "no-store=1",
    '"no-store"',
    "public, public, public, pRiVaTe",
    "x" * 10_000 + ", no-store",
]


@pytest.mark.parametrize("said", FORBIDDING, ids=range(len(FORBIDDING)))
def test_d91_directives_are_read_in_any_case(lane: Lane, said: str) -> None:
    lane.show(answering(Cache_Control=said))
    assert renders_of(lane) == 3


def test_d93_a_session_begun_beside_another_cookie_is_not_stored(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.session["seen"] = True
        return HttpResponse(str(request.session.session_key))

    lane.show(view)
    given = [lane.get(cookies={"_ga": "1"}).cookies["sessionid"].value for _ in range(3)]
    assert len(set(given)) == 3


def test_d95_vary_counts_for_every_client(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        made = HttpResponse(unrecorded(request.META).get("HTTP_COOKIE") or "none")
        made["Vary"] = "Cookie"
        return made

    lane.show(view)
    old = {"User-Agent": "Mozilla/4.0 (compatible; MSIE 6.0)"}
    for _ in range(2):
        assert lane.read(cookies={"a": "1"}, headers=old) == "a=1"
        assert lane.read(headers=old) == "none"


def test_d97_sessions_and_pages_in_one_cache_do_not_meet(lane: Lane) -> None:
    lane.settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    lane.show(hello)
    key = status(lane.get()).key
    assert key is not None
    lane.configure(AUTHENTICATED="unread")

    for value in (key, key.rpartition(":")[2], "../" + key):
        assert lane.read(cookies={"sessionid": value}) == "hello"
    assert lane.see().hit


def test_d101_a_user_is_not_kept_between_requests(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(showing(lambda request: request.user.get_username() or "nobody"))
    users = [User.objects.create_user(name) for name in ("alice", "bob")]
    seen = [text(lane.visitor().log_in(user).get()) for user in users * 2]
    assert seen == ["alice", "bob"] * 2


REFUSALS = (
    400,
    401,
    403,
    405,
    406,
    408,
    411,
    413,
    414,
    429,
    431,
    500,
    502,
    503,
    404,
    410,
    301,
    302,
    201,
)


@pytest.mark.parametrize("code", REFUSALS)
def test_e105_errors_are_not_stored_whatever_they_say(lane: Lane, code: int) -> None:
    headers = {"Location": "/elsewhere/"} if code in {301, 302} else {}
    lane.show(answering(code, Cache_Control="public, max-age=3600", **headers))
    assert renders_of(lane) == 3


EVERY = [200, 203, 204, 300, 301, 308, 404, 410]
NEVER = [int(code) for code in HTTPStatus if code >= 200 and code not in {*EVERY, 206, 304}]


@through(*ALL, stores=(MEMORY,))
def test_e105_no_other_status_can_be_stored(lane: Lane) -> None:
    def view(request: HttpRequest, code: int) -> HttpResponse:
        return answering(code, Cache_Control="public, max-age=3600", Location="/x/")(request)  # type: ignore[no-any-return]

    lane.configure(STATUSES=EVERY)
    lane.mount(path("<int:code>/", lane.page(view)))
    for code in NEVER:
        told = lane.see(f"/{code}/")
        assert (told.stored, told.reason) in {(False, "status"), (False, "challenge")}, code
    assert lane.renders == len(NEVER)
    assert lane.see("/404/").ttl == (300 if lane.kind.decorated else 3600)
    assert lane.see("/404/").hit


LIVES: dict[str, tuple[dict[str, Any], dict[str, str], int | None]] = {
    "the site": ({}, {}, 60),
    "none": ({"NEGATIVE_TIMEOUT": None}, {}, 300),
    "nothing": ({"NEGATIVE_TIMEOUT": 0}, {}, None),
    "shorter": ({"TIMEOUT": 20}, {}, 20),
    "without limit": ({"TIMEOUT": None}, {}, 60),
    "a rule": ({"RULES": [{"match": "^/page/", "timeout": 200}]}, {}, 60),
    "the response": ({}, {"Cache_Control": "max-age=3600"}, 3600),
    "the response, longer than nothing": (
        {"NEGATIVE_TIMEOUT": 0},
        {"Cache_Control": "max-age=50"},
        50,
    ),
}


@pytest.mark.parametrize("code", [404, 410, 301, 308, 300])
@pytest.mark.parametrize("name", LIVES)
@through(*(kind for kind in ALL if not kind.decorated))
def test_e105_what_is_not_there_lives_for_a_short_time(lane: Lane, name: str, code: int) -> None:
    options, headers, life = LIVES[name]
    lane.configure(STATUSES=EVERY, **options)
    lane.show(answering(code, **headers))
    told = lane.see()
    assert (told.stored, told.ttl) == (life is not None, life)


@pytest.mark.parametrize("code", [404, 301])
def test_e105_what_the_view_says_of_its_pages_holds_for_any_status(lane: Lane, code: int) -> None:
    lane.configure(STATUSES=EVERY)
    lane.show(answering(code), timeout=500)
    assert lane.see().ttl == 500


@through(*(kind for kind in ALL if not kind.decorated))
def test_e105_what_is_there_lives_as_ever(lane: Lane) -> None:
    lane.configure(STATUSES=EVERY, NEGATIVE_TIMEOUT=1)
    lane.mount(*(path(f"{code}/", lane.page(answering(code))) for code in (200, 203, 204)))
    assert [lane.see(f"/{code}/").ttl for code in (200, 203, 204)] == [300] * 3


FINDS: dict[str, Any] = {
    "by key": lambda: get_object_or_404(Article, pk=4711).title,
    "by unique field": lambda: get_object_or_404(Article, slug="new").title,
    "by others": lambda: get_object_or_404(Article, title="new").title,
    "in a list": lambda: get_list_or_404(Article.objects.filter(title="new"))[0].title,
}


@pytest.mark.parametrize("name", FINDS)
def test_e105_a_stored_404_ends_when_the_row_is_made(lane: Lane, name: str) -> None:
    lane.configure(STATUSES=[200, 404])
    lane.show(lambda request: HttpResponse(FINDS[name]()))
    site: Any = sys.modules[lane.settings.ROOT_URLCONF]
    site.handler404 = lambda *_, **__: HttpResponse("missing", status=404)
    assert [lane.get().status_code for _ in range(2)] == [404, 404]
    assert lane.see().hit is not lane.kind.decorated  # which an exception passes by
    make_article(pk=4711, title="new", slug="new")
    assert [lane.read() for _ in range(2)] == ["new", "new"]
    assert lane.see().hit


def test_e105_what_was_missing_is_there_once_it_is_made(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        article = Article.objects.filter(title="new").first()
        return HttpResponse(article and article.title, status=200 if article else 404)

    lane.configure(STATUSES=[200, 404])
    lane.show(view)
    assert [lane.get().status_code, lane.see().hit] == [404, True]
    make_article(title="new")
    assert lane.read() == "new"


@through(*(kind for kind in ALL if not kind.decorated))
def test_e105_djangos_own_page_for_what_is_missing_is_stored_if_declared(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(get_object_or_404(Article, title="new").title)

    lane.configure(STATUSES=[200, 404])
    lane.show(view)
    assert [lane.get().status_code, lane.see().hit] == [404, True]
    make_article(title="new")
    assert lane.read() == "new"


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "GETX", "POST", "PURGE", "BAN"])
def test_e107_other_methods_bypass_and_leave_no_page(lane: Lane, method: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return HttpResponse("hello")

    lane.settings.MIDDLEWARE = [name for name in lane.settings.MIDDLEWARE if "csrf" not in name]
    lane.show(view)
    first = lane.visitor().ask(method)
    assert (first.status_code, status(first).reason) == (405, "method")
    assert lane.get().status_code == 200
    assert lane.visitor().ask(method).status_code == 405
    assert lane.see().hit


@pytest.mark.parametrize(
    "host", ["example.org:port", "a b", "example.org/x", "@", "[::1", "evil.example"]
)
def test_e107_a_host_that_django_refuses_leaves_no_page(lane: Lane, host: str) -> None:
    lane.settings.ALLOWED_HOSTS = ["testserver", "example.org"]
    lane.show(hello)
    answer = lane.get(headers={"Host": host})
    assert not status(answer).stored
    assert lane.read() == "hello"


def test_e109_a_technical_page_is_not_stored(lane: Lane) -> None:
    lane.settings.DEBUG = True
    lane.configure(STATUSES=[200, 404])

    def missing(request: HttpRequest) -> HttpResponse:
        raise Http404

    lane.show(missing)
    assert [lane.get().status_code for _ in range(2)] == [404, 404]
    assert lane.renders == 2


def failing_once(lane: Lane, error: Exception) -> Any:
    """Return a view that fails the first time."""

    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            raise error
        return HttpResponse("well")

    return view


@pytest.mark.parametrize("error", [LookupError("once"), Http404()], ids=["any", "404"])
def test_e109_what_middleware_answers_for_a_view_that_failed_is_not_stored(
    lane: Lane, error: Exception
) -> None:
    lane.configure(OUTSIDE=[OWN + "Mends"])
    lane.middleware_inside(OWN + "Mends")
    lane.show(failing_once(lane, error))
    assert [lane.read() for _ in range(3)] == ["sorry", "well", "well"]
    assert lane.see().hit


def test_e109_what_middleware_answers_for_a_template_that_failed_is_not_stored(lane: Lane) -> None:
    template = engines["django"].from_string("{{ fails }}well")

    def fails() -> str:
        if lane.renders == 1:
            raise LookupError
        return ""

    lane.configure(OUTSIDE=[OWN + "Mends"])
    lane.middleware_inside(OWN + "Mends")
    lane.show(lambda request: TemplateResponse(request, template, {"fails": fails}))
    assert [lane.read() for _ in range(3)] == ["sorry", "well", "well"]
    assert lane.see().hit


ERRORS = {"handler404": Http404(), "handler403": PermissionDenied(), "handler400": BadRequest()}


@pytest.mark.parametrize("name", ERRORS)
def test_e109_an_error_page_of_the_site_that_says_200_is_not_stored(lane: Lane, name: str) -> None:
    lane.show(failing_once(lane, ERRORS[name]))
    setattr(sys.modules[lane.settings.ROOT_URLCONF], name, lambda *_, **__: HttpResponse("sorry"))
    assert [lane.read() for _ in range(3)] == ["sorry", "well", "well"]
    assert lane.see().hit


@through(*(kind for kind in ALL if not kind.decorated and not kind.last))
def test_e109_what_the_view_failed_for_is_told(lane: Lane) -> None:
    lane.middleware_inside(OWN + "Mends")
    lane.show(failing_once(lane, LookupError()))
    assert lane.see().reason == "exception"


UNFIT: dict[str, tuple[Callable[[], HttpResponseBase], str]] = {
    "a part": (lambda: HttpResponse("x", status=206), "partial"),
    "a range": (
        lambda: HttpResponse("x", headers={"Content-Range": "bytes 0-0/10"}),
        "partial",
    ),
    "too short": (lambda: HttpResponse("x", headers={"Content-Length": "10"}), "partial"),
    "too long": (lambda: HttpResponse("x" * 11, headers={"Content-Length": "10"}), "partial"),
    "a stream": (lambda: StreamingHttpResponse(iter([b"x"])), "streaming"),
    "a cookie": (lambda: with_cookie(HttpResponse("x")), "set-cookie"),
    "a cookie's header": (
        lambda: HttpResponse("x", headers={"Set-Cookie": "a=b"}),
        "set-cookie",
    ),
    "vary": (lambda: HttpResponse("x", headers={"Vary": "Accept , *"}), "vary-star"),
    "a challenge": (
        lambda: HttpResponse("x", headers={"WWW-Authenticate": "Basic"}),
        "challenge",
    ),
    "a nonce": (
        lambda: HttpResponse("x", headers={"Content-Security-Policy": "x 'nonce-a'"}),
        "csp-nonce",
    ),
}


def with_cookie(response: HttpResponse) -> HttpResponse:
    response.set_cookie("a", "b")
    return response


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_page_for_all_is_not_stored(lane: Lane, name: str) -> None:
    make, reason = UNFIT[name]
    lane.show(lambda request: make())
    assert [lane.see().reason, lane.see().reason] == [reason] * 2
    assert lane.renders == 2


@pytest.mark.parametrize("value", ["a\x07b", "a\x00b", "a\x7fb", "\x1b[0m"])
def test_e103_a_header_with_control_characters_is_a_fault_of_its_sender_only(
    lane: Lane, value: str
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        is_clean = request.headers.get("X-Meta", "").isprintable()
        return HttpResponse("hello" if is_clean else "bad", status=200 if is_clean else 400)

    lane.show(view)
    for _ in range(2):
        assert lane.get(headers={"X-Meta": value}).status_code == 400
        assert lane.read() == "hello"
        assert lane.read(headers={"X-Other": value}) == "hello"
    assert lane.see().hit


LIFETIMES: dict[str, tuple[dict[str, str], bool]] = {
    "not a number": ({"Cache_Control": "max-age=abc"}, False),
    "negative": ({"Cache_Control": "max-age=-1"}, False),
    "quoted": ({"Cache_Control": 'max-age="60"'}, True),
    "exponent": ({"Cache_Control": "max-age=1e9"}, False),
    "very large": ({"Cache_Control": "max-age=99999999999999"}, True),
    "twice": ({"Cache_Control": "max-age=60, max-age=0"}, False),
    "expires 0": ({"Expires": "0"}, False),
    "expires in the past": ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, False),
    "expires in another zone": ({"Expires": "Thu, 01 Jan 2009 00:00:00 +0200"}, False),
    "expires never": ({"Expires": "Thu, 99 Foo 9999 99:99:99 GMT"}, False),
}


@pytest.mark.parametrize("name", LIFETIMES)
def test_e111_a_lifetime_that_is_garbage_fails_safe(lane: Lane, name: str) -> None:
    headers, is_kept = LIFETIMES[name]
    lane.mount(path("page/", lane.page(answering(**headers))))
    answers = [lane.get() for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    if not lane.kind.decorated:  # whose `cache_page` says how long
        assert status(answers[1]).hit is is_kept


DECEIVING = (
    "/account/x.css",
    "/account/.js",
    "/account;.js",
    "/account%0Ax.css",
    "/account%00.css",
    "/account%23x.css",
    "/account%3Fx.css",
    "/account%2fx.css",
    "/static/../account/",
    "/account/%2e%2e/static/x.png",
)


@pytest.mark.parametrize("asked", DECEIVING)
def test_f113_the_look_of_a_url_makes_no_page_public(lane: Lane, asked: str) -> None:
    lane.configure(AUTHENTICATED="unread")
    who = showing(lambda request: request.user.get_username() or "nobody")
    lane.mount(re_path(r"(?s)^.*$", lane.page(who)))
    alice = lane.visitor().log_in(User.objects.create_user("alice"))

    assert [text(alice.get(asked)) for _ in range(2)] == ["alice", "alice"]
    assert lane.read(asked) == "nobody"


def test_f115_an_excluded_view_is_excluded_wherever_it_is_mounted(lane: Lane) -> None:
    lane.configure(EXCLUDE=["name:secret", "namespace:two"])
    page = lane.page(hello)
    lane.mount(
        path("a/", page, name="secret"),
        path("b/", include(([path("", page, name="x")], "app"), namespace="two")),
        path("c/", include(([path("", page, name="x")], "app"), namespace="one")),
    )
    assert {at: lane.see(at).reason for at in ("/a/", "/b/", "/c/")} == {
        "/a/": "excluded",
        "/b/": "excluded",
        "/c/": None,
    }


def test_g117_a_validator_of_another_page_matches_nothing(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.get("a", "none")))
    tag = lane.get("/page/?a=1")["ETag"]
    lane.get("/page/?a=2")

    for asked in (tag, f"W/{tag}", f'"x", {tag}'):
        answer = lane.get("/page/?a=2", headers={"If-None-Match": asked})
        assert (answer.status_code, text(answer)) == (200, "2")
    assert lane.get("/page/?a=1", headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
    assert lane.get("/page/?a=1", headers={"If-None-Match": "*"}).status_code == 304
    assert lane.read("/page/?a=1") == "1"


@pytest.mark.parametrize(
    "name", ["Cache-Group-Invalidation", "Surrogate-Key", "Cache-Tag", "X-Purge"]
)
def test_g119_a_client_drops_nothing(lane: Lane, name: str) -> None:
    lane.show(answering(**{name.replace("-", "_"): "site"}))
    lane.get()
    assert lane.see(headers={name: "site"}).hit
    assert lane.see().hit


def test_g121_the_public_is_told_no_key_and_no_reason(lane: Lane) -> None:
    lane.configure(REVEAL=None)
    lane.show(showing(lambda request: request.GET.get("a")))
    for asked in ({}, {"path": "/page/?a=1"}, {"headers": {"Authorization": "x"}}):
        for _ in range(2):
            said = lane.get(**asked)["Cache-Status"]
            assert "key" not in said
            assert "detail" not in said


def test_h125_what_is_not_committed_is_never_stored(lane: Lane) -> None:
    lane.show(titles)
    with transaction.atomic():
        make_article(title="draft")
        with transaction.atomic():
            Article.objects.update(title="changed")
        lane.get()
        transaction.set_rollback(True)
    assert [lane.read() for _ in range(2)] == ["[]", "[]"]


def test_h127_a_page_that_became_private_takes_the_old_one_with_it(lane: Lane) -> None:
    said: dict[str, str] = {}

    def view(request: HttpRequest) -> HttpResponse:
        return answering(**said)(request)  # type: ignore[no-any-return]

    lane.show(view, tags=("front",))
    lane.get()
    assert lane.see().hit
    said["Cache_Control"] = "private"
    invalidate("front")
    lane.get()
    said.clear()
    answer = lane.see()
    assert (answer.hit, answer.stored) == (False, True)


DAMAGES: dict[str, Any] = {
    "truncated": lambda data: data[:-1],
    "flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "revision": lambda data: bytes([data[0] ^ 255]) + data[1:],
    "pickle": lambda data: b"cos\nsystem\n(S'exit 1'\ntR.",
    "empty": lambda data: b"",
    "text": lambda data: "text",
    "number": lambda data: 7,
}


@through(*ALL, stores=(MEMORY,))
@pytest.mark.parametrize("damage", DAMAGES)
def test_i133_bytes_that_somebody_else_wrote_are_a_miss(lane: Lane, damage: str) -> None:
    lane.show(hello)
    lane.get()
    key = lane.see().key
    assert key is not None
    store: Any = site_store()
    cache = store._handler.create_connection(store.alias)
    data = cache.get(key)
    cache.set(key, DAMAGES[damage](data))
    local.clear()
    answer = lane.get()
    assert (text(answer), status(answer).hit) == ("hello", False)
    assert lane.see().hit


def test_i135_there_is_no_url_that_drops_pages(lane: Lane) -> None:
    lane.show(hello)
    lane.get()
    for asked in ("/page/?purge=1", "/page/?nocache=1", "/pagecache/purge/", "/purge/page/"):
        lane.get(asked)
    for headers in ({"Cache-Control": "no-cache"}, {"Pragma": "no-cache"}, {"X-Purge": "1"}):
        lane.get(headers=headers)
    assert lane.see().hit


def test_i137_logs_hold_nothing_of_a_request(lane: Lane, caplog: Any, monkeypatch: Any) -> None:
    def broken(_data: bytes) -> str:
        raise ValueError("broken")

    caplog.set_level(logging.DEBUG)
    lane.configure(KEY_COOKIES=["theme"])
    lane.show(showing(lambda r: (r.GET.get("q"), r.COOKIES.get("theme"), "bodytext")))
    for module in (looking, storing):
        monkeypatch.setattr(module, "digest", broken)
    for _ in range(2):
        lane.get("/page/?q=queryvalue", cookies={"theme": "cookievalue"})
    told = "".join(record.getMessage() for record in caplog.records if "pagecache" in record.name)
    assert "pagecache failed" in told
    for private in ("queryvalue", "cookievalue", "bodytext"):
        assert private not in told


def test_i139_a_response_that_its_view_sends_again_is_left_as_it_was(lane: Lane) -> None:
    sent = HttpResponse("old")
    lane.show(lambda request: sent)
    tag = lane.get()["ETag"]
    purge()
    sent.content = b"new"
    assert lane.read() == "new"
    answer = lane.get(headers={"If-None-Match": tag})
    assert status(answer).hit
    assert (answer.status_code, text(answer)) == (200, "new")


def test_i139_a_response_that_is_changed_leaves_the_entry_as_it_was(lane: Lane) -> None:
    lane.middleware(OWN + "sets_cookie", *STOCK)
    lane.show(hello)
    for _ in range(3):
        answer = lane.get()
        answer["X-Own"] = "changed"
        answer.content = b"changed"
        answer.delete_cookie("number")
        assert "X-Own" not in lane.get()
        assert lane.read() == "hello"
