"""Tags: what data, targets, paths and tables are called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pagecache.tags import MAX_TAG, page_tag, tag, tag_of, tags_of, tags_of_label, tags_of_model
from tests.site.models import Article, Author


@pytest.mark.parametrize("name", ["news", "blog.article:42", "é", "x" * MAX_TAG])
def test_a_plain_tag_is_kept_as_it_is(name: str) -> None:
    assert tag(name) == name


@pytest.mark.parametrize("name", ["x" * (MAX_TAG + 1), "a\nb", "\x00", "\udcff"])
def test_a_tag_that_is_long_or_not_printable_is_kept_as_a_digest(name: str) -> None:
    assert re.fullmatch("#[0-9a-f]{32}", tag(name))
    assert tag(name) != tag(name + "x")


def test_a_path_has_a_tag_that_no_other_name_has() -> None:
    assert page_tag("/a/") == "page:/a/"
    assert len(page_tag("/" + "a" * 5000)) < MAX_TAG


@pytest.mark.parametrize(
    "target, tags",
    [
        ("a", {"a"}),
        ("library.Article", {"library.article"}),
        (Article, {"library.article"}),
        (Article(), {"library.article"}),
        (Author, {"library.author"}),
    ],
)
def test_targets_are_tags_models_and_instances(target: Any, tags: set[str]) -> None:
    assert tags_of([target]) == tags


def test_a_tag_that_is_very_long_is_replaced_by_its_digest() -> None:
    (tag,) = tags_of(["x" * 1000])
    assert len(tag) < 50
    assert tags_of(["x" * 1000]) == {tag} != tags_of(["x" * 1001])


def test_tags_of_tables_and_models() -> None:
    assert tag_of("library_article") == "library.article"
    assert tag_of("library_article_tags") == "library.article_tags"
    assert tag_of("elsewhere") == "table:elsewhere"
    assert tags_of_model(Article) == {"library.article"}
    assert tags_of_label("library.Article") == {"library.article"}
    assert tags_of_label("library.article") == {"library.article"}
    for name in ("news", "library.Nothing", "a.b.c", ""):
        assert tags_of_label(name) == {name}
