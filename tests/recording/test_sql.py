"""What the statements of a page mean for it: tags, and reasons not to store it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, OperationalError, connection, transaction

from pagecache.core.reasons import Reason
from pagecache.recording.recorder import Bystander, Recorder, active, current, recording
from tests.site.factories import make_article
from tests.site.models import Article, Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page() -> Generator[Recorder]:
    """A page that is being made."""
    make_article()
    render = Recorder()
    with recording(render):
        yield render


def reasons(render: Recorder) -> list[Reason]:
    return list(render.refusals)


def in_thread(work: object) -> None:
    def run() -> None:
        try:
            work()  # type: ignore[operator]
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def test_a_page_depends_on_the_tables_that_it_read(page: Recorder) -> None:
    list(Article.objects.select_related("author"))
    assert page.tags == {"library.article", "library.author"}
    assert reasons(page) == []


def test_a_read_that_raises_counts(page: Recorder) -> None:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM library_author")
    assert page.tags == {"library.author"}


def test_a_page_that_wrote_is_not_stored(page: Recorder) -> None:
    Unrelated.objects.create(note="x")
    assert reasons(page) == [Reason.WROTE]


def test_a_page_that_wrote_what_is_ignored_may_be_stored(page: Recorder) -> None:
    User.objects.filter(pk=-1).update(last_login=None)
    Session.objects.all().delete()
    assert reasons(page) == []


def test_a_page_that_ran_sql_nobody_understands_is_not_stored(page: Recorder) -> None:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT own_routine()")
    assert reasons(page) == [Reason.OPAQUE_SQL]


def test_a_page_that_read_an_ignored_table_is_not_stored(page: Recorder) -> None:
    from django.contrib.admin.models import LogEntry  # noqa: PLC0415

    LogEntry.objects.first()
    assert reasons(page) == [Reason.IGNORED_TABLE]


def test_sessions_are_not_the_affair_of_sql(page: Recorder) -> None:
    Session.objects.first()
    assert reasons(page) == []
    assert page.tags == set()


def test_a_transaction_that_began_before_the_page_is_no_fresh_read() -> None:
    with transaction.atomic():
        list(Author.objects.all())
        render = Recorder()
        with recording(render):
            list(Author.objects.all())
    assert reasons(render) == [Reason.TRANSACTION]


def test_a_transaction_that_began_before_and_is_not_read_in_does_no_harm() -> None:
    with transaction.atomic():
        list(Author.objects.all())
        render = Recorder()
        with recording(render):
            Session.objects.first()
    assert reasons(render) == []


@pytest.mark.parametrize("ends", [True, False])
def test_a_transaction_of_the_page_itself_is_fresh(page: Recorder, ends: bool) -> None:
    """Also behind one that ended before the page began, however it ended."""
    with suppress(ZeroDivisionError), transaction.atomic():
        list(Author.objects.all())
        if not ends:
            raise ZeroDivisionError
    render = Recorder()
    with recording(render), transaction.atomic():
        list(Author.objects.all())
    assert reasons(render) == []


def sql(*texts: str) -> None:
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)


def read_in_a_page() -> list[Reason]:
    render = Recorder()
    with recording(render):
        list(Author.objects.all())
    return reasons(render)


def test_a_transaction_of_a_text_is_no_fresh_read_until_it_ends() -> None:
    read = "SELECT name FROM library_author"
    sql("BEGIN", read)
    assert read_in_a_page() == [Reason.TRANSACTION]
    sql("ROLLBACK")
    assert read_in_a_page() == []
    sql("BEGIN")
    assert read_in_a_page() == [], "it sees data from its first read on"
    sql("COMMIT")
    with transaction.atomic():
        assert read_in_a_page() == []


@pytest.mark.parametrize("text", ["BEGIN", "SAVEPOINT a"])
def test_a_text_that_fails_begins_no_transaction(text: str) -> None:
    def refuse(_execute: Any, *_statement: Any) -> None:
        raise OperationalError

    connection.ensure_connection()
    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        sql(text)
    list(Author.objects.all())
    assert read_in_a_page() == []


def test_sql_of_a_thread_without_request_makes_pages_unstorable(page: Recorder) -> None:
    in_thread(lambda: list(Author.objects.all()))
    assert reasons(page) == [Reason.FOREIGN]
    assert page.tags == set()


def test_opaque_sql_of_a_thread_without_request_makes_pages_unstorable(page: Recorder) -> None:
    def opaque() -> None:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT own_routine()")

    in_thread(opaque)
    assert reasons(page) == [Reason.FOREIGN]


def test_sql_of_a_thread_that_reads_nothing_of_a_page_does_no_harm(page: Recorder) -> None:
    in_thread(Session.objects.first)
    assert reasons(page) == []


def test_sql_of_a_request_that_is_not_recorded_does_no_harm(page: Recorder) -> None:
    def other_request() -> None:
        current.set(Bystander())
        list(Author.objects.all())

    in_thread(other_request)
    assert reasons(page) == []


def test_sql_after_the_page_was_made_is_not_its_own(page: Recorder) -> None:
    render = Recorder()
    with recording(render):
        assert render in active
    assert render not in active
    list(Author.objects.all())
    assert render.tags == set()
    assert page.tags == {"library.author"}


@pytest.mark.parametrize("runs", [[], iter([["fr"], ["be"]]), ([country] for country in "ab")])
def test_many_runs_of_a_statement_may_be_given_in_any_way(page: Recorder, runs: Any) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE library_author SET country = %s WHERE id > 0", runs)
    assert reasons(page) == [Reason.WROTE]
