"""A COMMIT, or a write that commits by itself, whose end nobody learns: what it may have written is announced.

On whatever database this runs: servers are left in the lurch by a cut line and kill sessions; SQLite refuses.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from django.db import Error, connection, transaction

from pagecache.writes import writes
from tests.announced import AUTHOR, Announced
from tests.lanes import status
from tests.lines import Line, line_to
from tests.servers import PATIENCE
from tests.site.factories import make_article, make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

IS_SERVER = connection.vendor != "sqlite"


class Loss(NamedTuple):
    """How a write loses its connection, and whether it takes effect all the same."""

    lose: Callable[[Line | None], None]
    took_effect: bool


def rename() -> None:
    """Change what pages show."""
    Author.objects.update(name="Willy")


def answer_to_commit(line: Any) -> None:
    with transaction.atomic():
        line.lose_answer_to("COMMIT")
        rename()


def answer_to_commit_by_hand(line: Any) -> None:
    transaction.set_autocommit(False)
    line.lose_answer_to("COMMIT")
    rename()
    transaction.commit()


def answer_to_a_statement(line: Any) -> None:
    line.lose_answer_to("UPDATE")
    rename()


def session_killed(_line: object) -> None:
    with transaction.atomic():
        rename()
        kill()


def session_killed_by_hand(_line: object) -> None:
    transaction.set_autocommit(False)
    rename()
    kill()
    transaction.commit()


def kill() -> None:
    """End the connection's session, at the server, on a connection that nobody watches."""
    found: Any = connection.connection
    other = connection.copy()
    other.ensure_connection()
    cursor: Any = other.connection.cursor()
    if connection.vendor == "postgresql":
        cursor.execute("SELECT pg_terminate_backend(%s, %s)", [found.info.backend_pid, 10_000])
    else:
        number, until = found.thread_id(), time.monotonic() + PATIENCE
        cursor.execute(f"KILL {number}")
        while cursor.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"):
            assert time.monotonic() < until
    other.close()


def refused(_line: object) -> None:
    """A reader keeps SQLite from writing to its file."""
    reader = sqlite3.connect(connection.settings_dict["NAME"])
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
            rename()
            reader.executescript("BEGIN; SELECT * FROM library_author")
    finally:
        reader.close()


SERVERS = {
    "the answer to COMMIT": Loss(answer_to_commit, took_effect=True),
    "the answer to a COMMIT by hand": Loss(answer_to_commit_by_hand, took_effect=True),
    "the answer to a statement in autocommit": Loss(answer_to_a_statement, took_effect=True),
    "the session before COMMIT": Loss(session_killed, took_effect=False),
    "the session before a COMMIT by hand": Loss(session_killed_by_hand, took_effect=False),
}
LOSSES = SERVERS if IS_SERVER else {"the file before COMMIT": Loss(refused, took_effect=False)}


@pytest.fixture
def line() -> Iterator[Line | None]:
    """The line to a server."""
    make_article()
    connection.close()
    if not IS_SERVER:
        yield None
        connection.close()
        return
    with line_to(connection.settings_dict) as line:
        yield line
        connection.close()


@pytest.mark.parametrize("what", LOSSES)
def test_a_write_whose_end_is_lost_is_announced(what: str, line: Line | None, client: Any) -> None:
    loss, announced = LOSSES[what], Announced()
    client.get("/articles/")
    assert status(client.get("/articles/")).hit
    with pytest.raises(Error):
        loss.lose(line)
    assert announced() == {AUTHOR}
    connection.close()
    assert writes.unannounced() == set()
    page = client.get("/articles/")
    assert not status(page).hit
    assert ("Willy" in page.content.decode()) is loss.took_effect
    assert status(client.get("/articles/")).hit


@pytest.mark.parametrize("what", LOSSES)
def test_the_next_write_of_the_connection_is_announced_too(what: str, line: Line | None) -> None:
    with pytest.raises(Error):
        LOSSES[what].lose(line)
    connection.close()
    announced = Announced()
    make_author("Sidonie")
    assert announced() == {AUTHOR}
