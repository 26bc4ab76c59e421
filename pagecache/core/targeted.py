"""Cache-Control fields for some caches alone (RFC 9213): our own, and that of caches on the side of the origin."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pagecache.core.headers import cache_control

OWN = "pagecache-cache-control"
TARGETS = (OWN, "cdn-cache-control")  # the first valid one wins
FORBIDDING = ("no-store", "private", "no-cache")
Dictionary = Callable[[str], Mapping[str, tuple[Any, Any]] | None]


def governing(headers: Mapping[str, str], dictionary: Dictionary | None) -> Mapping[str, str]:
    """Return the headers of a response (names in lower case) as they decide about this cache.

    The first valid targeted field takes the place of Cache-Control and Expires (RFC 9213 2.2). What none can be read
    from (invalid, or without the parser, `dictionary`) says nothing, but what it forbids is forbidden.
    """
    forbidden: list[str] = []
    for name in TARGETS:
        if name not in headers:
            continue
        members = dictionary(headers[name]) if dictionary else None
        if members:
            rest = {key: value for key, value in headers.items() if key != "expires"}
            return rest | {"cache-control": ", ".join((*forbidden, *_directives(members)))}
        stated = cache_control(headers[name])
        forbidden += [directive for directive in FORBIDDING if directive in stated]
        if "no-store" in stated:  # whatever another field has to be understood
            forbidden.append("private")
    if not forbidden:
        return headers
    return {**headers, "cache-control": ", ".join((*forbidden, headers.get("cache-control", "")))}


def is_targeted(name: str) -> bool:
    """Whether a field speaks to some caches alone."""
    return name.lower().endswith("-cache-control") or name.lower() == "surrogate-control"


def _directives(members: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    """Yield directives; a value that is no integer is left out, so that it counts as invalid."""
    for name, (value, _parameters) in members.items():
        yield f"{name}={value}" if type(value) is int else name
