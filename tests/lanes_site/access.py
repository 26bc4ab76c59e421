"""Callables that the settings of a test name by dotted path."""

from django.http import HttpRequest

from pagecache.stores.waiting import current_patience


def everybody(request: HttpRequest) -> bool:
    """Let every client see reasons and keys."""
    return True


def in_requests(request: HttpRequest) -> bool:
    """Let clients see them where what it waits for is counted."""
    return current_patience() is not None


def by_country(request: HttpRequest) -> str | None:
    """Name the visitor's class by a header that a proxy sets."""
    return request.headers.get("X-Country", "nowhere")


def nobody(request: HttpRequest) -> str | None:
    """Want nothing to be cached."""
    return None


def broken(request: HttpRequest) -> str | None:
    """Raise."""
    raise RuntimeError("the segment function is broken")


def nobody_special(_request: HttpRequest) -> str:
    """One class for all, whoever asks."""
    return "anonymous"
