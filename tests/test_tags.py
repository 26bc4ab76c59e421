"""Tags: what data, targets, paths and tables are called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pagecache import rows, tags
from pagecache.core.footprint import footprint
from pagecache.events import settings_reloaded
from pagecache.tags import (
    MAX_TAG,
    canonical,
    page_tag,
    tag,
    tag_of,
    tags_changed,
    tags_of,
    tags_read,
    tags_to_drop,
    tags_told,
)
from tests.site.models import Article, Author, Badge, Feature, Writer


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


UUID = "0b7e54f2-8a1c-4c1b-9d3b-3f6f2f0c8a11"


@pytest.mark.parametrize(
    "target, read, changed",
    [
        ("a", "a", "a"),
        ("a:1", "a:1", "a:1"),
        ("table:a", "table:a", "table:a table:a:*"),
        ("library.Article", "library.article", "library.article library.article:*"),
        (Article, "library.article", "library.article library.article:*"),
        (Author, "library.author", "library.author library.author:*"),
        (Article(), "library.article", "library.article library.article:*"),
        (
            Article(pk=7),
            "library.article:7 library.article:*",
            "library.article library.article:7",
        ),
        (
            "library.article:7",
            "library.article:7 library.article:*",
            "library.article library.article:7",
        ),
        ("library.article:first", "library.article:first", "library.article:first"),
        (
            Badge(pk=UUID),
            f"library.badge:{UUID} library.badge:*",
            f"library.badge library.badge:{UUID}",
        ),
        (
            Feature(pk=7, id=7),
            "library.article:7 library.article:* library.feature:7 library.feature:*",
            "library.article library.article:7 library.feature library.feature:7",
        ),
        (
            Feature,
            "library.article library.feature",
            "library.article library.article:* library.feature library.feature:*",
        ),
        # Swapped: what stands in its place has the rows.
        (Writer, "library.author", "library.author library.author:*"),
        ("library.Writer", "library.author", "library.author library.author:*"),
        (
            "library.writer:7",
            "library.author:7 library.author:*",
            "library.author library.author:7",
        ),
        (Writer(pk=7), "library.author:7 library.author:*", "library.author library.author:7"),
    ],
)
def test_targets_are_tags_models_rows_and_instances(target: Any, read: str, changed: str) -> None:
    assert tags_of([target]) == set(read.split())
    assert tags_to_drop([target]) == set(changed.split())


def test_a_tag_that_is_very_long_is_replaced_by_its_digest() -> None:
    (tag,) = tags_of(["x" * 1000])
    assert len(tag) < 50
    assert tags_of(["x" * 1000]) == {tag} != tags_of(["x" * 1001])


def test_tags_of_tables_and_models() -> None:
    assert tag_of("library_article") == "library.article"
    assert tag_of("library_article_tags") == "library.article_tags"
    assert tag_of("elsewhere") == "table:elsewhere"
    for name in ("news", "library.Nothing", "a.b.c", ""):
        assert tags_of([name]) == tags_to_drop([name]) == {name}


def test_the_canonical_name_of_a_tag_needs_no_app() -> None:
    assert canonical("library.article") == "table:library_article"
    assert canonical("library.article:42") == "table:library_article:42"
    assert canonical("library.article:*") == "table:library_article:*"
    for name in ("news", "news:42", "table:library_article", "page:/a/"):
        assert canonical(name) == name


@pytest.mark.parametrize("module", [tags, rows])
def test_everything_that_is_remembered_is_forgotten_with_the_settings(module: Any) -> None:
    read = footprint("SELECT id FROM library_author WHERE id = 1", "sqlite")
    assert tags_read(read)
    assert tags_changed(footprint("DELETE FROM library_author", "sqlite"), [None])
    memos = [memo for memo in vars(module).values() if hasattr(memo, "cache_clear")]
    assert memos
    settings_reloaded.send(None)
    assert {memo.__name__: memo.cache_info().currsize for memo in memos} == {
        memo.__name__: 0 for memo in memos
    }


@pytest.mark.parametrize(
    "keys, told",
    [
        (None, {"library.article", "library.article:*"}),
        ([], {"library.article"}),
        (["1", "2"], {"library.article", "library.article:1", "library.article:2"}),
        (["1", "x"], {"library.article", "library.article:*"}),
        (list(map(str, range(101))), {"library.article", "library.article:*"}),
    ],
)
def test_what_is_told_of_a_table(keys: list[str] | None, told: set[str]) -> None:
    assert tags_told("library_article", keys, deleted=True) == told


def test_what_is_told_of_others_tables() -> None:
    assert tags_told("events", [], deleted=False) == {"table:events"}
    assert tags_told("events", ["1"], deleted=True) == {"table:events", "table:events:*"}


def test_ignored_tables_mean_nothing() -> None:
    assert tags_told("django_session", None, deleted=True) == frozenset()


def test_aliases_mean_what_they_are_made_of(settings: Any) -> None:
    settings.PAGECACHE = {"ALIASES": {"library_comment": ["library_article"]}}
    assert tags_told("library_comment", ["1"], deleted=False) == {
        "library.comment",
        "library.comment:*",
        "library.article",
        "library.article:*",
    }
