"""How long a page is kept: who says so, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from pagecache.core.freshness import current_age, lifetime, stated_lifetime
from pagecache.core.types import UNSET

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT
IN_A_MINUTE = "Sun, 06 Nov 1994 08:50:37 GMT"
A_MINUTE_AGO = "Sun, 06 Nov 1994 08:48:37 GMT"

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


@pytest.mark.parametrize("age, seconds", [("7", 7.0), (" 7 ", 7.0), ("-7", 0.0), ("junk", 0.0)])
def test_a_response_comes_with_an_age(age: str, seconds: float) -> None:
    assert current_age({"age": age}) == seconds
    assert current_age({}) == 0.0


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
    assert lifetime(headers, NOW, stated=stated, expires_at=expires_at) == life
