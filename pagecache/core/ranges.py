"""Ranges of a page: what part a client asks for, and whether it still fits what it has (RFC 9110 13.1.5, 14)."""

import re
from collections.abc import Mapping

from pagecache.core.conditions import TAG, is_weak
from pagecache.core.headers import http_date, vary_names

BYTES = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)
PART = re.compile(r"bytes \d+-\d+/(?:\d+|\*)", re.ASCII | re.IGNORECASE)
STRONG_AFTER = (
    60  # seconds between a change and the page, for the date of the change to name it alone
)


def wanted(value: str, size: int) -> range | None:
    """Return the places of the bytes that a Range field asks for; none of them where it cannot be satisfied.

    None for what is ignored (RFC 9110 14.2): several ranges, another unit, an invalid form, an empty page.
    """
    match = BYTES.fullmatch(value.strip())
    if match is None or not size or not (match[1] or match[2]):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def is_range(value: str) -> bool:
    """Whether a Content-Range says that a body is a part; what is of no such form says nothing (RFC 9110 14.4)."""
    return PART.fullmatch(value.strip()) is not None


def holds(value: str, headers: Mapping[str, str], made: float) -> bool:
    """Whether a validator is a strong one of the page: an entity tag, or its date (RFC 9110 8.8.2.2, 13.1.5).

    `headers` are those of the page, names in lower case, which was made at some time.
    """
    value = value.strip()
    if re.fullmatch(TAG, value):
        return value == headers.get("etag") and not is_weak(value)
    if "accept-encoding" in vary_names(headers.get("vary", "")):
        return False  # the page has the same date in another coding, where its parts are others (RFC 9110 8.8.1)
    changed = http_date(value, made)
    date = http_date(headers.get("date", ""), made)
    if changed is None or changed != http_date(headers.get("last-modified", ""), made):
        return False
    return changed + STRONG_AFTER <= (made if date is None else date)
