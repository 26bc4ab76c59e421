"""A site with several databases: each connection announces its own writes, and a table has one tag in all of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connections, transaction

from pagecache.recording.recorder import Recorder, recording
from pagecache.writes import writes
from tests.announced import AUTHOR, UNRELATED, Announced
from tests.site.factories import make_author
from tests.site.models import Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica"])

OTHER = "replica"


class OopsError(Exception):
    """Takes a transaction back."""


@pytest.fixture
def announced() -> Announced:
    return Announced()


class Replicated:
    """Reads from one node, writes to another."""

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        return OTHER

    def db_for_write(self, _model: Any, **_hints: Any) -> str:
        return "default"

    def allow_relation(self, *_: Any, **_hints: Any) -> bool:
        return True


def _in_a_transaction() -> None:
    with transaction.atomic(using=OTHER):
        Author.objects.count()


def _sql(text: str) -> None:
    with connections[OTHER].cursor() as cursor:
        cursor.execute(text)


READS: dict[str, Callable[[], object]] = {
    "by the router": lambda: list(Author.objects.all()),
    "by hand": lambda: list(Author.objects.using(OTHER)),
    "in a transaction": _in_a_transaction,
    "in SQL of the site's own": lambda: _sql("SELECT name FROM library_author"),
}


@pytest.mark.parametrize("read", READS)
def test_what_is_read_from_a_replica_has_the_tags_of_what_is_written(
    read: str, settings: Any, announced: Announced
) -> None:
    settings.DATABASE_ROUTERS = [Replicated()]
    render = Recorder()
    with recording(render):
        READS[read]()
    author = make_author()
    assert author._state.db == "default"
    assert render.tags == announced() == {AUTHOR}


def test_a_row_read_from_a_replica_has_the_tag_of_the_one_written(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Replicated()]
    author = make_author()
    Author(pk=author.pk, name="Colette").save(using=OTHER, force_insert=True)
    render = Recorder()
    with recording(render):
        Author.objects.get(pk=author.pk)
    with transaction.atomic():
        author.save()
        assert not render.tags.isdisjoint(writes.unannounced())


def test_a_write_beside_the_transaction_of_another_database_is_announced_at_once(
    announced: Announced,
) -> None:
    with transaction.atomic():
        Unrelated.objects.create(note="x")
        make_author_in(OTHER)
        assert announced() == {AUTHOR}
    assert announced() == {UNRELATED}


def test_transactions_of_two_databases_are_announced_each_when_it_commits(
    announced: Announced,
) -> None:
    with transaction.atomic():
        with transaction.atomic(using=OTHER):
            Unrelated.objects.create(note="x")
            make_author_in(OTHER)
            assert announced() == set()
            assert writes.unannounced() >= {AUTHOR, UNRELATED}
        assert announced() == {AUTHOR}
    assert announced() == {UNRELATED}


def test_what_one_database_rolls_back_the_other_announces(announced: Announced) -> None:
    with suppress(OopsError), transaction.atomic():
        Unrelated.objects.create(note="x")
        with transaction.atomic(using=OTHER):
            make_author_in(OTHER)
        raise OopsError
    assert announced() == {AUTHOR}


def test_a_hook_of_one_database_that_raises_keeps_nothing_back(announced: Announced) -> None:
    def oops() -> None:
        raise OopsError

    with suppress(OopsError), transaction.atomic():
        Unrelated.objects.create(note="x")
        with transaction.atomic(using=OTHER):
            make_author_in(OTHER)
            transaction.on_commit(oops, using=OTHER)
            transaction.on_commit(oops)
    assert announced() == {AUTHOR}


def make_author_in(database: str) -> None:
    Author.objects.using(database).create(name="Colette")
