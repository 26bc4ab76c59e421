"""Header fields that decide about storing: Cache-Control, Vary, dates (RFC 9110, RFC 9111)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

DIRECTIVE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:(\s*=\s*)("(?:\\.|[^"\\])*"|[^\s,;"]*))?"""
)
END = re.compile(r"[ \t]*(?:,|$)")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
MAX_SECONDS = 2**31  # RFC 9111 1.2.2: what a larger number counts as
FORBIDDING = frozenset({"no-cache", "no-store", "private"})
MAX_DIGITS = 10

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
WEEKDAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
MONTH = f"(?P<month>{'|'.join(MONTHS)})"
TIME = r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d|60)"
# RFC 9110 5.6.7, each in any case, and in no zone but GMT (RFC 9111 4.2).
DATES = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"{DAY}, (?P<day>\d\d) {MONTH} (?P<year>\d{{4}}) {TIME} GMT",
        rf"{WEEKDAY}, (?P<day>\d\d)-{MONTH}-(?P<year>\d\d) {TIME} GMT",
        rf"{DAY} {MONTH} (?P<day>[ \d]\d) {TIME} (?P<year>\d{{4}})",
    )
)
CENTURY = 100


@lru_cache(512)
def cache_control(value: str) -> Mapping[str, tuple[str, ...]]:
    """Return the directives of a Cache-Control field, names in lower case, each with all its arguments.

    What stands between them without the comma is heard too: it may be the one that forbids storing. The argument of
    an odd form holds what is odd in it (a space, say), so that it is no number.
    """
    found: dict[str, tuple[str, ...]] = {}
    position = 0
    while position < len(value):
        match = DIRECTIVE.match(value, position)
        if match is None:
            position += 1
            continue
        name, equals, argument = _meant(match[1].lower()), match[2] or "", match[3] or ""
        if argument.startswith('"'):
            argument = re.sub(r"\\(.)", r"\1", argument[1:-1])
        position = match.end()
        odd = "" if END.match(value, position) else value[position]
        argument = equals.replace("=", "", 1) + argument + odd
        found[name] = (*found.get(name, ()), argument)
    if "no" in found:
        found |= {f"no-{name}": found[name] for name in ("cache", "store") if name in found}
    return found


def _meant(name: str) -> str:
    """Return the directive that a name means, where that forbids and is spelled oddly."""
    bare = name.strip("'").replace("_", "-")
    return bare if bare in FORBIDDING else name


def seconds(arguments: tuple[str, ...]) -> int:
    """Return delta-seconds; the smallest where there are several, 0 where one is invalid (RFC 9111 4.2.1)."""
    return min(map(_delta, arguments), default=0)


def _delta(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit()):
        return 0
    digits = argument.lstrip("0") or "0"
    return min(int(digits), MAX_SECONDS) if len(digits) <= MAX_DIGITS else MAX_SECONDS


def http_date(value: str, now: float) -> float | None:
    """Return an HTTP-date as seconds since the epoch, None where it is invalid (RFC 9110 5.6.7).

    `now` tells the century of a year of two digits.
    """
    if not value:
        return None
    match = next(filter(None, (form.fullmatch(value.strip()) for form in DATES)), None)
    if match is None:
        return None
    try:
        month = MONTHS.index(match["month"].lower()) + 1
        day = datetime(_year(match["year"], now), month, int(match["day"]), tzinfo=UTC)
        hours, minutes, seconds = (int(match[part]) for part in ("hour", "minute", "second"))
        return (day + timedelta(hours=hours, minutes=minutes, seconds=seconds)).timestamp()
    except (ValueError, OverflowError):
        return None


def _year(digits: str, now: float) -> int:
    """Return a year; one of two digits is never more than fifty years ahead."""
    if len(digits) > 2:  # noqa: PLR2004 as said
        return int(digits)
    present = datetime.fromtimestamp(now, UTC).year
    year = present - present % CENTURY + int(digits)
    return year - CENTURY if year > present + CENTURY // 2 else year


@lru_cache(512)
def vary_names(value: str) -> tuple[str, ...]:
    """Return the field names of a Vary field in lower case, each once; `*` for what is none (RFC 9110 12.5.5)."""
    return tuple(
        dict.fromkeys(name if TOKEN.fullmatch(name) else "*" for name in field_names(value))
    )


def field_names(value: str) -> tuple[str, ...]:
    """Return the members of a list of names in lower case, each once."""
    names = (name.strip(" \t").lower() for name in value.split(","))
    return tuple(dict.fromkeys(filter(None, names)))
