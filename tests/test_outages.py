"""The cache server is away at each point of a write, hanging as a machine does that pages to disk.

With two phases, on whatever database this runs: what is shown is what the database says, always.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from pagecache import invalidate
from pagecache.announcing import InvalidationError, announcer, site_names, site_store
from pagecache.core.vector import is_unsettled
from pagecache.stores import waiting
from pagecache.tags import SITE
from pagecache.writes import writes
from tests.site.factories import make_article, make_tag
from tests.site.models import Author, Unrelated
from tests.stores.instances import Instance, let_marks_lapse

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/articles/"
TABLES = (SITE, "library.article", "library.author", "library.tag", "library.article_tags")


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Instance]:
    """A server that is asked again at once when it is back."""
    monkeypatch.setattr(waiting, "PAUSE", 0.0)
    with Instance() as instance:
        settings.CACHES = {"default": instance.backend}
        settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 1, "TWO_PHASE": True}
        make_article()
        names = site_names()
        keys = names.versions(("*", *TABLES))
        site_store().announce(names.version("*"), {key: uuid4().bytes for key in keys}, 3600.0)
        yield instance
        site_store().close()
    announcer.owed.clear()


@contextmanager
def away(server: Instance) -> Generator[None]:
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def see() -> str:
    """Return how the list came about; it is as the database says."""
    response = Client().get(LIST)
    assert Author.objects.get().name in response.content.decode()
    status: str = response.headers["Cache-Status"].split("; ")[1]
    return status


def stored() -> None:
    """See that the list is stored."""
    see()
    assert see() == "hit"


def is_stored_again(server: Instance) -> bool:
    see()
    let_marks_lapse(server.admin)
    return [see() for _ in range(3)][-1] == "hit"


def rename() -> None:
    Author.objects.update(name="Willy")


def is_renamed() -> bool:
    return Author.objects.get().name == "Willy"


@pytest.mark.parametrize("how", ["log", "raise"])
def test_away_at_the_announcement(server: Instance, settings: Any, how: str) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": how}
    stored()
    with transaction.atomic():
        rename()
        server.process.send_signal(signal.SIGSTOP)
    try:
        assert announcer.owed
        assert see() != "hit"
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert is_renamed()
    assert is_stored_again(server)
    assert not announcer.owed


@pytest.mark.parametrize("is_atomic", [False, True])
def test_away_at_the_mark_the_write_goes_on_or_is_refused(
    server: Instance, settings: Any, is_atomic: bool
) -> None:
    for how, expected in (("raise", False), ("log", True)):
        settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": how}
        stored()
        with away(server):
            refused = write(is_atomic=is_atomic)
            assert refused is (how == "raise")
            assert is_renamed() is expected
            assert see() != "hit"
        assert is_stored_again(server)
        assert is_renamed() is expected


def write(*, is_atomic: bool) -> bool:
    """Write, and return whether that was refused."""
    try:
        if is_atomic:
            with transaction.atomic():
                rename()
        else:
            rename()
    except InvalidationError:
        return True
    return False


def test_away_at_the_mark_only(server: Instance) -> None:
    stored()
    with transaction.atomic():
        with away(server):
            rename()
            assert is_renamed()
        assert not connection.needs_rollback
    assert is_renamed()
    assert not announcer.owed
    assert is_stored_again(server)


def versions() -> list[bytes | None]:
    return site_store().fetch(site_names().versions(TABLES))


def refused() -> None:
    """Try to write; the transaction around goes on."""
    with pytest.raises(InvalidationError), transaction.atomic():
        rename()


def test_a_mark_that_arrives_although_it_was_given_up_is_taken_off(
    server: Instance, settings: Any
) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": "raise"}
    announcer.announce()  # the server knows the script
    with away(server):
        refused()
    see()
    assert not any(map(is_unsettled, versions()))
    with transaction.atomic():
        with away(server):
            refused()
        assert any(map(is_unsettled, versions()))
    assert not any(map(is_unsettled, versions()))


def test_who_was_refused_marks_when_it_tries_again(server: Instance, settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": "raise"}
    with transaction.atomic():
        with away(server):
            refused()
        before = versions()
        rename()
        assert any(map(is_unsettled, versions()))
        assert versions() != before
    assert not any(map(is_unsettled, versions()))


def test_a_transaction_waits_once_for_a_server_that_is_away(
    server: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    stored()
    with transaction.atomic():
        with away(server), caplog.at_level(logging.WARNING, "pagecache"):
            rename()
            Unrelated.objects.create(note="x")
            make_tag()
        assert len([one for one in caplog.records if one.module == "announcing"]) == 1
        assert "Writes cannot be marked" in caplog.text
    assert is_stored_again(server)


def test_invalidation_in_a_transaction_is_refused_as_a_write_is(
    server: Instance, settings: Any
) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": "raise"}
    with transaction.atomic():
        with away(server), pytest.raises(InvalidationError, match="or invalidated"):
            invalidate(Author)
        assert writes.unannounced() == set()
        invalidate(Author)
        assert any(map(is_unsettled, versions()))
    assert not any(map(is_unsettled, versions()))


def test_gone_for_good_between_mark_and_announcement(server: Instance) -> None:
    """It comes back empty: what was marked is in doubt until the mark would have lapsed."""
    stored()
    with transaction.atomic():
        rename()
        server.process.kill()
        server.process.wait()
    assert see() != "hit"
    with Instance(port=server.port) as another:
        announcer.announce()
        announcer.announce()
        assert not announcer.owed
        assert is_stored_again(another)
