"""Segments: the named classes of visitors that share pages.

A segment function takes a request and returns the name of the visitor's class, or None where nothing is to be
cached. It is computed on the server by the same function at look-up and at store time. `covers` names what pages
of the segment may read beyond the request: the `user`, or the `session` too.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest

from pagecache.core.types import SESSION, USER

Segment = Callable[[HttpRequest], str | None]


def anonymous(_request: HttpRequest) -> str | None:
    """Everybody who is not logged in: one class, which needs no look at the visitor."""
    return "anonymous"


def _covers(*what: str) -> Callable[[Segment], Segment]:
    def mark(function: Segment) -> Segment:
        function.covers = frozenset(what)  # type: ignore[attr-defined]
        return function

    return mark


anonymous.covers = frozenset()  # type: ignore[attr-defined]


@_covers(USER)
def by_group(request: HttpRequest) -> str | None:
    """Return one class for each set of groups that users are in; pages must not show who the user is."""
    user = _user(request)
    if not user.is_authenticated:
        return "anonymous"
    return "groups:" + _joined(sorted(user.groups.values_list("pk", flat=True)))


@_covers(USER)
def by_permissions(request: HttpRequest) -> str | None:
    """Return one class for each set of permissions; pages must not show who the user is."""
    user = _user(request)
    if not user.is_authenticated:
        return "anonymous"
    return f"permissions:{user.is_staff:d}{user.is_superuser:d}:" + _joined(
        sorted(user.get_all_permissions())
    )


@_covers(USER)
def by_user(request: HttpRequest) -> str | None:
    """Return one class for each user."""
    user = _user(request)
    return f"user:{user.pk}" if user.is_authenticated else "anonymous"


def combine(*functions: Segment) -> Segment:
    """Return the segment function whose classes are those of all the functions together."""

    def combined(request: HttpRequest) -> str | None:
        names = [function(request) for function in functions]
        return None if None in names else _joined(names)

    return _covers(*frozenset().union(*map(covers, functions)))(combined)


def covers(function: Segment) -> frozenset[str]:
    """Return what pages of the segment may read; a function of the site's own covers what it was made for."""
    return getattr(function, "covers", frozenset({USER, SESSION}))


def _joined(names: Iterable[object]) -> str:
    """Return names as one text that no others give."""
    return "&".join(f"{len(str(name))}:{name}" for name in names)


def _user(request: HttpRequest) -> Any:
    return request.user
