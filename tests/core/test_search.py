"""By which query parameters a page does not differ."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.search import ALL, no_vary_search
from pagecache.core.types import COOKIE, HEADER, META, QUERY, QUERY_STRING, VARY, Input

SEARCHES = [
    ([], "key-order, params"),
    ([Input(COOKIE, "theme")], "key-order, params"),
    ([Input(QUERY, "page")], 'key-order, params, except=("page")'),
    ([Input(QUERY, "q"), Input(QUERY, "a b")], 'key-order, params, except=("a%20b" "q")'),
    ([Input(QUERY, "")], 'key-order, params, except=("")'),
    ([Input(QUERY, 'x"\\')], 'key-order, params, except=("x%22%5C")'),
    ([Input(QUERY, "é")], None),
    ([Input(QUERY, "a\n")], None),
    ([Input(META, "SERVER_NAME"), Input(HEADER, "accept"), Input(VARY, "cookie")], ALL),
    ([Input(META, "REQUEST_URI")], None),
    ([Input(HEADER, "x-original-url")], None),
    ([Input(VARY, "x-original-uri")], None),
    ([Input(QUERY_STRING)], None),
    ([Input(QUERY_STRING), Input(QUERY, "q")], None),
]


@pytest.mark.parametrize("inputs, field", SEARCHES)
def test_a_page_does_not_differ_by_what_it_did_not_read(
    inputs: list[Input], field: str | None
) -> None:
    assert no_vary_search(inputs) == field


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=9))
def test_a_name_is_read_as_in_a_query(name: str) -> None:
    field = no_vary_search([Input(QUERY, name)]) or ""
    assert unquote_plus(field.partition('("')[2].removesuffix('")')) == name
