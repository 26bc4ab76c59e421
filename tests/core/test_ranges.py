"""What part of a page a client asks for, as RFC 9110 14 has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.ranges import holds, wanted
from tests import http_cases

NOW = 784111777.5  # Sun, 06 Nov 1994 08:49:37 GMT, and a half
PAGE = "0123456789"


@pytest.mark.parametrize("case", http_cases.PARTS, ids=http_cases.ids(http_cases.PARTS))
def test_parts_are_found_by_the_book(case: http_cases.Part) -> None:
    asked = {name: http_cases.dated(value, NOW) for name, value in case.asked.items()}
    fields = {name.lower(): http_cases.dated(value, NOW) for name, value in case.fields.items()}
    part = wanted(asked.get("Range", ""), len(PAGE))
    if "If-Range" in asked and not holds(asked["If-Range"], fields, NOW):
        part = None

    assert (None if part is None else PAGE[part.start : part.stop]) == case.part


@given(st.text("bytes=-0123456789, ", max_size=20), st.integers(0, 20))
def test_a_part_is_within_the_page(value: str, size: int) -> None:
    part = wanted(value, size)
    assert not part or 0 <= part.start < part.stop <= size


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=-1", "bytes=5-"])
def test_an_empty_page_has_no_parts(value: str) -> None:
    assert wanted(value, 0) is None
