"""Time as data: pages that depend on the present moment end with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone as django_timezone
from freezegun import freeze_time

from pagecache import expire_at, expire_in, next_change
from pagecache.core.footprint import footprint
from pagecache.recording.clock import is_present
from tests.lanes import Lane
from tests.site.factories import make_article
from tests.site.models import Article

pytestmark = pytest.mark.django_db(transaction=True)
ON = ("memory",)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def published(_request: HttpRequest | None = None) -> HttpResponse:
    found = Article.objects.filter(published__lte=django_timezone.now())
    return HttpResponse(",".join(article.slug for article in found))


# The life of a page


def test_a_page_that_asked_for_the_present_moment_lives_for_clock_timeout(lane: Lane) -> None:
    make_article("due", published=NOON + timedelta(seconds=90))
    lane.show(published)
    with freeze_time(NOON) as clock:
        assert lane.see().ttl == 60
        assert lane.see().hit
        clock.tick(91)
        assert lane.read() == "due"


def test_clock_timeout_can_be_set_and_switched_off(lane: Lane) -> None:
    for timeout, ttl in ((5, 5), (None, 300), (1000, 300)):
        lane.configure(CLOCK_TIMEOUT=timeout)
        lane.show(published)
        assert lane.see(f"/page/?{timeout}").ttl == ttl


def test_a_page_without_the_time_in_its_sql_lives_for_timeout(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        found = Article.objects.filter(
            published__lte=NOON - timedelta(365), views=3, title="2020-01-01"
        )
        return HttpResponse(str(found.count()))

    lane.show(view)
    assert lane.see().ttl == 300


def test_a_page_ends_when_its_site_says(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        expire_at(next_change(Article.objects.all(), "published"))
        return published()

    lane.show(view)
    with freeze_time(NOON) as clock:
        make_article("past", published=NOON - timedelta(hours=1))
        make_article("next", published=NOON + timedelta(seconds=90))
        make_article("later", published=NOON + timedelta(seconds=200))
        assert lane.see().ttl == 90
        clock.tick(89)
        assert lane.see().hit
        clock.tick(1)
        assert lane.read() == "past,next"
        clock.tick(110)
        assert lane.read() == "past,next,later"
        assert lane.see().hit
        clock.tick(200)
        assert lane.see().hit, "nothing is due any more"


def test_the_earliest_end_wins(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        expire_in(40)
        expire_at(None)
        expire_in(timedelta(seconds=20))
        expire_at(NOON + timedelta(seconds=30))
        return published()

    lane.show(view)
    with freeze_time(NOON):
        assert lane.see().ttl == 20


def test_the_next_change_is_the_first_of_all_fields() -> None:
    with freeze_time(NOON):
        make_article("a", published=NOON + timedelta(seconds=5))
        make_article("b", published=NOON + timedelta(seconds=3))
        articles = Article.objects.order_by("-title")
        assert next_change(articles, "published") == NOON + timedelta(seconds=3)
        assert next_change(articles.filter(slug="a"), "published") == NOON + timedelta(seconds=5)
        assert next_change(articles.none(), "published") is None
        assert next_change(articles.filter(slug="c"), "published") is None


@pytest.mark.parametrize("max_age", [50, timedelta(seconds=50)])
def test_a_page_that_went_by_a_signature_ends_with_it(lane: Lane, max_age: Any) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        expire_at(None)
        try:
            return HttpResponse(signing.loads(request.GET["s"], max_age=max_age))
        except signing.SignatureExpired:
            return HttpResponse("over")

    lane.configure(STALE_IF_ERROR=300, STALE_WHILE_REVALIDATE=300)
    lane.show(view, timeout=None)
    with freeze_time(NOON) as clock:
        url = f"/page/?s={signing.dumps('shown')}"
        clock.tick(20)
        assert lane.see(url).ttl == 30
        clock.tick(29)
        assert lane.see(url).hit
        clock.tick(2)
        assert [lane.read(url) for _ in range(2)] == ["over", "over"]


def test_a_page_that_went_by_a_signature_of_no_age_lives_on(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse(signing.loads(request.GET["s"])))
    assert lane.see(f"/page/?s={signing.dumps('shown')}").ttl == 300


# What asks for the time, or for chance


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        NOON + timedelta(seconds=1),
        NOON.astimezone(timezone(timedelta(hours=3))),
        NOON.replace(tzinfo=None),
        "2026-11-24 12:00:00",
        "2026-11-24 12:00:00.400000",
        "2026-11-24T12:00:00+00:00",
        date(2026, 11, 24),
        "2026-11-24",
        "now",
        time(12),
        time(11, 59, 59, 500_000),
        "12:00:00.400000",
    ],
)
def test_the_present_moment_is_known_in_all_its_forms(value: Any) -> None:
    with freeze_time(NOON):
        assert is_present(value)


@pytest.mark.parametrize(
    "value",
    [
        NOON + timedelta(seconds=2),
        "2026-11-24 12:00:02",
        "2026-11-23",
        "2026-13-24",
        "2026-11-24 is no date",
        date(2026, 11, 22),
        "knowledge",
        12,
        None,
        b"2026-11-24",
        time(12, 0, 2),
        "12:00:02",
        "12:60:00",
        "12:00",
    ],
)
def test_other_values_are_not_the_present_moment(value: Any) -> None:
    with freeze_time(NOON):
        assert not is_present(value)


@pytest.mark.parametrize(
    "value",
    [NOON, "2026-11-24 12:00:07", date(2026, 11, 24), time(12, 0, 5), "12:00:00"],
)
def test_a_page_may_have_asked_at_any_moment_since_it_began(value: Any) -> None:
    began = NOON.timestamp()
    with freeze_time(NOON + timedelta(seconds=10)):
        assert is_present(value, began)
        assert not is_present(NOON - timedelta(seconds=2), began)
        assert not is_present(time(11, 59, 58), began)


def test_midnight_may_lie_between() -> None:
    midnight = NOON.replace(hour=0)
    began = midnight.timestamp() - 5
    with freeze_time(midnight + timedelta(seconds=5)):
        for value in (time(23, 59, 57), time(0, 0, 3), date(2026, 11, 23), date(2026, 11, 24)):
            assert is_present(value, began)
        assert not is_present(time(12), began)


def test_today_is_that_of_the_active_time_zone() -> None:
    with freeze_time(NOON), django_timezone.override("Pacific/Auckland"):
        assert is_present(django_timezone.localdate())
        assert is_present(django_timezone.localtime().replace(tzinfo=None))


def test_a_slow_page_that_asked_for_the_time_first_lives_for_clock_timeout(lane: Lane) -> None:
    with freeze_time(NOON) as clock:

        def view(request: HttpRequest) -> HttpResponse:
            now = django_timezone.now()
            clock.tick(5)  # it asks another service
            return HttpResponse(str(Article.objects.filter(published__lte=now).count()))

        lane.show(view)
        assert lane.see().ttl == 60


@pytest.mark.parametrize(
    "sql, vendor",
    [
        ("SELECT now()", "postgresql"),
        ('SELECT "now"()', "postgresql"),
        ("SELECT pg_catalog.now()", "postgresql"),
        ("SELECT 1 WHERE x < CURRENT_TIMESTAMP", "sqlite"),
        ("SELECT 1 WHERE x < current_date", "postgresql"),
        ("SELECT x FROM t ORDER BY RAND()", "mysql"),
        ("SELECT x FROM t ORDER BY RANDOM()", "sqlite"),
        ("SELECT datetime('now', '-1 day')", "sqlite"),
        ("SELECT julianday()", "sqlite"),
        ("SELECT 'today'::date", "postgresql"),
        ("SELECT x FROM t TABLESAMPLE SYSTEM (1)", "postgresql"),
    ],
)
def test_sql_that_asks_for_the_time_or_for_chance(sql: str, vendor: str) -> None:
    assert footprint(sql, vendor).volatile


@pytest.mark.parametrize(
    "sql", ["SELECT now FROM t", "SELECT date(x) FROM t", 'SELECT "t"."random" FROM t']
)
def test_sql_with_such_names_for_columns_does_not(sql: str) -> None:
    assert not footprint(sql, "sqlite").volatile


@pytest.mark.parametrize("order", ["?", Now()])
def test_the_orm_asks_so_too(lane: Lane, order: Any) -> None:
    lane.show(lambda r: HttpResponse(str(Article.objects.order_by(order).first())))
    assert lane.see().ttl == 60


def test_values_by_name_are_looked_at(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            sql = "SELECT count(*) FROM library_article WHERE published < %(now)s"
            cursor.execute(sql, {"now": "now"} if connection.vendor == "sqlite" else {"now": NOON})
        return HttpResponse("x")

    lane.show(view)
    assert lane.see().ttl == 60


class Backwards(signing.TimestampSigner):
    """A signer of the site's own, whose values say when they were signed in a way of their own."""

    def sign(self, value: str) -> str:
        return super().sign(value)[::-1]

    def unsign(self, value: str, max_age: Any = None) -> str:
        return super().unsign(value[::-1], max_age)


def test_a_page_that_went_by_a_signer_of_the_site_is_not_kept(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse(Backwards().unsign(request.GET["s"], max_age=60)))
    url = f"/page/?s={Backwards().sign('shown')}"
    assert [lane.read(url), lane.see(url).reason] == ["shown", "no-lifetime"]
