"""How long a page is kept: who says so, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from pagecache.core.freshness import (
    capped,
    grace,
    initial_age,
    is_due_early,
    lifetime,
    overlap,
    shortened,
    stated_lifetime,
)
from pagecache.core.headers import cache_control
from pagecache.core.types import UNSET
from tests import http_cases

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT
IN_A_MINUTE = "Sun, 06 Nov 1994 08:50:37 GMT"
A_MINUTE_AGO = "Sun, 06 Nov 1994 08:48:37 GMT"

FORBIDS = {"no-store", "no-cache", "private"}

STATED: list[tuple[dict[str, str], Any]] = [
    ({}, UNSET),
    ({"cache-control": "public"}, UNSET),
    ({"cache-control": "max-age=60"}, 60.0),
    ({"cache-control": "max-age=60, s-maxage=10"}, 10.0),
    ({"cache-control": "max-age=60, s-maxage=junk"}, 0.0),
    ({"cache-control": "max-age=60", "expires": "0"}, 60.0),
    ({"expires": IN_A_MINUTE}, 60.0),
    ({"expires": IN_A_MINUTE, "date": A_MINUTE_AGO}, 120.0),
    ({"expires": IN_A_MINUTE, "date": "junk"}, 60.0),
    ({"expires": A_MINUTE_AGO}, 0.0),
    ({"expires": "0"}, 0.0),
]


@pytest.mark.parametrize("headers, life", STATED)
def test_the_response_states_its_own_freshness(headers: dict[str, str], life: Any) -> None:
    assert stated_lifetime(headers, NOW) == life


@pytest.mark.parametrize("case", http_cases.FRESHNESS, ids=http_cases.ids(http_cases.FRESHNESS))
def test_freshness_is_by_the_book(case: http_cases.Freshness) -> None:
    headers = {name.lower(): value for name, value in case.at(NOW).items()}
    said = lifetime(headers, NOW, NOW, stated=(UNSET, UNSET, http_cases.SITE), expires_at=None)
    assert initial_age(headers, NOW, NOW) == case.age
    if not FORBIDS.intersection(cache_control(headers.get("cache-control", ""))):
        assert said == case.life


@pytest.mark.parametrize("case", http_cases.FRESHNESS, ids=http_cases.ids(http_cases.FRESHNESS))
def test_a_site_without_a_timeout_keeps_what_the_response_allows(
    case: http_cases.Freshness,
) -> None:
    headers = {name.lower(): value for name, value in case.at(NOW).items()}
    said = lifetime(headers, NOW, NOW, stated=(UNSET, UNSET, 0), expires_at=None)
    if case.life == http_cases.SITE:
        assert said == 0


def test_time_on_the_way_adds_to_the_age() -> None:
    assert initial_age({"age": "7"}, NOW, NOW - 3.9) == 10
    assert initial_age({}, NOW, NOW - 0.9) == 0
    assert initial_age({}, NOW, NOW + 60) == 0  # the clock was set back
    assert initial_age({"date": A_MINUTE_AGO}, NOW, NOW - 3) == 60


@pytest.mark.parametrize(
    "timeout, status, most, life",
    [
        (300, 200, 60, 300),
        (300, 203, 60, 300),
        (None, 204, 60, None),
        (300, 404, 60, 60),
        (30, 404, 60, 30),
        (None, 301, 60, 60),
        (300, 410, None, 300),
        (300, 404, 0, 0),
        (UNSET, 404, 60, UNSET),
    ],
)
def test_what_is_not_there_is_kept_for_a_short_time(
    timeout: Any, status: int, most: Any, life: Any
) -> None:
    assert capped(timeout, status, most) == life


MAX_AGE = {"cache-control": "max-age=40"}
SAID: list[tuple[dict[str, Any], float | None]] = [
    ({}, 300.0),
    ({"default": None}, None),
    ({"headers": MAX_AGE}, 40.0),
    ({"headers": MAX_AGE, "default": 0}, 40.0),
    ({"headers": MAX_AGE | {"age": "15"}}, 25.0),
    ({"headers": MAX_AGE | {"age": "99"}}, 0.0),
    ({"headers": MAX_AGE, "rule": 500}, 500),
    ({"headers": MAX_AGE, "rule": None}, None),
    ({"headers": MAX_AGE, "rule": 500, "policy": 600}, 600),
    ({"headers": MAX_AGE, "rule": 500, "policy": 0}, 0),
    ({"rule": 500, "policy": None}, None),
    ({"expires_at": NOW + 20}, 20.0),
    ({"expires_at": NOW + 400}, 300.0),
    ({"expires_at": NOW - 1}, 0.0),
    ({"policy": None, "expires_at": NOW + 9}, 9.0),
]


@pytest.mark.parametrize("said, life", SAID)
def test_the_first_who_says_how_long_wins_and_expire_at_caps(
    said: dict[str, Any], life: float | None
) -> None:
    stated = (said.get("policy", UNSET), said.get("rule", UNSET), said.get("default", 300.0))
    headers, expires_at = said.get("headers", {}), said.get("expires_at")
    assert lifetime(headers, NOW, NOW, stated=stated, expires_at=expires_at) == life


@pytest.mark.parametrize("case", http_cases.GRACE, ids=http_cases.ids(http_cases.GRACE))
def test_a_page_stands_in_for_errors_as_long_as_the_book_says(case: http_cases.Grace) -> None:
    headers = {name.lower(): value for name, value in case.fields.items()}
    assert grace(headers, http_cases.SITE) == case.seconds


@pytest.mark.parametrize("case", http_cases.OVERLAP, ids=http_cases.ids(http_cases.OVERLAP))
def test_a_page_is_served_while_it_is_made_anew_as_long_as_the_book_says(
    case: http_cases.Grace,
) -> None:
    headers = {name.lower(): value for name, value in case.fields.items()}
    assert overlap(headers, http_cases.SITE) == case.seconds


@pytest.mark.parametrize(
    "life, share, draw, shorter",
    [(None, 0.5, 0.5, None), (60.0, 0, 0.9, 60.0), (60.0, 0.1, 0, 60.0), (60.0, 0.5, 0.5, 45.0)],
)
def test_a_lifetime_ends_earlier_by_chance(
    life: float | None, share: float, draw: float, shorter: float | None
) -> None:
    assert shortened(life, share, draw) == shorter


@pytest.mark.parametrize(
    "left, took, eagerness, draw, is_due",
    [
        (60.0, 1.0, 1.0, 0.5, False),
        (0.6, 1.0, 1.0, 0.5, True),
        (0.7, 1.0, 1.0, 0.5, False),
        (0.7, 1.0, 2.0, 0.5, True),
        (60.0, 1.0, 1.0, 0.0, False),
        (0.1, 0.0, 1.0, 0.999, False),
        (float("inf"), 9.0, 9.0, 0.999, False),
    ],
)
def test_a_page_is_due_early_by_what_it_took_and_chance(
    left: float, took: float, eagerness: float, draw: float, *, is_due: bool
) -> None:
    assert is_due_early(left, took, eagerness, draw) is is_due


def test_a_clock_that_was_set_back_meanwhile_makes_no_page_younger() -> None:
    assert initial_age({"age": "5"}, NOW, NOW + 3) == 5


def test_the_first_of_several_ages_is_taken_without_what_is_around_it() -> None:
    assert initial_age({"age": "5 , 7"}, NOW, NOW) == 5
