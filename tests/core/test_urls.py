"""Patterns match a path, or what the URLconf calls its view."""

from __future__ import annotations

import re

import pytest

from pagecache.core.types import Policy, Resolved
from pagecache.core.urls import compile_pattern, matches_any

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
