"""Methods of cursors that pass by the execute wrappers are seen too, on whatever database this runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from django.db import DatabaseError, NotSupportedError, connection, transaction

from pagecache.core.reasons import Reason
from pagecache.database import UNSEEN
from pagecache.recording.recorder import Recorder, recording
from pagecache.tags import SITE
from tests.announced import AUTHOR, Announced
from tests.cursors import READS, WRITES, with_procedures
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

writes_here = pytest.mark.parametrize("name", WRITES[connection.vendor])


@pytest.fixture(autouse=True)
def _with_procedures() -> Iterator[None]:
    make_author()
    with with_procedures():
        yield


@pytest.mark.parametrize("debug", [False, True])
@writes_here
def test_a_write_is_announced_once_it_took_effect(name: str, debug: bool) -> None:
    write, tags = WRITES[connection.vendor][name]
    announced = Announced()
    connection.force_debug_cursor = debug
    try:
        with connection.cursor() as cursor:
            write(cursor)
    finally:
        connection.force_debug_cursor = False
    assert announced() == tags
    assert Author.objects.filter(name="Colette").exists()


@writes_here
def test_a_write_in_a_transaction_is_announced_when_it_commits(name: str) -> None:
    write, tags = WRITES[connection.vendor][name]
    announced = Announced()
    with transaction.atomic(), connection.cursor() as cursor:
        write(cursor)
        assert announced() == (tags if SITE in tags else set())
    assert announced() == tags


@writes_here
def test_a_page_that_writes_so_is_not_stored(name: str) -> None:
    write, tags = WRITES[connection.vendor][name]
    render = Recorder()
    with recording(render), connection.cursor() as cursor:
        write(cursor)
    assert (Reason.OPAQUE_SQL if SITE in tags else Reason.WROTE) in render.refusals


@writes_here
def test_the_rows_of_a_query_before_are_not_taken_for_its_own(name: str) -> None:
    """Which a page that fetched a single row has fetched already."""
    write, _ = WRITES[connection.vendor][name]
    with recording(Recorder()), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM library_author WHERE id = %s", [Author.objects.get().pk])
        write(cursor)
        with suppress(DatabaseError, cast(Any, connection).Database.Error):  # none has any left
            assert not any(row[0] for row in cursor.fetchall() if row)


@pytest.mark.parametrize("name", READS[connection.vendor])
def test_a_page_that_reads_so_depends_on_what_it_read(name: str) -> None:
    render, announced = Recorder(), Announced()
    with recording(render), connection.cursor() as cursor:
        READS[connection.vendor][name](cursor)
    assert (render.tags, render.refusals) == ({AUTHOR}, {})
    assert announced() == set()


def test_a_routine_that_is_declared_touches_nothing(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ROUTINES": ["add_author"]}
    render, announced = Recorder(), Announced()
    with (
        recording(render),
        connection.cursor() as cursor,
        suppress(NotSupportedError, AttributeError),
    ):
        cast(Any, cursor).callproc("add_author")  # SQLite has no procedures
    assert (announced(), render.refusals) == (set(), {})


def test_cursors_have_no_more_methods_than_their_driver_gives_them() -> None:
    with connection.cursor() as cursor:
        for name in UNSEEN:
            assert hasattr(cursor, name) is (hasattr(cursor.cursor, name) or name == "callproc")
