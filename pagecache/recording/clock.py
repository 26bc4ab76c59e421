"""The present moment among the parameters of a query: what was true of it is not true for long."""

import time as clock
from datetime import UTC, date, datetime, time
from typing import Any

from django.utils import timezone

CLOSE = 1.0  # seconds


def is_present(value: Any, since: float | None = None) -> bool:
    """Whether a parameter is the present moment, its time of day, or today; some databases take them as text.

    A page may have asked for the time at any moment `since` it began to be made, in seconds since the epoch.
    """
    if isinstance(value, str):
        if value.lower() in {"now", "today"}:
            return True
        value = _moment(value)
    if not isinstance(value, date | time):
        return False
    now = clock.time()
    first, last = (now if since is None else min(since, now)) - CLOSE, now + CLOSE
    here = (UTC, timezone.get_default_timezone(), timezone.get_current_timezone())
    if isinstance(value, datetime):
        zones = here if timezone.is_naive(value) else (value.tzinfo,)
        return any(first <= value.replace(tzinfo=zone).timestamp() <= last for zone in zones)
    between = [
        (datetime.fromtimestamp(first, zone), datetime.fromtimestamp(last, zone)) for zone in here
    ]
    if isinstance(value, time):
        return any(_is_between(value.replace(tzinfo=None), *ends) for ends in between)
    return any(value in {one.date() for one in ends} for ends in between)


def _is_between(value: time, first: datetime, last: datetime) -> bool:
    """Whether it is this time of the day at some moment between two; midnight may lie between them."""
    if first.date() == last.date():
        return first.time() <= value <= last.time()
    return value >= first.time() or value <= last.time()


def _moment(text: str) -> datetime | date | time | None:
    """Return the date, the time of day, or both, that a text spells as Django does for a database."""
    try:
        if text[2:3] == ":" and text[5:6] == ":":
            return time.fromisoformat(text)
        if text[4:5] != "-" or text[7:8] != "-":
            return None
        return (
            datetime.fromisoformat(text)
            if len(text) > len("2026-11-24")
            else date.fromisoformat(text)
        )
    except ValueError:
        return None
