"""Whether a client has the page already, as RFC 9110 13 has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.conditions import entity_tags, is_known
from tests import http_cases

NOW = 784111777.5  # Sun, 06 Nov 1994 08:49:37 GMT, and a half


@pytest.mark.parametrize("case", http_cases.CONDITIONS, ids=http_cases.ids(http_cases.CONDITIONS))
def test_conditions_are_answered_by_the_book(case: http_cases.Condition) -> None:
    asked = {name: http_cases.dated(value, NOW) for name, value in case.asked.items()}
    fields = {name.lower(): http_cases.dated(value, NOW) for name, value in case.fields.items()}
    tags, since = asked.get("If-None-Match"), asked.get("If-Modified-Since")

    assert is_known(tags, since, fields, NOW) is case.is_known


def test_a_page_without_an_entity_tag_is_named_by_none() -> None:
    assert not is_known("*", None, {}, NOW)


def test_the_second_in_which_a_page_was_made_proves_nothing() -> None:
    """Another page of that second had the same date."""
    date = {"date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert not is_known(None, "Sun, 06 Nov 1994 08:49:37 GMT", date, NOW)
    assert is_known(None, "Sun, 06 Nov 1994 08:49:38 GMT", date, NOW)


@given(st.text('"W/ab, *\t', max_size=40))
def test_no_list_of_entity_tags_raises(value: str) -> None:
    assert all(tag.endswith('"') for tag in entity_tags(value))


def test_a_long_list_that_is_none_is_read_fast() -> None:
    assert entity_tags('"a"' + " , " * 5000 + "x") == ()
