"""Time zones and translations that are active when a request comes, and tell little of themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from gettext import NullTranslations
from typing import Any

import pytest
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import trans_real

from tests.lanes import ALL, LAST_SYNC, STOCK, Lane, showing, through

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def test_translations_that_tell_no_language_are_in_no_request_s_way(lane: Lane) -> None:
    lane.show(showing(lambda request: translation.get_language()))

    with translation.override("de"):
        trans_real._active.value = NullTranslations()  # type: ignore[attr-defined]
        seen = [lane.read() for _ in range(3)]

    assert seen == ["en"] * 3


class Eastern(tzinfo):
    """A zone as dateutil's `tzstr` has them: with a name and an offset for no time at all, those of winter."""

    def __init__(self, summer: int) -> None:
        self.summer = timedelta(hours=summer)

    def dst(self, when: datetime | None) -> timedelta:
        return self.summer if when is not None and when.month == 7 else timedelta(0)

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(hours=-5) + self.dst(when)

    def tzname(self, when: datetime | None) -> str:
        return "EDT" if self.dst(when) else "EST"


class Unprepared(Eastern):
    """One that knows nothing where it is asked about no time, which Django does not ask for an offset."""

    def __repr__(self) -> str:
        return "an unprepared zone"

    def utcoffset(self, when: Any) -> timedelta:
        return timedelta(hours=-when.month)


ZONES: dict[str, tzinfo] = {"est5edt": Eastern(1), "est5": Eastern(0), "odd": Unprepared(0)}


def in_zone(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        with timezone.override(ZONES[request.headers["X-Zone"]]):
            return get_response(request)

    return middleware


JULY = datetime(2026, 7, 1, 12, tzinfo=UTC)
local_time = showing(lambda request: timezone.localtime(JULY).hour)
IN_ZONE = f"{__name__}.in_zone"


@through(LAST_SYNC)
def test_zones_of_one_name_and_offset_in_winter_are_two_zones(lane: Lane) -> None:
    lane.configure(OUTSIDE=[IN_ZONE])
    lane.middleware(IN_ZONE, *STOCK)
    lane.show(local_time)

    seen = [lane.read(headers={"X-Zone": name}) for name in ("est5edt", "est5", "est5edt", "est5")]

    assert seen == ["8", "7", "8", "7"]


@through(LAST_SYNC)
def test_a_zone_that_fails_without_a_time_is_in_no_request_s_way(lane: Lane) -> None:
    lane.configure(OUTSIDE=[IN_ZONE])
    lane.middleware(IN_ZONE, *STOCK)
    lane.show(local_time)

    assert [lane.read(headers={"X-Zone": "odd"}) for _ in range(2)] == ["5"] * 2
