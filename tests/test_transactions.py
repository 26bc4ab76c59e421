"""Writes are announced when they take effect, however a transaction ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from pagecache import database, invalidation, transactions
from pagecache.core.reasons import Reason
from pagecache.recording.recorder import Recorder, recording
from pagecache.recording.sql import Reads
from pagecache.tags import SITE
from pagecache.writes import writes
from tests.announced import ARTICLE, AUTHOR, UNRELATED, Announced
from tests.site.factories import make_article, make_author
from tests.site.models import Article, Author, Tag, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)


class OopsError(Exception):
    """Something of the site's own."""


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
def manual() -> Generator[None]:
    """Manual transaction management."""
    transaction.set_autocommit(False)
    try:
        yield
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_a_write_in_autocommit_is_announced_at_once(announced: Announced) -> None:
    make_author()
    assert announced() == {AUTHOR}


def test_a_transaction_is_announced_once_when_it_commits(announced: Announced) -> None:
    with transaction.atomic():
        make_article()
        assert announced() == set()
        assert writes.unannounced() == {ARTICLE, AUTHOR}
        Unrelated.objects.create(note="x")
    assert announced() == {ARTICLE, AUTHOR, UNRELATED}
    assert writes.unannounced() == set()


def test_it_is_announced_before_the_sites_own_hooks_run(announced: Announced) -> None:
    seen: list[set[str]] = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(announced()))
        make_author()
    assert seen == [{AUTHOR}]


def test_a_hook_that_raises_keeps_nothing_back(announced: Announced) -> None:
    def oops() -> None:
        raise OopsError

    @transaction.atomic
    def write() -> None:
        transaction.on_commit(oops)
        make_author()

    with pytest.raises(OopsError):
        write()
    assert announced() == {AUTHOR}


def test_a_rolled_back_transaction_announces_nothing(announced: Announced) -> None:
    with suppress(OopsError), transaction.atomic():
        make_author()
        raise OopsError
    assert announced() == set()
    assert writes.unannounced() == set()


def test_a_rolled_back_transaction_leaves_nothing_for_the_next(announced: Announced) -> None:
    test_a_rolled_back_transaction_announces_nothing(announced)
    with transaction.atomic():
        Unrelated.objects.create(note="x")
    assert announced() == {UNRELATED}


def test_nested_savepoints_are_announced_with_the_transaction(announced: Announced) -> None:
    with transaction.atomic():
        with transaction.atomic():
            make_author()
            with transaction.atomic():
                Unrelated.objects.create(note="x")
        assert announced() == set()
    assert announced() == {AUTHOR, UNRELATED}


def test_a_rolled_back_savepoint_takes_its_writes_with_it(announced: Announced) -> None:
    with transaction.atomic():
        make_author()
        with suppress(OopsError), transaction.atomic():
            Unrelated.objects.create(note="x")
            with transaction.atomic():
                Tag.objects.create(name="x")
            raise OopsError
        assert writes.unannounced() == {AUTHOR}
    assert announced() == {AUTHOR}


def test_what_the_inner_savepoint_kept_the_outer_one_takes(announced: Announced) -> None:
    with transaction.atomic():
        with transaction.atomic():
            with suppress(OopsError), transaction.atomic():
                Unrelated.objects.create(note="x")
                raise OopsError
            make_author()
        with suppress(OopsError), transaction.atomic():
            with transaction.atomic():
                Tag.objects.create(name="x")
            raise OopsError
    assert announced() == {AUTHOR}


def test_a_rolled_back_savepoint_without_writes_takes_nothing(announced: Announced) -> None:
    with transaction.atomic():
        with suppress(OopsError), transaction.atomic():
            raise OopsError
        make_author()
    assert announced() == {AUTHOR}


def test_a_savepoint_by_hand_announces_rather_too_much(announced: Announced) -> None:
    with transaction.atomic():
        savepoint = connection.savepoint()
        make_author()
        connection.savepoint_rollback(str(savepoint))
        Unrelated.objects.create(note="x")
    assert announced() >= {UNRELATED}


def test_a_block_without_savepoint_that_fails_rolls_all_back(announced: Announced) -> None:
    with suppress(OopsError), transaction.atomic():
        make_author()
        with transaction.atomic(savepoint=False):
            Unrelated.objects.create(note="x")
            raise OopsError
    assert announced() == set()


def test_a_commit_that_raises_is_announced(
    announced: Announced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it took effect is not known."""

    def lost(_self: BaseDatabaseWrapper) -> None:
        raise DatabaseError

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lost)
    with pytest.raises(DatabaseError), transaction.atomic():
        make_author()
    assert announced() == {AUTHOR}
    assert writes.unannounced() == set()


ENDS = {
    "_commit": transaction.commit,
    "_rollback": transaction.rollback,
    "_set_autocommit": lambda: transaction.set_autocommit(True),
}
each_end = pytest.mark.parametrize("name", ENDS)


@each_end
def test_what_is_not_allowed_in_a_block_ends_nothing(announced: Announced, name: str) -> None:
    with transaction.atomic():
        make_author()
        with pytest.raises(transaction.TransactionManagementError):
            ENDS[name]()
        assert announced() == set()
        assert writes.unannounced() == {AUTHOR}
    assert announced() == {AUTHOR}


def test_another_thread_ends_nothing(announced: Announced) -> None:
    ours = connections["default"]
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        make_author()
        for end in (ours.close, ours.commit, ours.rollback):
            with pytest.raises(DatabaseError, match="same thread"):
                thread.submit(end).result()
        assert announced() == set()
        assert writes.unannounced() == {AUTHOR}
    assert announced() == {AUTHOR}


def fail(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an end raise, of which nobody knows whether it took effect; the transaction goes on."""

    def lost(*_: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(type(connections["default"]), name, lost)
        with pytest.raises(DatabaseError):
            ENDS[name]()


@pytest.mark.usefixtures("manual")
@each_end
def test_an_end_that_raises_is_announced_and_so_is_the_next(
    announced: Announced, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_author()
    fail(name, monkeypatch)
    assert announced() == {AUTHOR}
    assert writes.unannounced() == {AUTHOR}
    Unrelated.objects.create(note="x")
    transaction.commit()
    assert announced() == {AUTHOR, UNRELATED}
    assert writes.unannounced() == set()


@pytest.mark.usefixtures("manual")
@each_end
def test_what_a_page_reads_after_an_end_that_raised_may_be_old(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Author.objects.count()
    fail(name, monkeypatch)
    render = Recorder()
    with recording(render):
        Author.objects.count()
    assert list(render.refusals) == [Reason.TRANSACTION]


@pytest.mark.usefixtures("manual")
def test_a_connection_that_closes_after_an_end_that_raised_keeps_nothing(
    announced: Announced, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_author()
    fail("_commit", monkeypatch)
    connection.close()
    assert announced() == {AUTHOR}
    assert writes.unannounced() == set()


def test_a_connection_closed_with_pending_writes_is_announced(announced: Announced) -> None:
    with transaction.atomic():
        make_author()
        connection.close()
        assert announced() == {AUTHOR}


@pytest.mark.parametrize("level", ["READ UNCOMMITTED", None])
def test_what_others_may_have_read_before_it_was_rolled_back_is_announced(
    announced: Announced, monkeypatch: pytest.MonkeyPatch, level: str | None
) -> None:
    """MySQL lets them, where a site has it so for some alias, or leaves it to the server."""
    dirty = {"ENGINE": "django.db.backends.mysql", "OPTIONS": {"isolation_level": level}}
    monkeypatch.setitem(connections.settings, "dirty", dirty)
    with suppress(OopsError), transaction.atomic():
        make_author()
        raise OopsError
    assert announced() == {AUTHOR}
    with transaction.atomic():
        with suppress(OopsError), transaction.atomic():
            make_author()
            raise OopsError
        Unrelated.objects.create(note="x")
    assert announced() == {AUTHOR, UNRELATED}


@pytest.mark.usefixtures("manual")
def test_manual_transactions_are_announced_when_they_commit(announced: Announced) -> None:
    make_author()
    assert announced() == set()
    transaction.commit()
    assert announced() == {AUTHOR}


@pytest.mark.usefixtures("manual")
def test_manual_transactions_that_are_rolled_back_announce_nothing(announced: Announced) -> None:
    make_author()
    transaction.rollback()
    transaction.commit()
    assert announced() == set()


@pytest.mark.usefixtures("manual")
def test_going_back_to_autocommit_announces_what_it_commits(announced: Announced) -> None:
    make_author()
    with suppress(DatabaseError):  # PostgreSQL's driver refuses it inside a transaction
        transaction.set_autocommit(True)
    assert announced() == {AUTHOR}


@pytest.mark.usefixtures("manual")
def test_invalidate_in_a_manual_transaction_works_at_once_and_again_at_commit(
    announced: Announced,
) -> None:
    invalidation.invalidate("library.Article")
    assert announced() == {ARTICLE}
    transaction.commit()
    assert announced() == {ARTICLE}


def test_invalidate_in_atomic_works_at_once_and_again_at_commit(announced: Announced) -> None:
    with transaction.atomic(), transaction.atomic():
        invalidation.invalidate(Article)
        assert announced() == {ARTICLE}
    assert announced() == {ARTICLE}


def test_invalidate_outside_a_transaction_works_once(announced: Announced) -> None:
    invalidation.invalidate(Article)
    assert announced() == {ARTICLE}
    assert writes.unannounced() == set()


# Transactions in texts


def execute(*texts: str) -> None:
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)


UPDATE = "UPDATE library_author SET name = 'x'"


@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION"])
def test_a_transaction_begun_in_a_text_is_announced_when_it_ends(
    announced: Announced, begin: str
) -> None:
    if connection.vendor == "sqlite":
        begin = "BEGIN"
    execute(begin, UPDATE)
    announced()
    assert writes.unannounced() == {AUTHOR, f"{AUTHOR}:*"}
    connection.commit()
    assert announced() == {AUTHOR}
    assert writes.unannounced() == set()


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_one_that_a_text_ends_too_is_announced_and_forgotten(
    announced: Announced, end: str
) -> None:
    execute("BEGIN", UPDATE)
    announced()
    execute(end)
    assert announced() == {SITE, AUTHOR}
    execute("UPDATE library_unrelated SET note = 'x'")
    assert announced() == {UNRELATED}


def test_a_commit_that_a_text_left_to_django_is_announced(announced: Announced) -> None:
    """In MySQL all that follow, where the text is one that switches autocommit off."""
    is_mysql = connection.vendor == "mysql"
    execute("SET autocommit = 0" if is_mysql else "BEGIN")
    for _ in range(2 if is_mysql else 1):
        execute(UPDATE)
        announced()
        connection.commit()
        assert AUTHOR in announced()
    if is_mysql:
        execute(UPDATE, "SET autocommit = 1")
        assert AUTHOR in announced()
    assert writes.unannounced() == set()


def test_autocommit_that_is_on_already_ends_no_transaction_of_a_text(announced: Announced) -> None:
    execute("BEGIN", UPDATE)
    with suppress(DatabaseError):  # PostgreSQL's driver refuses it inside a transaction
        transaction.set_autocommit(True)
    announced()
    connection.commit()
    assert announced() == {AUTHOR}


def test_a_savepoint_in_autocommit_is_announced_when_it_is_released(announced: Announced) -> None:
    """SQLite begins a transaction with it, and commits by releasing it."""
    if connection.vendor != "sqlite":
        execute("BEGIN")
    execute("SAVEPOINT a", UPDATE)
    announced()
    execute("RELEASE SAVEPOINT a")
    assert announced() == {AUTHOR}
    connection.commit()


def refuse(_execute: Any, *_statement: Any) -> None:
    raise OperationalError


@pytest.mark.parametrize("text", ["BEGIN", "SAVEPOINT a"])
def test_a_text_that_fails_begins_no_transaction(announced: Announced, text: str) -> None:
    connection.ensure_connection()
    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        execute(text)
    execute(UPDATE)
    assert announced() == {AUTHOR}
    assert writes.unannounced() == set()


def test_a_commit_in_a_text_that_fails_ends_no_transaction(announced: Announced) -> None:
    execute("BEGIN", UPDATE)
    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        execute("COMMIT")
    announced()
    assert AUTHOR in writes.unannounced()
    connection.commit()
    assert announced() == {SITE, AUTHOR}
    assert writes.unannounced() == set()


def test_a_savepoint_in_autocommit_begins_a_transaction_in_sqlite_only() -> None:
    with suppress(DatabaseError):  # PostgreSQL refuses it, MySQL forgets it
        execute("SAVEPOINT a")
    execute(UPDATE)
    assert bool(writes.unannounced()) is (connection.vendor == "sqlite")
    connection.rollback()


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_transaction_that_goes_on_in_another_is_announced_at_each_end(
    announced: Announced, end: str
) -> None:
    chain = [end, "BEGIN"] if connection.vendor == "sqlite" else [f"{end} AND CHAIN"]
    execute("BEGIN", UPDATE)
    announced()
    execute(*chain)
    assert announced() >= {AUTHOR}
    execute("UPDATE library_unrelated SET note = 'x'")
    announced()
    connection.commit()
    assert announced() >= {UNRELATED}
    assert writes.unannounced() == set()


def script(text: str) -> None:
    with connection.cursor() as cursor:
        cast(Any, cursor).executescript(text)


def procedure(text: str) -> None:
    execute(
        "DROP PROCEDURE IF EXISTS leave_open", f"CREATE PROCEDURE leave_open() BEGIN {text}; END"
    )
    with connection.cursor() as cursor:
        cursor.callproc("leave_open")


LEFT_OPEN: dict[str, Callable[[], None]] = {
    "sqlite": lambda: script(f"BEGIN; {UPDATE}"),
    "postgresql": lambda: execute(f"DO $$BEGIN END$$; BEGIN; {UPDATE}"),
    "mysql": lambda: procedure(f"START TRANSACTION; {UPDATE}"),
}


def test_a_transaction_that_sql_nobody_understands_leaves_open_is_announced_when_it_ends(
    announced: Announced,
) -> None:
    LEFT_OPEN[connection.vendor]()
    announced()
    assert writes.unannounced() == {SITE}
    connection.commit()
    assert announced() == {SITE}
    assert writes.unannounced() == set()


def test_invalidate_in_a_transaction_of_a_text_works_at_once_and_again_when_it_ends(
    announced: Announced,
) -> None:
    execute("BEGIN")
    invalidation.invalidate(Article)
    assert announced() == {ARTICLE}
    connection.commit()
    assert announced() == {ARTICLE}


@pytest.mark.parametrize(
    "text", ["CREATE TABLE later (id integer)", "TRUNCATE TABLE library_unrelated"]
)
def test_what_a_definition_commits_is_announced_at_once(announced: Announced, text: str) -> None:
    """Where definitions can be rolled back they commit nothing."""
    if connection.vendor == "sqlite":
        text = text.replace("TRUNCATE TABLE", "DELETE FROM")
    commits = connection.vendor == "mysql"
    make_author()
    announced()
    try:
        with suppress(OopsError), transaction.atomic():
            execute(UPDATE, text)
            assert (AUTHOR in announced()) is commits
            raise OopsError
        assert Author.objects.filter(name="x").exists() is commits
    finally:
        execute("DROP TABLE IF EXISTS later")


if connection.vendor == "mysql":

    @pytest.fixture
    def _without_transactions() -> Generator[None]:
        """A connection whose tables have an engine without transactions, unless they say otherwise."""
        usual, other = connections["default"], connections["default"].copy()
        other.settings_dict["OPTIONS"] = {"init_command": "SET default_storage_engine = MyISAM"}
        connections["default"] = other
        yield
        other.close()
        connections["default"] = usual

    @pytest.mark.usefixtures("_without_transactions")
    def test_a_rollback_that_undoes_nothing_is_announced(announced: Announced) -> None:
        execute("CREATE TABLE elsewhere (x integer)")
        announced()
        with suppress(OopsError), transaction.atomic():
            execute("INSERT INTO elsewhere VALUES (1)")
            raise OopsError
        assert announced() == {"table:elsewhere"}
        with connection.cursor() as cursor:
            cursor.execute("SELECT x FROM elsewhere")
            assert cursor.fetchall() == ((1,),)
            cursor.execute("DROP TABLE elsewhere")


def leave() -> BaseDatabaseWrapper:
    """Return a connection that a text began a transaction on, which has written, with rows that nobody took."""
    other = connection.copy()
    cursor = other.cursor()
    cursor.execute("CREATE TEMPORARY TABLE kept (note varchar(9))")
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO kept (note) VALUES ('x')")
    cursor.execute("SELECT note FROM kept")
    return other


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    known: list[Any] = [
        *(transactions._begun_by_text, writes.pending),
        *(one._began for one in database._observers if isinstance(one, Reads)),
        *([transactions._half_read] if connection.vendor == "sqlite" else []),
    ]
    gc.collect()
    before = [len(each) for each in known]

    with recording(Recorder()):
        other = leave()
    while_there, driver = [len(each) for each in known], other.connection
    del other
    gc.collect()
    after = [len(each) for each in known]
    driver.close()

    assert all(there > count for there, count in zip(while_there, before, strict=True))
    assert after == before
