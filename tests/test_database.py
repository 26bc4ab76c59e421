"""What is seen of a connection: statements, and the ends of transactions, whoever brings them about."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from pagecache import database, invalidation
from pagecache.invalidation import announcer, site_names, site_store, writes
from pagecache.versions import SITE, STAR
from tests.caches import WatchedTable, watched
from tests.site.factories import make_article, make_author
from tests.site.models import Article, Author, Tag, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)

ARTICLE, AUTHOR, UNRELATED = "library.article", "library.author", "library.unrelated"
COUNTED = (SITE, ARTICLE, AUTHOR, UNRELATED, "library.tag", "table:elsewhere")


class OopsError(Exception):
    """Something of the site's own."""


class Announced:
    """The tags that moved since the last look."""

    def __init__(self) -> None:
        announcer.announce(COUNTED)
        self._before = self._versions()

    def _versions(self) -> dict[str, bytes | None]:
        keys = site_names().versions(COUNTED)
        return dict(zip(COUNTED, site_store().fetch(keys), strict=True))

    def __call__(self) -> set[str]:
        before, self._before = self._before, self._versions()
        return {tag for tag in COUNTED if before[tag] != self._before[tag]}


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


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def test_a_write_in_autocommit_is_announced_at_once(announced: Announced) -> None:
    make_author()
    assert announced() == {AUTHOR}


def test_reading_announces_nothing(announced: Announced) -> None:
    list(Article.objects.select_related("author"))
    assert announced() == set()


def test_a_statement_that_raised_is_announced_too(announced: Announced) -> None:
    author = make_author()
    make_article(author=author)
    announced()
    with pytest.raises(IntegrityError):
        make_article(author=author)
    assert announced() == {ARTICLE}


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

    with pytest.raises(OopsError), transaction.atomic():
        transaction.on_commit(oops)
        make_author()
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


def test_a_savepoint_by_hand_announces_rather_too_much(announced: Announced) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        make_author()
        transaction.savepoint_rollback(savepoint)
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

    with pytest.raises(DatabaseError), transaction.atomic():
        make_author()
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lost)
    assert announced() == {AUTHOR}
    assert writes.unannounced() == set()


def test_a_connection_closed_with_pending_writes_is_announced(announced: Announced) -> None:
    with transaction.atomic():
        make_author()
        connection.close()
        assert announced() == {AUTHOR}


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
    transaction.set_autocommit(True)
    assert announced() == {AUTHOR}
    transaction.set_autocommit(False)


@pytest.mark.usefixtures("manual")
def test_invalidate_in_a_manual_transaction_works_at_once_and_again_at_commit(
    announced: Announced,
) -> None:
    invalidation.invalidate("library.Article")
    assert announced() == {ARTICLE}
    transaction.commit()
    assert announced() == {ARTICLE}


def test_invalidate_in_atomic_works_at_once_and_again_at_commit(announced: Announced) -> None:
    with transaction.atomic():
        with transaction.atomic():
            invalidation.invalidate(Article)
            assert announced() == {ARTICLE}
    assert announced() == {ARTICLE}


def test_invalidate_outside_a_transaction_works_once(announced: Announced) -> None:
    invalidation.invalidate(Article)
    assert announced() == {ARTICLE}
    assert writes.unannounced() == set()


RETURNING = "INSERT INTO library_author (name, country) VALUES ('a', 'fr'), ('b', 'fr') RETURNING id"
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
        same = list(cursor.execute(RETURNING))
        cursor.execute("SELECT id FROM library_author ORDER BY id")
        assert [first, *rest, *same] == cursor.fetchall()
        assert cursor.execute(RETURNING).fetchmany() == [(same[-1][0] + 1,)]


def test_rows_of_a_returning_that_nobody_fetched_are_not_those_of_the_next_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RETURNING)
        cursor.execute("SELECT 7")
        assert cursor.fetchall() == [(7,)]


def test_a_returning_in_a_transaction_waits_for_the_commit(announced: Announced) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RETURNING)
        cursor.fetchall()
        assert announced() == set()
    assert announced() == {AUTHOR}


def test_many_rows_at_once_are_one_write(announced: Announced) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE library_author SET name = %s", [("a",), ("b",)])
    assert announced() == {AUTHOR}


def test_sql_that_is_not_understood_drops_the_whole_site(announced: Announced) -> None:
    with suppress(DatabaseError):
        sql("DO SOMETHING WITH library_author")
    assert announced() >= {SITE}


def test_sql_that_is_not_understood_drops_the_site_at_once_and_again_at_commit(
    announced: Announced,
) -> None:
    with transaction.atomic():
        with suppress(DatabaseError), transaction.atomic(savepoint=False):
            sql("DO SOMETHING WITH library_author")
        connection.set_rollback(False)
        assert announced() >= {SITE}
    assert announced() >= {SITE}


def test_a_table_that_no_model_owns_has_a_tag_of_its_own(announced: Announced) -> None:
    sql("CREATE TABLE elsewhere (id integer)")
    announced()
    try:
        sql("INSERT INTO elsewhere VALUES (1)")
        assert announced() == {"table:elsewhere"}
    finally:
        sql("DROP TABLE elsewhere")


IGNORED = [
    "DELETE FROM django_session",
    "DELETE FROM django_admin_log",
    "UPDATE auth_user SET last_login = NULL",
]


def moved_by(text: str) -> bool:
    def star() -> list[bytes | None]:
        return site_store().fetch(site_names().versions([STAR]))

    before = star()
    sql(text)
    return star() != before


@pytest.mark.parametrize("text", IGNORED)
def test_what_means_nothing_for_pages_announces_nothing(text: str) -> None:
    announcer.announce()
    assert not moved_by(text)


@pytest.mark.parametrize("column", ["is_active = NULL, last_login", "last_login = NULL, email"])
def test_another_column_of_the_user_is_announced(column: str) -> None:
    announcer.announce()
    assert moved_by(f"UPDATE auth_user SET {column} = '' WHERE id = -1")


def test_a_log_in_announces_nothing_and_a_new_name_does() -> None:
    user = User.objects.create(username="ann")
    with transaction.atomic():
        user.save(update_fields=["last_login"])
        assert writes.unannounced() == set()
        user.save(update_fields=["username"])
        assert writes.unannounced() == {"auth.user"}


def test_what_the_site_ignores_is_ignored(settings: Any, announced: Announced) -> None:
    settings.PAGECACHE = {"ENABLED": True, "IGNORE": ["library_unrelated", "library_author.country"]}
    author = make_author()
    announced()
    Unrelated.objects.create(note="x")
    Author.objects.filter(pk=author.pk).update(country="be")
    assert announced() == set()
    Author.objects.filter(pk=author.pk).update(country="be", name="x")
    assert announced() == {AUTHOR}


def test_announcing_into_a_table_announces_nothing_of_its_own(settings: Any) -> None:
    from django.core.management import call_command  # noqa: PLC0415

    kind = f"{WatchedTable.__module__}.{WatchedTable.__qualname__}"
    settings.CACHES = {"default": {"BACKEND": kind, "LOCATION": "kept_pages"}}
    call_command("createcachetable", verbosity=0)
    with watched() as trips:
        make_author()
    assert trips == ["set", "set", "get"]
    assert writes.unannounced() == set()


def test_pagecache_switched_off_still_announces(settings: Any, announced: Announced) -> None:
    settings.PAGECACHE = {"ENABLED": False}
    announced()
    make_author()
    assert announced() == {AUTHOR}


def test_a_connection_that_is_opened_under_a_wrapper_of_the_site_is_watched(
    announced: Announced,
) -> None:
    def own(execute: Any, *statement: Any) -> Any:
        return execute(*statement)

    connection.close()
    with connection.execute_wrapper(own):
        make_author()
    assert announced() == {AUTHOR}
    assert own not in connection.execute_wrappers
    make_author()
    assert announced() == {AUTHOR}


def test_every_connection_is_watched_once() -> None:
    connection.close()
    connection.ensure_connection()
    database.install(writes)
    watchers = [item for item in connection.execute_wrappers if item is database._run]
    assert len(watchers) == 1


def test_an_observer_may_care_for_some_things_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_observers", [database.Observer()])
    with transaction.atomic():
        with suppress(OopsError), transaction.atomic():
            make_author()
            raise OopsError
        make_author("Kept")
    assert [author.name for author in Author.objects.all()] == ["Kept"]


def test_tags_of_tables_and_models() -> None:
    assert database.tag_of("library_article") == ARTICLE
    assert database.tag_of("library_article_tags") == "library.article_tags"
    assert database.tag_of("elsewhere") == "table:elsewhere"
    assert database.tags_of_model(Article) == {ARTICLE}
    assert database.tags_of_label("library.Article") == {ARTICLE}
    assert database.tags_of_label("library.article") == {ARTICLE}
    for name in ("news", "library.Nothing", "a.b.c", ""):
        assert database.tags_of_label(name) == {name}


def test_transactions_of_other_connections_are_not_unannounced_here() -> None:
    assert list(connections.all(initialized_only=True))
    with transaction.atomic():
        assert writes.unannounced() == set()
