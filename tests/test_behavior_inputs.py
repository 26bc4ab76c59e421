"""One behavior in all lanes: what a page reads of its request keys it, and what nobody reads splits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.test import RequestFactory
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie, requires_csrf_token

from tests.lanes import ALL, STOCK, Lane, showing, status, text, through

hello = showing(lambda request: "hello")
LOCALE = "django.middleware.locale.LocaleMiddleware"
TRACKING = [
    ("/page/?utm_source=mail", {"_ga": "GA1.2.3", "_fbp": "fb.1"}, {"User-Agent": "A"}),
    ("/page/?utm_source=post&fbclid=xyz", {"_ga": "GA1.9.9"}, {"User-Agent": "B", "Referer": "r"}),
    ("/page/?gclid=1", {}, {"Accept-Language": "fr", "Accept": "*/*", "X-Request-Id": "7"}),
    ("/page/", {}, {}),
]


def languages(lane: Lane) -> None:
    """Add LocaleMiddleware where `startproject` users put it, behind the sessions."""
    lane.settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    place = STOCK.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
    lane.middleware(*STOCK[:place], LOCALE, *STOCK[place:])


@pytest.fixture
def _time_zone() -> Iterator[None]:
    yield
    timezone.deactivate()


def test_unread_tracking_splits_nothing(lane: Lane) -> None:
    lane.show(hello)

    for url, cookies, headers in TRACKING:
        assert text(lane.visitor(**cookies).get(url, headers=headers)) == "hello"

    assert lane.renders == 1


def test_query_parameter_keys_by_value(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.get("q")))

    for _ in range(2):
        assert [lane.read(f"/page/{query}") for query in ("?q=a", "?q=b", "?q=", "")] == [
            "a", "b", "", "None"
        ]  # fmt: skip
    assert lane.renders == 4


def test_parameters_that_nobody_read_split_nothing_beside_one_that_was(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.get("q")))

    assert [lane.read(f"/page/?q=a&utm={n}") for n in range(3)] == ["a", "a", "a"]
    assert lane.renders == 1


def test_repeated_parameters_key_as_a_list(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.getlist("q")))

    assert lane.read("/page/?q=1&q=2") == "['1', '2']"
    assert lane.read("/page/?q=12") == "['12']"
    assert lane.read("/page/?q=1&q=2") == "['1', '2']"
    assert lane.renders == 2


@pytest.mark.parametrize(
    "read",
    [
        lambda request: request.get_full_path(),
        lambda request: request.build_absolute_uri(),
        lambda request: request.GET.urlencode(),
        lambda request: request.META["QUERY_STRING"],
        lambda request: sorted(request.GET.items()),
    ],
    ids=["get_full_path", "build_absolute_uri", "urlencode", "QUERY_STRING", "items"],
)
def test_page_that_reads_the_whole_query_string_is_keyed_by_it(lane: Lane, read: Any) -> None:
    lane.show(showing(read))
    first = [lane.read(f"/page/?{query}") for query in ("a=1&b=2", "b=2&a=1&c=3", "")]
    again = [lane.read(f"/page/?{query}") for query in ("a=1&b=2", "b=2&a=1&c=3", "")]

    assert len(set(first)) == 3
    assert again == first
    assert lane.renders == 3


def test_declared_cookie_keys_by_value(lane: Lane) -> None:
    lane.configure(KEY_COOKIES=["theme"])
    lane.show(showing(lambda request: request.COOKIES.get("theme", "plain")))

    for _ in range(2):
        assert text(lane.visitor(theme="dark").get()) == "dark"
        assert text(lane.visitor(theme="light").get()) == "light"
        assert lane.read() == "plain"
    assert lane.renders == 3


def test_undeclared_cookie_keys_only_as_absent(lane: Lane) -> None:
    lane.show(showing(lambda request: request.COOKIES.get("theme", "plain")))
    assert lane.read() == "plain"

    dark = [lane.visitor(theme="dark").get() for _ in range(2)]

    assert [text(answer) for answer in dark] == ["dark", "dark"]
    assert status(dark[1]).reason == "undeclared-cookie"
    assert lane.see().hit


def test_only_allowed_values_of_a_cookie_are_kept(lane: Lane) -> None:
    lane.configure(KEY_COOKIES={"theme": ["dark", "light"]})
    lane.show(showing(lambda request: request.COOKIES.get("theme", "plain")))

    for theme, kept in (("dark", True), ("evil", False)):
        assert text(lane.visitor(theme=theme).get()) == theme
        assert status(lane.visitor(theme=theme).get()).hit is kept


def test_declared_header_keys_by_value(lane: Lane) -> None:
    lane.configure(KEY_HEADERS=["x-country"])
    lane.show(showing(lambda request: request.headers.get("X-Country", "nowhere")))

    for _ in range(2):
        assert lane.read(headers={"X-Country": "de"}) == "de"
        assert lane.read(headers={"X-Country": "fr"}) == "fr"
        assert lane.read() == "nowhere"
    assert lane.renders == 3


def test_undeclared_header_keys_only_as_absent(lane: Lane) -> None:
    lane.show(showing(lambda request: request.headers.get("X-Country", "nowhere")))
    assert lane.read() == "nowhere"

    german = [lane.get(headers={"X-Country": "de"}) for _ in range(2)]

    assert [text(answer) for answer in german] == ["de", "de"]
    assert status(german[1]).reason == "undeclared-header"
    assert lane.see().hit


def test_only_allowed_values_of_a_header_are_kept(lane: Lane) -> None:
    lane.configure(KEY_HEADERS={"X-Country": ["de"]})
    lane.show(showing(lambda request: request.headers.get("X-Country", "nowhere")))

    for country, kept in (("de", True), ("xx", False)):
        lane.get(headers={"X-Country": country})
        assert lane.see(headers={"X-Country": country}).hit is kept


def test_vary_of_the_response_keys_by_the_whole_header(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse(request.headers.get("X-T"), headers={"Vary": "X-T"}))

    for _ in range(2):
        assert [lane.read(headers={"X-T": value}) for value in ("a", "b")] == ["a", "b"]
        assert lane.read() == "None"
    assert lane.renders == 3


def test_input_that_is_met_later_widens_the_key(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.GET.get("b") if "a" in request.GET else "short")

    lane.show(view)
    assert lane.read("/page/?b=1") == "short"
    assert lane.read("/page/?a=&b=1") == "1"
    assert lane.read("/page/?a=&b=2") == "2"
    assert lane.read("/page/?a=&b=1") == "1"
    assert lane.read("/page/?b=2") == "short"


def test_hosts_and_schemes_have_pages_of_their_own(lane: Lane) -> None:
    lane.show(showing(lambda request: request.build_absolute_uri("/")))

    for _ in range(2):
        assert lane.read(headers={"Host": "one.example"}) == "http://one.example/"
        assert lane.read(headers={"Host": "two.example"}) == "http://two.example/"
        assert lane.read(headers={"Host": "one.example"}, secure=True) == "https://one.example/"
    assert lane.renders == 3


def test_language_of_the_visitor_keys(lane: Lane) -> None:
    languages(lane)
    lane.show(showing(lambda request: translation.get_language()))
    asked = {"de": "de", "de-AT,de;q=0.9": "de", "en": "en", "en-GB,en;q=0.8": "en"}

    for _ in range(2):
        for accepted, language in asked.items():
            assert lane.read(headers={"Accept-Language": accepted}) == language
    assert lane.renders == 2


def test_language_cookie_keys(lane: Lane) -> None:
    languages(lane)
    lane.show(showing(lambda request: translation.get_language()))

    for _ in range(2):
        for language in ("de", "en"):
            assert text(lane.visitor(django_language=language).get()) == language
    assert lane.renders == 2


def test_language_that_was_active_before_does_not_leak(lane: Lane) -> None:
    lane.show(showing(lambda request: translation.get_language()))

    for _ in range(2):
        for language in ("de", "en"):
            with translation.override(language):
                assert lane.read() == language


@pytest.mark.usefixtures("_time_zone")
def test_active_time_zone_keys(lane: Lane) -> None:
    lane.show(showing(lambda request: timezone.get_current_timezone_name()))

    for _ in range(2):
        for name in ("Asia/Tokyo", "Europe/Paris"):
            timezone.activate(name)
            assert lane.read() == name
    assert lane.renders == 2


BARS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "header": (
        lambda request: request.headers.get("Referer"),
        {"headers": {"Referer": "https://a.example"}},
        "undeclared-header",
    ),
    "cookie": (
        lambda request: request.COOKIES.get("theme"),
        {"cookies": {"theme": "dark"}},
        "undeclared-cookie",
    ),
    "session": (
        lambda request: request.session.get("cart"),
        {"cookies": {"sessionid": "x" * 32}},
        "session",
    ),
    "user": (
        lambda request: request.user.is_authenticated,
        {"cookies": {"sessionid": "x" * 32}},
        "user",
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", BARS)
def test_what_one_page_of_a_path_reads_bars_no_other(lane: Lane, name: str) -> None:
    read, has_it, reason = BARS[name]

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(read(request)) if "show" in request.GET else "plain")

    lane.configure(AUTHENTICATED="unread")
    lane.show(view)
    lane.get("/page/?show=")
    assert lane.see("/page/?show=").hit

    assert [lane.see(**has_it).hit for _ in range(2)] == [False, True]
    assert [lane.see().hit for _ in range(2)] == [False, True]
    shown = [lane.get("/page/?show=", **has_it) for _ in range(2)]
    assert {status(answer).reason for answer in shown} <= {reason, "set-cookie"}
    assert lane.read(**has_it) == lane.read() == "plain"
    assert lane.see("/page/?show=").hit


def test_what_is_declared_in_part_bars_no_other(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.COOKIES.get("theme") if "show" in request.GET else "plain")

    lane.configure(KEY_COOKIES={"theme": ["dark"]})
    lane.show(view)
    lane.get("/page/?show=")
    for theme in ("dark", "odd", "strange"):
        lane.get(cookies={"theme": theme})
        assert lane.see(cookies={"theme": theme}).hit
        assert lane.read("/page/?show=", cookies={"theme": theme}) == theme
    assert lane.renders == 1 + 2 + 3


def test_one_odd_request_does_not_fill_the_recipe_of_a_path(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        named = [request.GET.get(name) for name in request.GET.get("show", "").split()]
        return HttpResponse(f"{request.GET.get('a')} {named}")

    lane.configure(MAX_INPUTS=5)
    lane.show(view)
    lane.get()
    odd = "/page/?show=" + "+".join(f"odd{number}" for number in range(3))
    assert lane.see(odd).reason == "widened"
    assert lane.see("/page/?show=b+c&b=1").reason == "widened"

    for _ in range(2):
        assert lane.read("/page/?show=b+c&b=1") == "None ['1', None]"
        assert lane.read("/page/?show=b+c&b=2") == "None ['2', None]"
        assert lane.read("/page/?a=1") == "1 []"
    assert lane.see("/page/?a=1").hit
    assert lane.see(odd.replace("odd2", "odd9")).reason is None


def test_page_with_more_inputs_than_a_recipe_holds_is_not_kept(lane: Lane) -> None:
    lane.configure(MAX_INPUTS=2)
    lane.show(showing(lambda request: [request.GET.get(name) for name in "abc"]))

    assert lane.see().reason == "too-many-inputs"
    assert not lane.see().hit


@pytest.mark.django_db(transaction=True)
@through(*(kind for kind in ALL if not kind.on_loop))
def test_what_a_view_writes_into_the_environment_reaches_the_server(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.META["site.note"] = "written"
        return HttpResponse("If-None-Match" in request.headers)

    lane.show(view)
    environ = RequestFactory().get("/page/", headers={"If-None-Match": '"x"'}).environ
    handler: Any = WSGIHandler()
    response = handler(environ, lambda *_: None)
    assert b"".join(response) == b"False"
    assert (environ["site.note"], environ["HTTP_IF_NONE_MATCH"]) == ("written", '"x"')
    response.close()


@pytest.mark.parametrize("decorate", [csrf_protect, requires_csrf_token])
def test_page_without_a_token_is_kept_where_a_decorator_looks_for_one(
    lane: Lane, decorate: Any
) -> None:
    lane.show(showing(lambda request: "hello"), decorate)
    assert [lane.read() for _ in range(2)] == ["hello", "hello"]
    assert lane.see().hit


@pytest.mark.parametrize("decorate", [csrf_protect, requires_csrf_token, ensure_csrf_cookie])
def test_each_visitor_has_a_token_of_their_own(lane: Lane, decorate: Any) -> None:
    lane.show(showing(get_token), decorate)
    assert len({lane.read() for _ in range(3)}) == 3


def test_each_visitor_has_a_cookie_for_the_token(lane: Lane) -> None:
    lane.show(showing(lambda request: "hello"), ensure_csrf_cookie)
    assert len({lane.get().cookies["csrftoken"].value for _ in range(3)}) == 3
