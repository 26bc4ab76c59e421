"""`RETURNING` on SQLite commits with the last row that is fetched: rows are fetched at once, then it is announced."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.announced import AUTHOR, Announced
from tests.site.factories import make_author

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def announced() -> Announced:
    return Announced()


RETURNING = (
    "INSERT INTO library_author (name, country) VALUES ('a', 'fr'), ('b', 'fr') RETURNING id"
)
FETCHES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda cursor: None,
    "fetchall": lambda cursor: cursor.fetchall(),
    "fetchone": lambda cursor: (cursor.fetchone(), cursor.fetchone(), cursor.fetchone()),
    "fetchmany": lambda cursor: cursor.fetchmany(5),
    "iteration": list,
    "the first row alone, and closed": lambda cursor: (cursor.fetchone(), cursor.close()),
    "nothing, and closed": lambda cursor: cursor.close(),
    "the next statement": lambda cursor: cursor.execute("SELECT 1"),
    "the next statements": lambda cursor: cursor.executemany(
        "UPDATE library_tag SET name = name WHERE name = %s", [("x",)]
    ),
}


@pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)
def test_a_returning_in_autocommit_is_announced_whatever_is_fetched(
    announced: Announced, fetch: Callable[[Any], Any]
) -> None:
    cursor = connection.cursor()
    cursor.execute(RETURNING)
    fetch(cursor)
    assert AUTHOR in announced()
    with suppress(Exception):
        cursor.close()


def test_a_returning_whose_cursor_is_dropped_is_announced(announced: Announced) -> None:
    cursor = connection.cursor()
    cursor.execute(RETURNING)
    del cursor
    gc.collect()
    assert announced() == {AUTHOR}


def test_others_never_see_a_returning_before_it_is_announced(announced: Announced) -> None:
    other = connection.copy()
    with connection.cursor() as cursor, other.cursor() as reader:
        cursor.execute(RETURNING)
        reader.execute("SELECT COUNT(*) FROM library_author")
        assert reader.fetchone() == (2,)
        assert announced() == {AUTHOR}
        cursor.fetchone()
    other.close()


def test_a_returning_that_fails_is_announced(announced: Announced) -> None:
    author = make_author()
    announced()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO library_author (id, name, country) VALUES (%s, 'a', 'fr') RETURNING id",
            [author.pk],
        )
    assert announced() == {AUTHOR}


def test_the_rows_of_a_returning_are_what_they_were() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RETURNING)
        first = cursor.fetchone()
        rest = cursor.fetchmany(1)
        assert cursor.fetchone() is None
        assert [column[0] for column in cursor.description] == ["id"]
        cursor.execute("SELECT id FROM library_author ORDER BY id")
        assert [first, *rest] == list(cursor.fetchall())


def test_the_rows_come_from_what_execute_gives_too() -> None:
    if connection.vendor == "mysql":
        return  # its driver gives a number
    with connection.cursor() as cursor:
        first, second = (row[0] for row in cursor.execute(RETURNING))
        assert cursor.execute(RETURNING).fetchmany() == [(second + 1,)]
        assert second == first + 1


def test_rows_of_a_returning_that_nobody_fetched_are_not_those_of_the_next_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RETURNING)
        cursor.execute("SELECT 7")
        assert list(cursor.fetchall()) == [(7,)]


def test_a_returning_in_a_transaction_waits_for_the_commit(announced: Announced) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RETURNING)
        cursor.fetchall()
        assert announced() == set()
    assert announced() == {AUTHOR}
