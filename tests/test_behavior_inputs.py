"""One behavior in all lanes: what a page reads of its request keys it, and what nobody reads splits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from tests.lanes import STOCK, Lane, showing, status, text

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


def test_page_with_more_inputs_than_a_recipe_holds_is_not_kept(lane: Lane) -> None:
    lane.configure(MAX_INPUTS=2)
    lane.show(showing(lambda request: [request.GET.get(name) for name in "abc"]))

    assert lane.see().reason == "too-many-inputs"
    assert not lane.see().hit
