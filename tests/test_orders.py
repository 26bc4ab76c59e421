"""The order of middleware: what docs/middleware.md says of each place, by running that order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils.translation import get_language

from pagecache import depends_on, invalidate
from tests.lanes import MEMORY, MIDDLEWARE, PAGECACHE, STOCK, Lane, showing, status, text

LANES, ON = MIDDLEWARE, (MEMORY,)
SECURITY = "django.middleware.security.SecurityMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
UPDATE, FETCH = (
    f"django.middleware.cache.{name}CacheMiddleware" for name in ("Update", "FetchFrom")
)
CSP = "csp.middleware.CSPMiddleware"

# The tests of each row of the table: before pagecache, and behind.
HELD = {
    "SecurityMiddleware": ("test_security_before", "test_security_behind"),
    "SessionMiddleware": ("test_session_before", "test_session_behind"),
    "LocaleMiddleware": ("test_locale_before", "test_locale_behind"),
    "GZipMiddleware": ("test_gzip_before", "test_gzip_behind"),
    "ConditionalGetMiddleware": ("test_conditional_get_before", "test_conditional_get_behind"),
    "UpdateCacheMiddleware, FetchFromCacheMiddleware": (
        "test_djangos_cache_before",
        "test_djangos_cache_behind",
    ),
    "ContentSecurityPolicyMiddleware, CSPMiddleware (django-csp)": (
        "test_nor_where_the_policy_is_added_outside",
        "test_two_answers_never_have_the_same_nonce",
    ),
    "CorsMiddleware (django-cors-headers)": ("test_cors_before", "test_cors_behind"),
    "WhiteNoiseMiddleware": ("test_whitenoise_before", "test_whitenoise_behind"),
    "DebugToolbarMiddleware": (
        "test_toolbar_tells_of_its_own_request",
        "test_pages_are_the_same_for_everybody",
    ),
}
ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs" / "middleware.md").read_text()
ROWS = re.findall(r"^\| `?(?!-|middleware)([^|]+?) \| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE)
TESTS = {
    name
    for file in (ROOT / "tests").rglob("*.py")
    for name in re.findall(r"def (test_\w+)\(", file.read_text())
}


def test_each_place_in_the_table_has_its_test() -> None:
    assert {name.replace("`", "") for name, *_ in ROWS} == HELD.keys()
    assert {test for tests in HELD.values() for test in tests} <= TESTS


def arrange(lane: Lane, *before: str, behind: tuple[str, ...] = ()) -> None:
    """Have these before pagecache and those right behind it, and the rest of the stock ones as they stand."""
    rest = [name for name in STOCK if name not in {*before, *behind}]
    lane.settings.MIDDLEWARE = [*before, PAGECACHE, *behind, *rest]


def sending(lane: Lane, body: str = "page", **fields: str) -> None:
    lane.show(lambda request: HttpResponse(body, headers=fields))


def hold_security(lane: Lane) -> None:
    lane.settings.SECURE_SSL_REDIRECT = True
    sending(lane)
    for is_kept in (False, True):
        plain, secure = lane.get(), lane.get(secure=True)
        assert (plain.status_code, plain["Location"]) == (301, "https://testserver/page/")
        assert (text(secure), secure["X-Content-Type-Options"]) == ("page", "nosniff")
        assert status(secure).hit is is_kept


def test_security_before(lane: Lane) -> None:
    arrange(lane, SECURITY)
    hold_security(lane)
    lane.settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    lane.configure()  # loads the middleware anew; what is stored stays

    answer = lane.get(secure=True)

    assert (status(answer).hit, answer.has_header("X-Content-Type-Options")) == (True, False)


def test_security_behind(lane: Lane) -> None:
    arrange(lane, behind=(SECURITY,))
    hold_security(lane)


def hold_sessions(lane: Lane) -> None:
    lane.show(showing(lambda request: request.session.get("name")))
    assert [lane.see().hit for _ in range(2)] == [False, True]
    known = lane.visitor(sessionid="x" * 32)
    assert status(known.get()).reason == "session-cookie"
    assert lane.see().hit


@pytest.mark.django_db(transaction=True)
def test_session_before(lane: Lane) -> None:
    arrange(lane, SESSION)
    hold_sessions(lane)


@pytest.mark.django_db(transaction=True)
def test_session_behind(lane: Lane) -> None:
    arrange(lane, behind=(SESSION,))
    hold_sessions(lane)


def hold_languages(lane: Lane) -> None:
    lane.show(showing(lambda request: get_language()))
    for at, language in enumerate(("de", "en") * 2):
        answer = lane.get(headers={"Accept-Language": f"{language},x;q=0.{at}"})
        assert (text(answer), answer["Content-Language"]) == (language, language)
        assert "Accept-Language" in answer["Vary"]
        assert status(answer).hit is (at > 1), "one page for each language"


def test_locale_before(lane: Lane) -> None:
    arrange(lane, LOCALE)
    hold_languages(lane)


def test_locale_behind(lane: Lane) -> None:
    arrange(lane, behind=(LOCALE,))
    hold_languages(lane)


LONG = "the same words " * 100
FIELDS = ("gzip", "gzip, br", "br")


def packed(lane: Lane) -> list[bool]:
    """Who gets the page compressed, of clients with several fields."""
    answers = [lane.get(headers={"Accept-Encoding": field}) for field in FIELDS * 2]
    assert all("Accept-Encoding" in answer["Vary"] for answer in answers)
    assert all(status(answer).hit for answer in answers[len(FIELDS) :])
    return [answer.has_header("Content-Encoding") for answer in answers]


def show_form(lane: Lane) -> None:
    template = engines["django"].from_string("{% csrf_token %}" + LONG)
    lane.show(lambda request: HttpResponse(template.render({}, request)))


def is_form_packed(lane: Lane) -> bool:
    show_form(lane)
    answers = [lane.get(headers={"Accept-Encoding": "gzip"}) for _ in range(2)]
    assert status(answers[1]).hit
    return answers[1].has_header("Content-Encoding")


def test_gzip_before(lane: Lane) -> None:
    arrange(lane, GZIP)
    sending(lane, LONG)
    assert (packed(lane), lane.renders) == ([True, True, False] * 2, 1)
    lane.configure(KEY_PREFIX="forms")
    assert is_form_packed(lane)


def test_gzip_behind(lane: Lane) -> None:
    arrange(lane, behind=(GZIP,))
    sending(lane, LONG)
    lane.get()
    assert (packed(lane), lane.renders) == ([True, True, False] * 2, 1 + len(FIELDS))
    lane.configure(KEY_PREFIX="forms")
    assert not is_form_packed(lane)


def hold_conditions(lane: Lane) -> None:
    sending(lane)
    tag = lane.get()["ETag"]
    for _ in range(2):
        known = lane.get(headers={"If-None-Match": tag})
        assert (known.status_code, known["ETag"], known.content) == (304, tag, b"")
        assert status(known).hit
    assert lane.renders == 1


def test_conditional_get_before(lane: Lane) -> None:
    arrange(lane, CONDITIONAL)
    hold_conditions(lane)


def test_conditional_get_behind(lane: Lane) -> None:
    arrange(lane, behind=(CONDITIONAL,))
    hold_conditions(lane)


def reads_of_old_data(lane: Lane) -> list[str]:
    data = {"value": "old"}

    def view(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        return HttpResponse(data["value"], headers={"Cache-Control": "max-age=60"})

    lane.show(view)
    lane.get()
    data["value"] = "new"
    invalidate("data")
    return [lane.read() for _ in range(2)]


def test_djangos_cache_before(lane: Lane) -> None:
    arrange(lane, UPDATE, FETCH)
    assert reads_of_old_data(lane) == ["old", "old"]


def test_djangos_cache_behind(lane: Lane) -> None:
    arrange(lane, behind=(UPDATE, FETCH))
    assert reads_of_old_data(lane) == ["old", "old"]


def test_without_djangos_cache_no_data_is_old(lane: Lane) -> None:
    assert reads_of_old_data(lane) == ["new", "new"]
