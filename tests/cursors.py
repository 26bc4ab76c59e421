"""Ways to write and to read by methods of cursors that pass by the execute wrappers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from pagecache.tags import SITE
from tests.announced import AUTHOR

ROW = "('Colette', 'fr')"
INSERT = f"INSERT INTO library_author (name, country) VALUES {ROW}"
REFUSED = f"{INSERT}, (NULL, NULL)"


def script(cursor: Any) -> None:
    cursor.executescript(f"{INSERT}; UPDATE library_author SET country = 'be'")


def procedure(cursor: Any) -> None:
    cursor.callproc("add_author")


def copy_in(cursor: Any) -> None:
    with cursor.copy("COPY library_author (name, country) FROM STDIN") as copy:
        copy.write_row(("Colette", "fr"))


def refused_script(cursor: Any) -> None:
    cursor.executescript(f"{INSERT}; {REFUSED}")


def refused_stream(cursor: Any) -> None:
    list(cursor.stream(REFUSED))


def refused_procedure(cursor: Any) -> None:
    cursor.callproc("add_nobody")


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
REFUSALS: dict[str, Callable[[Any], None]] = {
    "sqlite": refused_script,
    "postgresql": refused_stream,
    "mysql": refused_procedure,
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
MADE = {
    "sqlite": [],
    "postgresql": [
        f"CREATE FUNCTION add_author() RETURNS void LANGUAGE sql AS $$ {INSERT} $$",
    ],
    "mysql": [
        f"CREATE PROCEDURE add_author() {INSERT}",
        f"CREATE PROCEDURE add_nobody() {REFUSED}",
    ],
}
UNMADE = {
    "sqlite": [],
    "postgresql": ["DROP FUNCTION add_author"],
    "mysql": ["DROP PROCEDURE add_author", "DROP PROCEDURE add_nobody"],
}


@contextmanager
def with_procedures() -> Iterator[None]:
    """Have the procedures that are called, where the database knows any."""
    with connection.cursor() as cursor:
        for text in MADE[connection.vendor]:
            cursor.execute(text)
        try:
            yield
        finally:
            for text in UNMADE[connection.vendor]:
                cursor.execute(text)
