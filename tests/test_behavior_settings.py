"""One behavior in all lanes: what the settings, the decorators and the response say about a page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import ResolverMatch, include, path
from freezegun import freeze_time

from pagecache import cache_exempt, cache_page, invalidate, segment_by
from pagecache.bridge import routes
from pagecache.core.reasons import Reason
from tests.lanes import DECORATOR, MEMORY, MIDDLEWARE, Lane, cache, showing, status, text, through

hello = showing(lambda request: "hello")


def is_kept(lane: Lane, url: str = "/page/", **asked: Any) -> bool:
    """Whether a second visit is a hit; asks twice."""
    lane.get(url, **asked)
    return lane.see(url, **asked).hit


def include_blog(lane: Lane) -> Any:
    return path("blog/", include(([path("", lane.page(hello), name="list")], "blog"), "diary"))


PATTERNS = ["^/blog/", "/$", "name:diary:list", "namespace:diary", "app:blog"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_excluded_by(lane: Lane, pattern: str) -> None:
    lane.configure(EXCLUDE=[pattern])
    lane.mount(include_blog(lane), path("shop", lane.page(hello)))

    assert not is_kept(lane, "/blog/")
    assert lane.see("/blog/").reason == "excluded"
    assert is_kept(lane, "/shop")


CALLED: dict[str, dict[str, Any]] = {
    "name:diary:list": {"url_name": "list", "namespaces": ["diary"]},
    "namespace:diary": {"namespaces": ["diary"]},
    "app:blog": {"app_names": ["blog"]},
}


@pytest.mark.parametrize("pattern", CALLED)
def test_a_view_that_answers_by_an_excluded_name_is_judged_anew(
    pattern: str, settings: Any
) -> None:
    """Middleware may have put another URLconf in place."""
    settings.PAGECACHE = {"EXCLUDE": [pattern]}
    plain = ResolverMatch(hello, (), {}, url_name="hello")
    excluded = ResolverMatch(hello, (), {}, **CALLED[pattern])
    known = routes.judge("/page/", plain)

    assert known.reason is None
    assert routes.confirmed(known, "/page/", plain) is known
    assert routes.confirmed(known, "/page/", excluded).reason is Reason.EXCLUDED


@pytest.mark.parametrize("pattern", PATTERNS)
def test_included_by(lane: Lane, pattern: str) -> None:
    lane.configure(INCLUDE=[pattern])
    lane.mount(include_blog(lane), path("shop", lane.page(hello)))

    assert is_kept(lane, "/blog/")
    assert not is_kept(lane, "/shop")
    assert lane.see("/shop").reason == "excluded"


@through(*MIDDLEWARE)
def test_only_marked_views_are_kept_in_mode_decorated(lane: Lane) -> None:
    lane.configure(MODE="decorated")
    lane.mount(
        path("bare/", lane.page(hello)),
        path("marked/", lane.page(hello, timeout=60)),
    )

    assert lane.see("/bare/").reason == "unmarked"
    assert is_kept(lane, "/marked/")


@through(*DECORATOR)
def test_marked_views_are_kept_in_mode_decorated(lane: Lane) -> None:
    lane.configure(MODE="decorated")
    lane.show(hello)

    assert is_kept(lane)


@pytest.mark.parametrize("inside", [True, False])
def test_exempt_views_are_never_kept(lane: Lane, inside: bool) -> None:
    view = lane.page(hello, cache_exempt) if inside else lane.page(hello, outside=(cache_exempt,))
    lane.mount(path("page/", view))

    assert not is_kept(lane)
    assert lane.see().reason == "exempt"


def test_undecided_views_are_kept_beside_exempt_ones(lane: Lane) -> None:
    lane.mount(path("no/", lane.page(hello, cache_exempt)), path("yes/", lane.page(hello)))

    assert [is_kept(lane, "/no/"), is_kept(lane, "/yes/")] == [False, True]


def test_status_that_is_not_named_is_not_kept(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse("gone", status=410))

    assert not is_kept(lane)
    assert lane.see().reason == "status"


def test_status_that_is_named_is_kept(lane: Lane) -> None:
    lane.configure(STATUSES=[200, 410])
    lane.show(lambda request: HttpResponse("gone", status=410))

    assert is_kept(lane)
    answer = lane.get()
    assert (answer.status_code, text(answer)) == (410, "gone")


@pytest.mark.parametrize("size, kept", [(100, True), (101, False)])
def test_page_may_have_max_bytes(lane: Lane, size: int, kept: bool) -> None:
    lane.configure(MAX_BYTES=100)
    lane.show(lambda request: HttpResponse("x" * size))

    assert is_kept(lane) is kept


def test_too_large_page_says_so(lane: Lane) -> None:
    lane.configure(MAX_BYTES=3)
    lane.show(hello)

    assert lane.see().reason == "too-large"


SELDOM = "too-few-hits"


def reasons(lane: Lane, times: int, url: str = "/page/") -> list[str | None]:
    """Return what is said of so many visits; "hit" for one that the cache answered."""
    seen = [lane.see(url) for _ in range(times)]
    return ["hit" if one.hit else one.reason for one in seen]


def test_new_page_is_stored_when_it_is_asked_for_the_nth_time(lane: Lane) -> None:
    lane.configure(MIN_HITS=3)
    lane.show(hello)

    assert reasons(lane, 4) == [SELDOM, SELDOM, None, "hit"]


def test_rules_say_from_which_request_on_a_page_is_stored(lane: Lane) -> None:
    lane.configure(MIN_HITS=3, RULES=[{"match": "^/page/", "min_hits": 2}])
    lane.show(hello)

    assert reasons(lane, 3) == [SELDOM, None, "hit"]


def test_cache_page_says_so_before_rules(lane: Lane) -> None:
    lane.configure(MIN_HITS=3, RULES=[{"match": "^/page/", "min_hits": 2, "min_cost": 1000}])
    lane.show(hello, min_hits=1, min_cost=0)

    assert reasons(lane, 2) == [None, "hit"]


def test_page_that_takes_less_than_it_must_is_not_stored(lane: Lane) -> None:
    lane.configure(MIN_COST=1000)
    lane.show(hello)

    assert reasons(lane, 2) == ["too-cheap"] * 2


def test_page_that_takes_as_long_as_it_must_is_stored(lane: Lane) -> None:
    lane.configure(RULES=[{"match": "^/page/", "min_cost": 1e-9}])
    lane.show(hello)

    assert reasons(lane, 2) == [None, "hit"]


def test_time_that_a_template_takes_later_counts(lane: Lane) -> None:
    def late(request: HttpRequest) -> TemplateResponse:
        template: Any = engines["django"].from_string("{{ slow }}")
        return TemplateResponse(request, template, {"slow": lambda: clock.tick(5)})

    with freeze_time(real_asyncio=True) as clock:
        lane.configure(MIN_COST=5)
        lane.show(late)
        assert reasons(lane, 2) == [None, "hit"]


def test_streams_are_not_kept_and_arrive_whole(lane: Lane) -> None:
    lane.show(lambda request: StreamingHttpResponse(iter([b"one ", b"two"])))
    lane.get()

    again = lane.get()

    assert status(again).reason == "streaming"
    assert text(again) == "one two"


def test_what_the_view_raises_is_raised(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise LookupError("of the view")

    lane.show(view)

    for _ in range(2):
        with pytest.raises(LookupError, match="of the view"):
            lane.get()
    assert lane.renders == 2


def test_view_that_recovers_is_kept(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            raise LookupError
        return HttpResponse("well again")

    lane.show(view)
    with pytest.raises(LookupError):
        lane.get()

    assert is_kept(lane)
    assert lane.read() == "well again"


@pytest.mark.parametrize("name", ["token", "Signature", "API_KEY"])
def test_sensitive_parameters_bypass(lane: Lane, name: str) -> None:
    lane.show(hello)
    lane.get()

    said = lane.see(f"/page/?{name}=1")

    assert (said.forward, said.reason) == ("bypass", "sensitive-param")


def test_sensitive_parameters_are_the_sites_to_name(lane: Lane) -> None:
    lane.configure(SENSITIVE_PARAMS=["pin"])
    lane.show(hello)

    assert lane.see("/page/?pin=1").reason == "sensitive-param"
    assert is_kept(lane, "/page/?token=1")


@pytest.mark.parametrize("option", ["KEY_PREFIX", "RELEASE"])
def test_another_prefix_or_release_starts_afresh(lane: Lane, option: str) -> None:
    lane.configure(**{option: "one"})
    lane.show(hello)
    lane.get()
    lane.configure(**{option: "two"})
    other = lane.see()
    lane.configure(**{option: "one"})

    assert (other.hit, other.stored) == (False, True)
    assert lane.see().hit


def test_write_is_announced_to_every_release(lane: Lane) -> None:
    lane.configure(RELEASE="old")
    lane.show(hello, tags=["news"])
    lane.get()
    lane.configure(RELEASE="new")
    invalidate("news")
    lane.configure(RELEASE="old")

    assert not lane.see().hit


def test_invalidation_is_announced_while_disabled(lane: Lane) -> None:
    lane.show(hello, tags=["news"])
    lane.get()
    lane.configure(ENABLED=False)
    invalidate("news")
    lane.configure(ENABLED=True)

    assert not lane.see().hit


def test_key_prefix_of_the_view_keeps_pages_apart(lane: Lane) -> None:
    lane.show(hello, key_prefix="one")
    lane.get()
    lane.show(hello, key_prefix="two")

    assert not lane.see().hit
    assert lane.see().hit


def test_pages_live_in_the_cache_that_the_view_names(lane: Lane) -> None:
    lane.settings.CACHES = {**lane.settings.CACHES, "other": cache(MEMORY, "other")}
    lane.show(hello, cache="other", tags=["news"])

    assert is_kept(lane)
    invalidate("news")
    assert not lane.see().hit
    assert lane.see().hit
    caches["other"].clear()
    assert not lane.see().hit


def test_cache_page_takes_what_djangos_takes() -> None:
    decorated = cache_page(60 * 15, cache="default", key_prefix="site")(hello)

    assert decorated(HttpRequest()).content == b"hello"


@pytest.mark.parametrize("timeout", [-1, "60", True])
def test_cache_page_refuses_other_timeouts(timeout: Any) -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        cache_page(timeout)


@pytest.mark.parametrize(
    "arguments",
    [
        {"tags": "menu"},
        {"tags": [1]},
        {"downstream": -5},
        {"downstream": "60"},
        {"cache": 1},
        {"key_prefix": b""},
        {"min_hits": 0},
        {"min_hits": 1.5},
        {"min_cost": -1},
    ],
)
def test_cache_page_refuses_other_arguments(arguments: Any) -> None:
    (name,) = arguments
    with pytest.raises(TypeError, match=rf"cache_page\({name}=...\) takes"):
        cache_page(60, **arguments)


@pytest.mark.parametrize("function", ["pagecache.segments.by_group", None])
def test_segment_by_refuses_what_is_no_function(function: Any) -> None:
    with pytest.raises(TypeError, match="takes a function of a request"):
        segment_by(function)


def test_cache_page_without_parentheses_says_how_to_call_it() -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        cache_page(hello)  # type: ignore[arg-type]
