"""What is seen of a connection: every statement, with the tags that it writes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from pagecache import database
from pagecache.announcing import announcer, site_names, site_store
from pagecache.events import settings_reloaded
from pagecache.tags import SITE, tag_of
from pagecache.versions import STAR
from pagecache.writes import writes
from tests.announced import ARTICLE, AUTHOR, Announced
from tests.caches import WatchedTable, watched
from tests.site.factories import make_article, make_author
from tests.site.models import Article, Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)


class OopsError(Exception):
    """Something of the site's own."""


@pytest.fixture
def announced() -> Announced:
    return Announced()


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


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
        return site_store().fetch(site_names().versions((STAR,)))

    before = star()
    sql(text)
    return star() != before


@pytest.mark.parametrize("text", IGNORED)
def test_what_means_nothing_for_pages_announces_nothing(text: str) -> None:
    announcer.announce()
    assert not moved_by(text)


@pytest.mark.parametrize(
    "columns", ["is_active = false, last_login = NULL", "last_login = NULL, email = ''"]
)
def test_another_column_of_the_user_is_announced(columns: str) -> None:
    announcer.announce()
    assert moved_by(f"UPDATE auth_user SET {columns} WHERE id = -1")


def test_a_log_in_announces_nothing_and_a_new_name_does() -> None:
    user = User.objects.create(username="ann")
    with transaction.atomic():
        user.save(update_fields=["last_login"])
        assert writes.unannounced() == set()
        user.save(update_fields=["username"])
        assert writes.unannounced() == {"auth.user", f"auth.user:{user.pk}"}


def test_what_the_site_ignores_is_ignored(settings: Any, announced: Announced) -> None:
    settings.PAGECACHE = {
        "ENABLED": True,
        "IGNORE": ["library_unrelated", "library_author.country"],
    }
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


def test_transactions_of_other_connections_are_not_unannounced_here() -> None:
    assert list(connections.all(initialized_only=True))
    with transaction.atomic():
        assert writes.unannounced() == set()


def test_a_process_without_the_app_announces_to_those_that_have_it(
    announced: Announced, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(apps, "get_models", lambda **_: [])
        settings_reloaded.send(None)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE library_author SET name = 'x'")
        assert tag_of("library_author") == "table:library_author"
    settings_reloaded.send(None)
    assert announced() == {AUTHOR}
