"""The present moment among the parameters of a query: what was true of it is not true for long."""

import time
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone

CLOSE = 1.0  # seconds


def is_present(value: Any) -> bool:
    """Whether a parameter is the present moment, or today; some databases take both as text."""
    if isinstance(value, str):
        if value.lower() in {"now", "today"}:
            return True
        value = _moment(value)
    if isinstance(value, datetime):
        zones = (
            [UTC, timezone.get_default_timezone()] if timezone.is_naive(value) else [value.tzinfo]
        )
        now = time.time()
        return any(abs(value.replace(tzinfo=zone).timestamp() - now) <= CLOSE for zone in zones)
    here = timezone.get_default_timezone()
    return isinstance(value, date) and value in {datetime.now(zone).date() for zone in (UTC, here)}


def _moment(text: str) -> datetime | date | None:
    """Return the date, or date and time, that a text spells as Django does for a database."""
    if text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        return (
            datetime.fromisoformat(text)
            if len(text) > len("2026-11-24")
            else date.fromisoformat(text)
        )
    except ValueError:
        return None
