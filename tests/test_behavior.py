"""One behavior in all lanes: what is a hit, what is a miss, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.cache import patch_cache_control
from freezegun import freeze_time

from pagecache import expire_at, expire_in
from tests.lanes import ALL, MIDDLEWARE, Lane, showing, status, text, through

NOW = "2026-03-01T12:00:00+00:00"


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def fresh_for_a_minute(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("a minute")
    patch_cache_control(response, max_age=60)
    return response


def at(moment: str) -> Any:
    return freeze_time(moment, real_asyncio=True)


def test_first_visit_is_a_miss_and_stored(lane: Lane) -> None:
    lane.show(hello)

    first = lane.see()

    assert (first.forward, first.stored, first.ttl) == ("uri-miss", True, 300)


def test_second_visit_is_a_hit_without_a_render(lane: Lane) -> None:
    lane.show(hello)
    lane.get()

    second = lane.get()

    assert status(second).hit
    assert second.content == b"hello"
    assert lane.renders == 1


def test_every_path_has_a_page_of_its_own(lane: Lane) -> None:
    lane.mount(path("<slug:slug>/", lane.page(lambda request, slug: HttpResponse(slug))))

    assert [lane.read(f"/{slug}/") for slug in "abab"] == ["a", "b", "a", "b"]
    assert lane.renders == 2


def test_disabled_answers_by_the_view_and_says_so(lane: Lane) -> None:
    lane.configure(ENABLED=False)
    lane.show(hello)
    lane.get()

    second = lane.see()

    assert (second.forward, second.reason, second.stored) == ("bypass", "disabled", False)
    assert lane.renders == 2


@through(*MIDDLEWARE)
def test_timeout_holds_where_nothing_else_is_said(lane: Lane) -> None:
    lane.configure(TIMEOUT=120)
    lane.show(hello)

    assert lane.see().ttl == 120


def test_cache_page_comes_before_rules_and_the_site(lane: Lane) -> None:
    lane.configure(TIMEOUT=120, RULES=[{"match": "^/page/", "timeout": 60}])
    lane.show(fresh_for_a_minute, timeout=30)

    assert lane.see().ttl == 30


@through(*MIDDLEWARE)
def test_first_matching_rule_comes_before_the_response(lane: Lane) -> None:
    rules = [
        {"match": "^/other/", "timeout": 1},
        {"match": "name:page", "timeout": 90},
        {"match": "^/page/", "timeout": 2},
    ]
    lane.configure(RULES=rules)
    lane.show(fresh_for_a_minute)

    assert lane.see().ttl == 90


@through(*MIDDLEWARE)
def test_response_comes_before_the_site(lane: Lane) -> None:
    lane.show(fresh_for_a_minute)

    assert lane.see().ttl == 60


def test_timeout_none_keeps_without_limit(lane: Lane) -> None:
    lane.show(hello, timeout=None)
    first = lane.see()

    assert (first.stored, first.ttl) == (True, None)
    with freeze_time(timezone.now() + timedelta(hours=12), real_asyncio=True):
        assert lane.see().hit


def test_timeout_zero_keeps_nothing(lane: Lane) -> None:
    lane.show(hello, timeout=0)
    lane.get()

    assert lane.see().reason == "no-lifetime"
    assert lane.renders == 2


@through(*MIDDLEWARE)
def test_timeout_zero_of_the_site_leaves_it_to_the_response(lane: Lane) -> None:
    lane.configure(TIMEOUT=0)
    lane.mount(
        path("silent/", lane.page(hello)),
        path("fresh/", lane.page(fresh_for_a_minute)),
    )

    assert lane.see("/silent/").reason == "no-lifetime"
    assert lane.see("/fresh/").ttl == 60


@pytest.mark.parametrize("seconds, hit", [(59, True), (60, False)])
def test_page_ends_with_its_time(lane: Lane, seconds: int, hit: bool) -> None:
    with at(NOW) as clock:
        lane.show(hello, timeout=60)
        lane.get()
        clock.tick(seconds)

        assert lane.see().hit is hit


def test_an_ended_page_is_made_anew(lane: Lane) -> None:
    with at(NOW) as clock:
        lane.show(hello, timeout=60)
        lane.get()
        clock.tick(61)
        again = lane.see()

        assert (again.hit, again.stored, again.ttl) == (False, True, 60)
        assert lane.see().hit


def test_age_grows_with_time(lane: Lane) -> None:
    with at(NOW) as clock:
        lane.show(hello)
        fresh = lane.get()
        clock.tick(42)
        aged = lane.get()

    assert "Age" not in fresh
    assert aged["Age"] == "42"
    assert status(aged).ttl == 258


def test_expire_at_ends_the_page_earlier(lane: Lane) -> None:
    with at(NOW) as clock:
        lane.show(showing(lambda request: expire_at(_in_seconds(40))))
        assert lane.see().ttl == 40
        clock.tick(40)

        assert not lane.see().hit


def test_the_earliest_expiry_wins(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        expire_in(50)
        expire_in(20)
        expire_at(_in_seconds(30))
        return HttpResponse("three times")

    with at(NOW):
        lane.show(view)

        assert lane.see().ttl == 20


def test_expiry_in_the_past_is_not_stored(lane: Lane) -> None:
    lane.show(showing(lambda request: expire_in(-1)))

    assert lane.see().reason == "no-lifetime"


def test_expiry_outside_of_a_page_has_no_effect() -> None:
    expire_in(10)


def test_head_is_answered_from_a_stored_get(lane: Lane) -> None:
    lane.show(hello)
    lane.get()

    answer = lane.visitor().ask("head")

    assert status(answer).hit
    assert answer.content == b""
    assert lane.renders == 1


@through(*ALL)
def test_answer_to_head_has_the_length_of_the_page(lane: Lane) -> None:
    lane.show(hello)
    lane.get()

    answer = lane.visitor().ask("head")

    assert status(answer).hit
    assert answer["Content-Length"] == "5"


def test_answer_to_head_is_not_stored(lane: Lane) -> None:
    lane.show(hello)

    assert status(lane.visitor().ask("head")).reason == "head"
    assert text(lane.get()) == "hello"


def _in_seconds(seconds: int) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)
