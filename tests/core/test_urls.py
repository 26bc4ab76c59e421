"""Patterns match a path, or what the URLconf calls its view; a URL in a response is of the same origin, or is not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.types import Policy, Resolved
from pagecache.core.urls import compile_pattern, matches_any, path_within_origin
from tests import http_cases

VIEW = Resolved("blog:post:detail", ("blog", "post"), ("weblog",), False, Policy())
PATH = "/blog/2024/"

MATCHING = [
    "blog",
    "^/blog/",
    r"\d{4}/$",
    "name:blog:post:detail",
    "namespace:post",
    "app:weblog",
    "",
]
OTHERS = [
    "^blog",
    "/Blog/",
    "name:detail",
    "namespace:weblog",
    "app:blog",
    "names:x",
    "name:",
    "app",
    "name",
]


@pytest.mark.parametrize("pattern", MATCHING)
def test_a_pattern_matches(pattern: str) -> None:
    assert compile_pattern(pattern)(PATH, VIEW)


@pytest.mark.parametrize("pattern", OTHERS)
def test_a_pattern_does_not_match(pattern: str) -> None:
    assert not compile_pattern(pattern)(PATH, VIEW)


def test_a_bad_expression_is_refused() -> None:
    with pytest.raises(re.error):
        compile_pattern("[")


def test_one_pattern_that_matches_is_enough() -> None:
    assert matches_any(map(compile_pattern, (*OTHERS, "blog")), PATH, VIEW)
    assert not matches_any(map(compile_pattern, OTHERS), PATH, VIEW)
    assert not matches_any((), PATH, VIEW)


TARGET = "http://testserver/page/"


@pytest.mark.parametrize("case", http_cases.CHANGES, ids=http_cases.ids(http_cases.CHANGES))
def test_a_url_is_of_the_same_origin_or_none_of_ours(case: http_cases.Change) -> None:
    paths = {path_within_origin(value, TARGET) for value in case.fields.values()}

    if case.status < 400:
        assert ("/other/é/" in paths) is case.drops


def test_the_path_of_a_host_alone_is_the_root() -> None:
    assert path_within_origin("http://testserver", TARGET) == "/"


@given(st.text("ht:/[]@.?#%é5", max_size=20))
def test_no_url_raises(reference: str) -> None:
    assert path_within_origin(reference, TARGET) != ""
