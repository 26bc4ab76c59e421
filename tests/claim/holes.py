"""Functions of the site that fill holes: each shows something of one visitor's own."""

from __future__ import annotations

from django.http import HttpRequest


class Visits:
    """How many came so far, as the judge counts them."""

    number = 0


def user(request: HttpRequest) -> str:
    """Say who is there."""
    return request.user.get_username() or "nobody"


def cookie(request: HttpRequest) -> str:
    """Say what a cookie holds."""
    return request.COOKIES.get("theme", "none")


def header(request: HttpRequest) -> str | None:
    """Say what a header holds."""
    return request.headers.get("X-Fruit")


def session(request: HttpRequest) -> str:
    """Say what the session holds."""
    return str(request.session.get("basket"))


def count(request: HttpRequest) -> int:
    """Say how many came."""
    return Visits.number
