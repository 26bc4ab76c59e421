"""A page made from a replica that lags is not kept: `SETTLE_SECONDS` after a change, none of the data is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from pagecache import database
from pagecache.writes import writes
from tests.lanes import Lane
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica"])
ON = ("memory",)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAG = 5  # seconds


class Router:
    """Reads from the replica, writes to the node that takes writes."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        return "replica" if model is Author else None

    def allow_relation(self, *_: Any, **_hints: Any) -> bool:
        return True


def names(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(author.name for author in Author.objects.all()))


@pytest.fixture
def site(lane: Lane, settings: Any) -> Lane:
    settings.DATABASE_ROUTERS = [Router()]
    lane.show(names)
    return lane


def test_a_page_from_a_replica_that_lags_is_not_kept(site: Lane) -> None:
    site.configure(SETTLE_SECONDS=LAG)
    with freeze_time(NOON) as clock:
        site.read("/page/?warm")
        clock.tick(60)
        make_author("Colette")
        clock.tick(LAG - 1)
        assert site.read() == "", "the replica does not have it yet"
        assert site.see().reason == "settling"
        catch_up()
        clock.tick(2)
        assert site.read() == "Colette"
        assert site.see().hit


def test_without_the_setting_it_is(site: Lane) -> None:
    """The test has teeth."""
    make_author("Colette")
    assert site.read() == ""
    catch_up()
    assert site.read() == ""


def catch_up() -> None:
    """Copy as a database does by itself: nothing is announced."""
    database._observers.remove(writes)
    try:
        Author.objects.using("replica").bulk_create(Author.objects.using("default"))
    finally:
        database._observers.append(writes)
