"""Two-phase invalidation: while a transaction writes to data, no page of it is served or stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from contextlib import suppress
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.test import Client

from pagecache import ainvalidate, invalidate
from pagecache.announcing import InvalidationError, announcer, site_names, site_store
from pagecache.core.reasons import Reason
from pagecache.core.vector import Marking, is_unsettled, is_version
from pagecache.engine.visit import forget
from pagecache.tags import SITE
from tests.announced import ARTICLE, AUTHOR, UNRELATED
from tests.cursors import REFUSALS, WRITES, with_procedures
from tests.engine.visits import get
from tests.servers import Server
from tests.site.factories import make_article, make_author
from tests.site.models import Article, Author, Unrelated
from tests.site.views import article_list
from tests.stores.instances import Instance, let_marks_lapse

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/articles/"
# What pagecache does not understand may do anything.
UNKNOWN = {"sqlite": "PRAGMA user_version", "postgresql": "DO $$BEGIN END$$", "mysql": "DO 1"}
TABLES = (ARTICLE, AUTHOR, UNRELATED, "library.tag", "library.article_tags")
TAGS = (SITE, *TABLES, *(f"{table}:*" for table in TABLES), "own")


@pytest.fixture
def _two_phase(settings: Any, redis_server: Server) -> Generator[None]:
    """A site with two phases, whose versions have been there for long."""
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {
        "default": {"BACKEND": backend, "LOCATION": redis_server.url, "KEY_PREFIX": uuid4().hex}
    }
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 10, "TWO_PHASE": True}
    settle()
    yield
    site_store().close()
    announcer.owed.clear()
    forget()


def settle() -> None:
    names = site_names()
    versions = {names.version(tag): uuid4().bytes for tag in ("*", *TAGS)}
    site_store().announce(names.version("*"), versions, 3600.0)


def unsettled() -> set[str]:
    found = site_store().fetch(site_names().versions(TAGS))
    return {tag for tag, version in zip(TAGS, found, strict=True) if is_unsettled(version)}


def see(url: str = LIST) -> str:
    status: str = Client(headers={"x-reveal": "1"}).get(url).headers["Cache-Status"]
    return status.split("; ", 1)[1]


@pytest.fixture
def author(_two_phase: None) -> Author:
    author = make_author("Colette")
    settle()
    return author


def test_tags_are_marked_before_the_statement_and_settled_when_it_is_done(author: Author) -> None:
    seen: list[set[str]] = []

    def look(execute: Any, *rest: Any) -> Any:
        seen.append(unsettled())
        result = execute(*rest)
        seen.append(unsettled())
        return result

    with connection.execute_wrapper(look):
        author.save()
        list(Author.objects.all())
    assert seen == [{AUTHOR}, {AUTHOR}, set(), set()]
    assert unsettled() == set()


def test_a_transaction_marks_once_and_settles_when_it_commits(author: Author) -> None:
    with transaction.atomic():
        author.save()
        with transaction.atomic():
            make_article(author=author)
        assert unsettled() == {AUTHOR, ARTICLE}
        before = site_store().fetch(site_names().versions(TAGS))
        author.save()
        assert site_store().fetch(site_names().versions(TAGS)) == before
    assert unsettled() == set()


def test_a_transaction_that_is_rolled_back_settles_too(author: Author) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        author.save()
        assert unsettled() == {AUTHOR}
        raise ZeroDivisionError
    assert unsettled() == set()


def test_a_savepoint_that_is_rolled_back_leaves_its_marks_to_the_transaction(
    author: Author,
) -> None:
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            author.save()
            raise ZeroDivisionError
        assert unsettled() == {AUTHOR}
    assert unsettled() == set()


@pytest.mark.usefixtures("author")
def test_no_page_is_served_or_stored_while_data_is_unsettled() -> None:
    assert see() == "fwd=uri-miss; stored; ttl=300"
    assert see().startswith("hit")
    announcer.mark(frozenset({AUTHOR}), b"somebody")
    for _ in range(2):
        assert "stored" not in see()
    announcer.announce({AUTHOR}, frozenset({b"somebody"}))
    assert "stored" in see()
    assert see().startswith("hit")


@pytest.mark.usefixtures("author")
@pytest.mark.parametrize("is_known", [False, True])
def test_a_page_that_is_not_stored_says_why(settings: Any, is_known: bool) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "REVEAL": "builtins.bool"}
    if is_known:
        see()
    announcer.mark(frozenset({AUTHOR}), b"somebody")
    assert "detail=unsettled" in see()
    announcer.announce({AUTHOR}, frozenset({b"somebody"}))
    assert "stored" in see()


@pytest.mark.usefixtures("author")
def test_a_page_whose_data_was_settled_meanwhile_says_that_it_moved() -> None:
    """Its look-up saw a mark."""
    see()
    announcer.mark(frozenset({AUTHOR}), b"somebody")
    _, _, visit = get(LIST, view=settles_meanwhile)
    assert visit.found.reason is Reason.MOVED


def settles_meanwhile(request: HttpRequest) -> HttpResponse:
    announcer.announce({AUTHOR}, frozenset({b"somebody"}))
    return article_list(request)


@pytest.mark.usefixtures("author")
def test_explain_names_what_is_unsettled() -> None:
    Client().get(LIST)
    announcer.mark(frozenset({AUTHOR}), b"somebody")
    told = StringIO()
    call_command("pagecache_explain", f"http://testserver{LIST}", stdout=told)
    assert told.getvalue().endswith(
        f"The view answers, and its page is not stored (unsettled: {Reason.UNSETTLED.why}):\n"
        "  library.author\n"
    )


def test_two_transactions_on_one_table_settle_it_only_together(author: Author) -> None:
    see()
    announcer.mark(frozenset({AUTHOR}), b"theother")
    author.save()
    assert unsettled() == {AUTHOR}
    assert "stored" not in see()
    announcer.announce({AUTHOR}, frozenset({b"theother"}))
    assert unsettled() == set()
    assert "stored" in see()


def test_who_was_not_heard_of_again_is_waited_for_only_so_long(
    author: Author, redis_server: Server
) -> None:
    announcer.mark(frozenset({AUTHOR}), b"killed..")
    Author.objects.update(country="be")
    assert unsettled() == {AUTHOR}
    with redis.Redis.from_url(redis_server.url) as admin:
        let_marks_lapse(admin)
    assert "stored" not in see(), "it may have been read before"
    assert unsettled() == set()
    assert "stored" in see()
    author.refresh_from_db()


def test_a_write_that_may_be_anything_unsettles_the_site(author: Author) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(UNKNOWN[connection.vendor])
        author.save()
        assert SITE in unsettled()
    assert unsettled() == set()


@pytest.mark.usefixtures("author")
def test_invalidate_in_a_transaction_unsettles_what_it_names() -> None:
    with transaction.atomic():
        invalidate("own")
        assert unsettled() == {"own"}
    assert unsettled() == set()


@pytest.mark.usefixtures("author")
def test_invalidation_outside_a_transaction_unsettles_nothing() -> None:
    invalidate("own")
    asyncio.run(ainvalidate("own", Article))
    assert unsettled() == set()


def test_a_statement_that_the_database_refuses_settles(author: Author) -> None:
    with pytest.raises(DatabaseError):
        Author.objects.create(pk=author.pk, name="again")
    assert unsettled() == set()


def test_a_commit_that_raises_may_still_take_effect(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before it does is not kept: the marks stand until they lapse."""

    def lost(_self: BaseDatabaseWrapper) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        for name in ("_commit", "_rollback"):
            patch.setattr(BaseDatabaseWrapper, name, lost)
        with pytest.raises(DatabaseError), transaction.atomic():
            author.save()
    assert unsettled() == {AUTHOR}


def test_a_commit_that_raises_settles_once_it_is_rolled_back(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: BaseDatabaseWrapper) -> None:
        seen.append(unsettled())
        raise OperationalError

    seen: list[set[str]] = []
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", refused)
    with pytest.raises(DatabaseError), transaction.atomic():
        author.save()
    assert (seen, unsettled()) == ([{AUTHOR}], set())


def test_a_statement_whose_answer_is_lost_may_still_take_effect(author: Author) -> None:
    def lost(execute: Any, *rest: Any) -> Any:
        execute(*rest)
        raise OperationalError

    with connection.execute_wrapper(lost), pytest.raises(OperationalError):
        author.save()
    assert unsettled() == {AUTHOR}


def test_a_transaction_begun_in_a_text_settles_when_it_ends(author: Author) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE library_author SET name = 'x' WHERE id = %s", [author.pk])
        assert unsettled() == {AUTHOR}
        cursor.execute("COMMIT")
    assert unsettled() == set()


def test_a_transaction_that_may_have_ended_without_a_word_marks_again(author: Author) -> None:
    """As one that goes on in another does (COMMIT AND CHAIN): its first marks do not count for ever."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        for _ in range(2):
            cursor.execute("UPDATE library_author SET name = 'x' WHERE id = %s", [author.pk])
            assert unsettled() == {AUTHOR}
            settle()
        cursor.execute("COMMIT")
    assert unsettled() == set()


def test_many_runs_of_a_statement_mark_all_rows_of_the_table(author: Author) -> None:
    with connection.cursor() as cursor, transaction.atomic():
        runs: Any = ([name, author.pk] for name in "ab")
        cursor.executemany("UPDATE library_author SET name = %s WHERE id = %s", runs)
        assert unsettled() == {AUTHOR, f"{AUTHOR}:*"}
    assert unsettled() == set()


@pytest.mark.usefixtures("author")
@pytest.mark.parametrize("name", WRITES[connection.vendor])
def test_what_passes_by_the_execute_wrappers_settles_when_it_is_done(name: str) -> None:
    write, tags = WRITES[connection.vendor][name]
    with with_procedures(), connection.cursor() as cursor:
        settle()
        write(cursor)
        assert unsettled() == set()
        with transaction.atomic():
            write(cursor)
            assert unsettled() >= tags
        assert unsettled() == set()


@pytest.mark.usefixtures("author")
def test_what_is_refused_there_settles_too() -> None:
    error: Any = connection
    with with_procedures(), connection.cursor() as cursor:
        settle()
        with pytest.raises((DatabaseError, error.Database.Error)):
            REFUSALS[connection.vendor](cursor)
        assert unsettled() == set()


def test_data_that_nobody_marked_before_is_in_doubt_at_first(
    settings: Any, author: Author, redis_server: Server
) -> None:
    prefix = uuid4().hex
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": prefix}}
    assert "stored" not in see()
    assert {SITE, AUTHOR} <= unsettled()
    assert "stored" not in see()
    author.save()
    assert AUTHOR in unsettled(), "another mark may have been lost"
    with redis.Redis.from_url(redis_server.url) as admin:
        let_marks_lapse(admin)
    assert "stored" not in see()
    assert "stored" in see()


@pytest.mark.parametrize("how", ["log", "raise"])
def test_a_write_whose_mark_fails(
    settings: Any, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    with Instance() as instance:
        settings.CACHES = {"default": instance.backend}
        options = {"TWO_PHASE": True, "ON_INVALIDATION_FAILURE": how}
        settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 1, **options}
        instance.process.kill()
        instance.process.wait()
        with caplog.at_level(logging.WARNING, "pagecache"):
            if how == "raise":
                with pytest.raises(InvalidationError, match="so nothing was written"):
                    make_author()
            else:
                make_author()
                assert "Writes cannot be marked" in caplog.text
        assert Author.objects.exists() is (how == "log")
    site_store().close()
    announcer.owed.clear()


def test_a_refused_write_leaves_the_transaction_usable(settings: Any) -> None:
    with Instance() as instance:
        settings.CACHES = {"default": instance.backend}
        options = {"TWO_PHASE": True, "ON_INVALIDATION_FAILURE": "raise"}
        settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 1, **options}
        with transaction.atomic():
            make_author()
            instance.process.kill()
            instance.process.wait()
            with pytest.raises(InvalidationError), transaction.atomic():
                Unrelated.objects.create(note="x")
            assert Author.objects.count() == 1
        assert announcer.owed, "the commit is announced when the server is back"
    site_store().close()
    announcer.owed.clear()


def test_what_is_owed_takes_off_its_marks_when_it_is_paid(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = site_store()
    announced: list[Any] = []
    announce = type(store)._announce

    def once(
        self: Any, star: str, versions: Any, ttl: float, marking: Marking | None = None
    ) -> Any:
        announced.append(marking)
        if len(announced) == 2:
            raise ConnectionResetError
        return announce(self, star, versions, ttl, marking)

    monkeypatch.setattr(type(store), "_announce", once)
    author.save()
    assert unsettled() == {AUTHOR}
    assert announcer.owed
    announcer.announce()
    assert unsettled() == set()
    assert not announcer.owed


@pytest.mark.usefixtures("author")
def test_a_page_that_was_never_seen_depends_on_its_path_without_doubt() -> None:
    see()
    (version,) = site_store().fetch(site_names().versions((f"page:{LIST}",)))
    assert is_version(version)
    assert see().startswith("hit")


def german(_request: HttpRequest) -> str:
    return "german"


@pytest.mark.usefixtures("author")
def test_a_class_of_visitors_that_was_never_seen_is_not_in_doubt(settings: Any) -> None:
    """Like a path: no transaction writes to it."""
    settings.PAGECACHE = {**settings.PAGECACHE, "SEGMENT": f"{__name__}.{german.__name__}"}
    assert "stored" in see()
    invalidate("segment:german")
    (version,) = site_store().fetch(site_names().versions(("segment:german",)))
    assert is_version(version)
    assert "stored" in see()
