"""What a request says to caches, as RFC 9111 5.2.1 has it."""

from __future__ import annotations

import math

import pytest

from pagecache.core.directives import allow, directives
from tests import http_cases


@pytest.mark.parametrize("case", http_cases.ASKING, ids=http_cases.ids(http_cases.ASKING))
def test_requests_are_obeyed_by_the_book(case: http_cases.Asking) -> None:
    stated = directives(case.asked.get("Cache-Control"), case.asked.get("Pragma", ""))

    assert allow(stated, 100.5, 299.5) is case.is_answered


@pytest.mark.parametrize("case", http_cases.ENDED, ids=http_cases.ids(http_cases.ENDED))
def test_a_page_that_has_ended_is_for_who_does_not_mind(case: http_cases.Asking) -> None:
    assert allow(directives(case.asked.get("Cache-Control"), ""), 100.0, -30.0) is case.is_answered


def test_a_page_without_an_end_is_fresh_enough() -> None:
    assert allow({"min-fresh": ("9" * 30,)}, 0.0, math.inf)


def test_an_empty_cache_control_stands_before_pragma() -> None:
    assert directives("", "no-cache") == {}
