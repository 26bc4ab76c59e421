"""Tells the browser, in ``Server-Timing``, how each page came about and how long it took."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from demo_site.cache_status import Outcome, read_outcome

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


def reveal(request: HttpRequest) -> bool:
    """Say to everybody why a page was not cached: this is a demo."""
    return True


def server_timing(outcome: Outcome, seconds: float) -> str:
    """The header's value, such as ``cache;desc="hit", total;dur=0.8``."""
    parts = [f'cache;desc="{outcome.kind}"']
    if outcome.why:
        parts.append(f'why;desc="{outcome.why}"')
    return ", ".join([*parts, f"total;dur={seconds * 1000:.2f}"])


class ServerTimingMiddleware:
    """Stands outside pagecache, measures it, and reads nothing of the request."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer, and say how long it took."""
        if self.is_async:
            return self.__acall__(request)
        start = perf_counter()
        return measured(cast("HttpResponseBase", self.get_response(request)), start)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """The same for an asynchronous site."""
        start = perf_counter()
        return measured(
            await cast("Awaitable[HttpResponseBase]", self.get_response(request)), start
        )


def measured(response: HttpResponseBase, start: float) -> HttpResponseBase:
    """Put the header on the response."""
    outcome = read_outcome(response.headers.get("Cache-Status", ""))
    response.headers["Server-Timing"] = server_timing(outcome, perf_counter() - start)
    return response
