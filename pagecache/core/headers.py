"""Header fields that decide about storing: Cache-Control, Vary, dates (RFC 9110, RFC 9111)."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

DIRECTIVE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:\\.|[^"\\])*"|[^\s,;"]*))?"""
)
MAX_SECONDS = 2**31  # RFC 9111 1.2.2: what a larger number counts as
MAX_DIGITS = 10


@lru_cache(512)
def cache_control(value: str) -> Mapping[str, tuple[str, ...]]:
    """Return the directives of a Cache-Control field, names in lower case, each with all its arguments.

    What stands between them without the comma is heard too: it may be the one that forbids storing.
    """
    found: dict[str, tuple[str, ...]] = {}
    position = 0
    while position < len(value):
        match = DIRECTIVE.match(value, position)
        if match is None:
            position += 1
            continue
        name, argument = match[1].lower(), match[2] or ""
        if argument.startswith('"'):
            argument = re.sub(r"\\(.)", r"\1", argument[1:-1])
        found[name] = (*found.get(name, ()), argument)
        position = match.end()
    return found


def seconds(arguments: tuple[str, ...]) -> int:
    """Return delta-seconds; the smallest where there are several, 0 where one is invalid (RFC 9111 4.2.1)."""
    return min(map(_delta, arguments), default=0)


def _delta(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit()):
        return 0
    digits = argument.lstrip("0") or "0"
    return min(int(digits), MAX_SECONDS) if len(digits) <= MAX_DIGITS else MAX_SECONDS


def http_date(value: str) -> float | None:
    """Return an HTTP-date as seconds since the epoch, None where it is invalid (RFC 9110 5.6.7)."""
    try:
        when = parsedate_to_datetime(value)
        # The asctime format names no zone, and means UTC.
        return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(512)
def vary_names(value: str) -> tuple[str, ...]:
    """Return the field names of a Vary field in lower case, each once (RFC 9110 12.5.5)."""
    names = (name.strip().lower() for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))
