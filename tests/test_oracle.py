"""Whenever a write changes the answer of a query, both have a tag in common: a real database is the judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pagecache import rows
from tests.oracle import missed, report

pytestmark = pytest.mark.django_db(transaction=True)

SEED, PAIRS, MORE = 42, 500, 1500


def test_no_write_that_changes_an_answer_is_missed() -> None:
    seen = report(SEED, PAIRS)
    print(dict(seen))
    assert missed(seen) == []
    assert seen["pairs"] == PAIRS
    assert seen["changed"] > 20, "some writes change some answers"
    assert seen["by row"] > 50, "some queries read single rows"
    assert seen["kept"] > 100, "some writes drop nothing of what was read"


# Its teeth: with one rule taken away it finds a miss


def test_teeth_the_rows_of_a_write_are_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagecache.tags.rows_written", lambda *_: set())
    assert missed(report(SEED, MORE))


def test_teeth_a_row_that_was_not_found_is_no_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows.Lookup.tags

    def careless(self: rows.Lookup, some: Any, _most: int) -> Any:
        return found(self, some, len(some))

    monkeypatch.setattr(rows.Lookup, "tags", careless)
    assert missed(report(SEED, MORE))


def test_teeth_any_column_is_taken_for_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = rows._shape

    def careless(model: Any) -> Any:
        made = shape(model)
        return made and replace(made, unique=tuple(frozenset({name}) for name in made.types))

    monkeypatch.setattr(rows, "_shape", careless)
    monkeypatch.setattr(rows.Lookup, "tags", lambda self, some, _: _rows_of(self, some))
    assert missed(report(SEED, MORE))


def _rows_of(lookup: rows.Lookup, found: Any) -> dict[rows.Shape, set[str]]:
    """Return the rows that were found, however many."""
    places = lookup.places
    return {
        place.shape: {tag for row in found if (tag := place.shape.row(row[place.key]))}
        for place in places
    }
