"""Methods of cursors that pass by the execute wrappers are seen too, on whatever database this runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from django.db import NotSupportedError, connection, transaction

from pagecache.core.reasons import Reason
from pagecache.database import UNSEEN
from pagecache.recording.recorder import Recorder, recording
from pagecache.tags import SITE
from tests.announced import AUTHOR, Announced
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

ROW = "('Colette', 'fr')"
INSERT = f"INSERT INTO library_author (name, country) VALUES {ROW}"


def script(cursor: Any) -> None:
    cursor.executescript(f"{INSERT}; UPDATE library_author SET country = 'be'")


def procedure(cursor: Any) -> None:
    cursor.callproc("add_author")


def copy_in(cursor: Any) -> None:
    with cursor.copy("COPY library_author (name, country) FROM STDIN") as copy:
        copy.write_row(("Colette", "fr"))


def execute(cursor: Any) -> None:
    cursor.execute("SELECT name FROM library_author")


def copy_out(cursor: Any) -> None:
    with cursor.copy("COPY library_author (name) TO STDOUT") as copy:
        assert list(copy.rows())


def stream(cursor: Any) -> None:
    assert list(cursor.stream(f"{INSERT} RETURNING name")) == [("Colette",)]


def stream_row(cursor: Any) -> None:
    assert not list(cursor.stream("SELECT id, name FROM library_author WHERE id = 0"))


def stream_out(cursor: Any) -> None:
    assert list(cursor.stream("SELECT name FROM library_author"))


WRITES: dict[str, dict[str, tuple[Callable[[Any], None], set[str]]]] = {
    "sqlite": {"executescript": (script, {SITE})},
    "postgresql": {
        "callproc": (procedure, {SITE}),
        "copy": (copy_in, {AUTHOR}),
        "stream": (stream, {AUTHOR}),
    },
    "mysql": {"callproc": (procedure, {SITE})},
}
READS: dict[str, dict[str, Callable[[Any], None]]] = {
    "sqlite": {"execute": execute},
    "postgresql": {
        "execute": execute,
        "copy": copy_out,
        "stream": stream_out,
        "stream row": stream_row,
    },
    "mysql": {"execute": execute},
}
PROCEDURES = {
    "postgresql": f"CREATE FUNCTION add_author() RETURNS void LANGUAGE sql AS $$ {INSERT} $$",
    "mysql": f"CREATE PROCEDURE add_author() {INSERT}",
}
writes_here = pytest.mark.parametrize("name", WRITES[connection.vendor])


@pytest.fixture(autouse=True)
def _with_a_procedure() -> Any:
    make_author()
    create = PROCEDURES.get(connection.vendor)
    if create is None:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(create)
        yield
        kind = "FUNCTION" if connection.vendor == "postgresql" else "PROCEDURE"
        cursor.execute(f"DROP {kind} add_author")


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
