"""The bounded memo, and what a refusal says."""

from __future__ import annotations

import pytest

from pagecache.core.reasons import Reason
from pagecache.core.types import (
    COOKIE,
    QUERY,
    QUERY_STRING,
    Input,
    Refused,
    remember,
    without_covered,
)


def test_a_memo_drops_the_oldest_beyond_its_limit() -> None:
    memo: dict[str, int] = {}
    for number, key in enumerate("abc"):
        assert remember(memo, key, number, 2) == number
    assert memo == {"b": 1, "c": 2}


def test_a_memo_that_is_full_takes_a_new_value_for_a_known_key() -> None:
    memo = {"a": 1, "b": 2}
    remember(memo, "a", 3, 2)
    assert memo == {"a": 3, "b": 2}


def test_a_memo_without_room_keeps_the_last() -> None:
    memo: dict[str, int] = {}
    remember(memo, "a", 1, 0)
    assert memo == {"a": 1}


class Raced(dict[str, int]):
    """A memo whose oldest key another thread drops first."""

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        raise KeyError(key)


def test_a_thread_that_was_faster_does_no_harm() -> None:
    memo = Raced(a=1)
    remember(memo, "b", 2, 1)
    assert memo == {"b": 2}


def test_a_whole_query_string_covers_its_parameters() -> None:
    parameter, cookie, whole = Input(QUERY, "a"), Input(COOKIE, "a"), Input(QUERY_STRING)
    assert without_covered(frozenset({parameter, cookie})) == {parameter, cookie}
    assert without_covered(frozenset({parameter, cookie, whole})) == {cookie, whole}


def test_a_refusal_names_its_reason() -> None:
    with pytest.raises(Refused, match="set-cookie") as raised:
        raise Refused(Reason.SET_COOKIE)
    assert raised.value.reason is Reason.SET_COOKIE
