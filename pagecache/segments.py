"""Segments: the named classes of visitors that share pages.

A segment function takes a request and returns the name of the visitor's class, or None where nothing is to be
cached. It is computed on the server by the same function at look-up and at store time. `covers` names what pages
of the segment may read beyond the request: the `user`, or the `session` too.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from django.http import HttpRequest

from pagecache.core.keys import Field
from pagecache.core.types import SESSION, USER

ANONYMOUS = "anonymous"

Segment = Callable[[HttpRequest], str | None]


def anonymous(_request: HttpRequest) -> str | None:
    """Everybody who is not logged in: one class, which needs no look at the visitor."""
    return ANONYMOUS


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
        return ANONYMOUS
    return "groups:" + _joined(sorted(user.groups.values_list("pk", flat=True)))


@_covers(USER)
def by_permissions(request: HttpRequest) -> str | None:
    """Return one class for each set of permissions; pages must not show who the user is."""
    user = _user(request)
    if not user.is_authenticated:
        return ANONYMOUS
    return f"permissions:{user.is_staff:d}{user.is_superuser:d}:" + _joined(
        sorted(user.get_all_permissions())
    )


@_covers(USER)
def by_user(request: HttpRequest) -> str | None:
    """Return one class for each user."""
    user = _user(request)
    return f"user:{user.pk}" if user.is_authenticated else ANONYMOUS


class Combined(str):
    """The name of a class by several functions together, and the names that these gave."""

    __slots__ = ("parts",)
    parts: tuple[object, ...]

    def __new__(cls, parts: Iterable[object]) -> Self:
        """Join the names of the parts."""
        parts = tuple(parts)
        made = super().__new__(cls, _joined(parts))
        made.parts = parts
        return made


def combine(*functions: Segment) -> Segment:
    """Return the segment function whose classes are those of all the functions together."""

    def combined(request: HttpRequest) -> str | None:
        names = [named(function(request)) for function in functions]
        return None if None in names else Combined(names)

    combined.combines = functions  # type: ignore[attr-defined]
    return _covers(*frozenset().union(*map(covers, functions)))(combined)


def named(segment: object) -> Field:
    """Return the class that a function gave, as it is in keys; raises TypeError for what names none.

    The primary key of something is a number: 1 is not "1".
    """
    if segment is None or isinstance(segment, str):
        return segment
    if isinstance(segment, int):
        return type(segment).__name__, str(segment)
    kind = type(segment).__name__
    raise TypeError(f"the segment function gave a {kind}. Let it give a str, or None for no cache.")


def is_by_user(function: Segment) -> bool:
    """Whether pages of the segment are for single users: it is `by_user`, or combined with it."""
    return function is by_user or any(map(is_by_user, getattr(function, "combines", ())))


def names_of(segment: object) -> Iterator[str]:
    """Yield the names that pages of a class are dropped by: its own, and those it was combined of; not "anonymous"."""
    if isinstance(segment, tuple):  # a number: its type, and its text
        _, segment = segment
    if segment != ANONYMOUS:
        yield str(segment)
    for part in getattr(segment, "parts", ()):
        yield from names_of(part)


def covers(function: Segment) -> frozenset[str]:
    """Return what pages of the segment may read; a function of the site's own covers what it was made for."""
    return getattr(function, "covers", frozenset({USER, SESSION}))


def _joined(names: Iterable[object]) -> str:
    """Return names as one text that no others give; before a number stands its type."""
    typed = (name if isinstance(name, tuple) else ("", str(name)) for name in names)
    return "&".join(f"{kind}{len(text)}:{text}" for kind, text in typed)


def _user(request: HttpRequest) -> Any:
    return request.user
