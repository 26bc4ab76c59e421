"""The keys of the setting `PAGECACHE`: their defaults, their forms, and what is wrong with a dict of them."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from pagecache.core.codings import NAMES
from pagecache.core.urls import compile_pattern

SENSITIVE = tuple(
    "access_token api_key apikey auth code key password secret sig signature state ticket token uidb64".split()
)
CODINGS = NAMES[1:]
LOCALS = (None, "validate", "push")
MISS = "miss"  # what `CACHE_READS` says of a key that is not looked at while a page is made
SECRET_LENGTH = 32
DAY = 86400  # seconds
MOST_HITS = 100
MUST_BE_SECONDS = "a number of seconds, 0 or more, or None for no limit"
MUST_BE_HITS = f"a whole number from 1 (each page is stored) to {MOST_HITS}"


def is_seconds(value: object) -> bool:
    """Whether a value is a number of seconds, or None for no limit."""
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    )


def is_duration(value: object) -> bool:
    """Whether a value is a number of seconds."""
    return value is not None and is_seconds(value)


def _is_within_a_day(value: object) -> bool:
    return isinstance(value, int | float) and is_seconds(value) and 0 < value <= DAY


def is_count(value: object) -> bool:
    """Whether a value is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_hits(value: object) -> bool:
    """Whether a value is a number of requests after which a page may be stored."""
    return is_count(value) and 1 <= value <= MOST_HITS  # type: ignore[operator]


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def is_names(value: object) -> bool:
    """Whether a value is a collection of strings."""
    return isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(item, str) for item in value
    )


def _is_declaration(value: object) -> bool:
    return is_names(value) or (
        isinstance(value, dict)
        and all(isinstance(k, str) and (v is None or is_names(v)) for k, v in value.items())
    )


def _is_aliases(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(k, str) and is_names(v) for k, v in value.items()
    )


def _is_cache_reads(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(isinstance(k, str) and k for k in value)
        and all(v is None or v == MISS or is_names(v) for v in value.values())
    )


def _is_patterns(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and is_names(value)
        and all(_compiles(str(item)) for item in value)
    )


def _is_rules(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_is_rule(item) for item in value)


def _is_rule(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"match", "timeout", "segment", "tags", "min_hits", "min_cost"}
        and isinstance(value.get("match"), str)
        and _compiles(value["match"])
        and is_seconds(value.get("timeout"))
        and isinstance(value.get("segment", ""), str)
        and is_names(value.get("tags", ()))
        and is_hits(value.get("min_hits", 1))
        and is_duration(value.get("min_cost", 0))
    )


def _compiles(pattern: str) -> bool:
    try:
        compile_pattern(pattern)
    except re.error:
        return False
    return True


def _is_secrets(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(item, str | bytes) and len(item) >= SECRET_LENGTH for item in value
    )


def _option(
    default: Any, is_valid: Callable[[object], bool], must_be: str, *, is_secret: bool = False
) -> Any:
    metadata = {"is_valid": is_valid, "must_be": must_be, "is_secret": is_secret}
    return field(default=default, repr=not is_secret, metadata=metadata)


def _duration(default: float) -> Any:
    return _option(default, is_duration, "a number of seconds, 0 or more")


def _choice(default: str, *others: str) -> Any:
    choices = (default, *others)
    return _option(
        default, lambda value: value in choices, "one of " + ", ".join(map(repr, choices))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keys of `PAGECACHE` with their defaults; times are in seconds, sizes in bytes."""

    ENABLED: bool | None = _option(
        None, lambda v: v is None or _is_bool(v), "True, False or None (automatic)"
    )
    MODE: str = _choice("all", "decorated")
    TIMEOUT: float | None = _option(300, is_seconds, MUST_BE_SECONDS)
    CLOCK_TIMEOUT: float | None = _option(60, is_seconds, MUST_BE_SECONDS)
    NEGATIVE_TIMEOUT: float | None = _option(60, is_seconds, MUST_BE_SECONDS)
    HEURISTIC: float = _option(
        0, _is_share, "a share of the time since the last change: a number from 0 to 1, such as 0.1"
    )
    STALE_IF_ERROR: float = _duration(0)
    STALE_WHILE_REVALIDATE: float = _duration(0)
    WAIT_SECONDS: float = _duration(5)
    BACKGROUND: bool | None = _option(
        None, lambda v: v is None or _is_bool(v), "True, False or None (automatic)"
    )
    EARLY_REFRESH: float = _option(0, is_duration, "a number, 0 (never) or more, such as 1")
    JITTER: float = _option(0, _is_share, "a share of lifetimes: a number from 0 to 1, such as 0.1")
    SETTLE_SECONDS: float = _duration(0)
    TWO_PHASE: bool = _option(default=False, is_valid=_is_bool, must_be="True or False")
    MAX_TRANSACTION_SECONDS: float = _option(
        60, _is_within_a_day, "a number of seconds above 0, at most 86400 (a day)"
    )
    ON_INVALIDATION_FAILURE: str = _choice("log", "raise")
    VERIFY: float = _option(0, _is_share, "a share of hits: a number from 0 to 1, such as 0.01")
    SHADOW: bool = _option(default=False, is_valid=_is_bool, must_be="True or False")
    CACHE: str = _option("default", _is_text, "the alias of a cache in CACHES")
    KEY_PREFIX: str = _option("", _is_text, "a string")
    RELEASE: str = _option(
        "", _is_text, "a string that differs between deploys, such as a commit id"
    )
    EXCLUDE: Sequence[str] = _option(
        (),
        _is_patterns,
        "a list of patterns: regular expressions, or 'name:...', 'namespace:...', 'app:...'",
    )
    INCLUDE: Sequence[str] = _option((), _is_patterns, "a list of patterns, as EXCLUDE")
    RULES: Sequence[Mapping[str, Any]] = _option(
        (),
        _is_rules,
        "a list of dicts with the key 'match' (a pattern) and "
        "any of 'timeout' (seconds), 'segment' (dotted path), 'tags' (list), "
        "'min_hits' (number), 'min_cost' (seconds)",
    )
    AUTHENTICATED: str = _choice("bypass", "segment", "unread")
    SEGMENT: str = _option(
        "pagecache.segments.anonymous", _is_text, "the dotted path of a callable"
    )
    KEY_COOKIES: Any = _option(
        (),
        _is_declaration,
        "a list of cookie names, or a dict from names to lists of allowed values (None for any)",
    )
    KEY_HEADERS: Any = _option(
        (), _is_declaration, "a list of header names, or a dict, as KEY_COOKIES"
    )
    SENSITIVE_PARAMS: Sequence[str] = _option(
        SENSITIVE, is_names, "a list of query parameter names"
    )
    MAX_BYTES: int = _option(1_000_000, is_count, "a whole number of bytes, 0 or more")
    STATUSES: Sequence[int] | None = _option(
        None,
        lambda v: v is None or (isinstance(v, list | tuple | set) and all(map(_is_storable, v))),
        "a list of statuses out of 200, 203, 204, 300, 301, 308, 404, 410, or None for the usual",
    )
    MIN_HITS: int = _option(1, is_hits, MUST_BE_HITS)
    MIN_COST: float = _duration(0)
    MAX_ROWS: int = _option(32, is_count, "a whole number, 0 or more")
    MAX_INPUTS: int = _option(32, is_count, "a whole number, 0 or more")
    MAX_VARIANTS: int = _option(
        1000, lambda v: is_count(v) and bool(v), "a whole number, 1 or more"
    )
    OUTSIDE: Sequence[str] = _option(
        (),
        is_names,
        "a list of dotted paths of middleware that stands before "
        "pagecache and makes no page depend on the request",
    )
    OBSERVERS: Sequence[str] = _option(
        (), is_names, "a list of dotted paths of middleware that only looks on, as in MIDDLEWARE"
    )
    IGNORE: Sequence[str] | None = _option(
        None,
        lambda v: v is None or is_names(v),
        "a list of 'table' and 'table.column' whose writes no page depends on",
    )
    ROUTINES: Sequence[str] = _option(
        (), is_names, "a list of SQL function names that read and write no table"
    )
    ALIASES: Mapping[str, Sequence[str]] | None = _option(
        None,
        lambda v: v is None or _is_aliases(v),
        "a dict from names of views, and of tables that triggers fill, to lists of the tables they are made of",
    )
    CACHE_READS: Mapping[str, Sequence[str] | str | None] | None = _option(
        None,
        _is_cache_reads,
        "a dict from patterns of cache keys ('*' stands for any characters) to "
        "'miss', a list of tags, or None (the value may be old)",
    )
    ENCRYPT: Sequence[str | bytes] = _option(
        (),
        _is_secrets,
        f"a list of secrets of {SECRET_LENGTH} characters or more, such as one of secrets.token_urlsafe()",
        is_secret=True,
    )
    COMPRESS: bool | str = _option(
        False,  # noqa: FBT003 the default
        lambda v: _is_bool(v) or v in CODINGS,
        "True (gzip), False, or one of " + ", ".join(map(repr, CODINGS)),
    )
    RANGES: bool = _option(default=False, is_valid=_is_bool, must_be="True or False")
    OBEY_REQUEST_DIRECTIVES: bool = _option(
        default=False, is_valid=_is_bool, must_be="True or False"
    )
    DOWNSTREAM_MAX_AGE: int = _option(0, is_count, "a whole number of seconds, 0 or more")
    REVEAL: str | None = _option(
        None,
        lambda v: v is None or isinstance(v, str),
        "the dotted path of a callable request -> bool, or None",
    )
    LOCAL: str | None = _option(
        None, lambda v: v in LOCALS, "None or one of " + ", ".join(map(repr, LOCALS[1:]))
    )
    LOCAL_BYTES: int = _option(
        64_000_000, lambda v: is_count(v) and bool(v), "a whole number of bytes, 1 or more"
    )
    PUSH_BOUND: float = _option(
        1.0, lambda v: is_seconds(v) and bool(v), "a number of seconds above 0"
    )
    STORE_BUDGET: float = _option(
        0.05, lambda v: is_seconds(v) and bool(v), "a number of seconds above 0"
    )


def _is_storable(status: object) -> bool:
    return isinstance(status, int) and status in {200, 203, 204, 300, 301, 308, 404, 410}


def problems(stated: object) -> list[tuple[str, str]]:
    """Return what is wrong with a `PAGECACHE` dict: pairs of message and hint."""
    if not isinstance(stated, dict):
        return [(f"PAGECACHE is {stated!r}.", "Make it a dict, such as {'TIMEOUT': 300}.")]
    options = {item.name: item for item in fields(Options)}
    found = []
    for name, value in stated.items():
        if name not in options:
            close = get_close_matches(str(name), options, 1)
            hint = (
                f"Did you mean {close[0]!r}?"
                if close
                else f"Remove it; the keys are {', '.join(options)}."
            )
            shown = _shown(value, *(options[one] for one in close))
            found.append((f"PAGECACHE has the unknown key {name!r} (value {shown}).", hint))
        elif not options[name].metadata["is_valid"](value):
            found.append(
                (
                    f"PAGECACHE[{name!r}] is {_shown(value, options[name])}.",
                    f"Make it {options[name].metadata['must_be']}.",
                )
            )
    return found


def _shown(value: object, *meant: Any) -> str:
    """Return a value as a message shows it, but for what may hold secrets."""
    is_secret = any(option.metadata["is_secret"] for option in meant)
    return "<not shown>" if is_secret else repr(value)
