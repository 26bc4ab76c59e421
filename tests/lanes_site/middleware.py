"""Middleware of a site, for both kinds of handlers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import count
from types import SimpleNamespace
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

_numbers = count()
_urlconf: ContextVar[Any] = ContextVar("urlconf", default=None)


def _each_request(prepare: Any) -> Any:
    @sync_and_async_middleware
    @wraps(prepare)
    def middleware(get_response: Any) -> Any:
        async def on_loop(request: Any) -> Any:
            prepare(request)
            return await get_response(request)

        def on_thread(request: Any) -> Any:
            prepare(request)
            return get_response(request)

        return on_loop if iscoroutinefunction(get_response) else on_thread

    return middleware


@sync_and_async_middleware
def names_user(get_response: Any) -> Any:
    """Let the view know who asks."""

    async def on_loop(request: Any) -> Any:
        request.named = (await request.auser()).get_username()
        return await get_response(request)

    def on_thread(request: Any) -> Any:
        request.named = request.user.get_username()
        return get_response(request)

    return on_loop if iscoroutinefunction(get_response) else on_thread


@sync_and_async_middleware
def sets_cookie(get_response: Any) -> Any:
    """Number the answers in a cookie."""

    def numbered(response: Any) -> Any:
        response.set_cookie("number", str(next(_numbers)))
        return response

    async def on_loop(request: Any) -> Any:
        return numbered(await get_response(request))

    def on_thread(request: Any) -> Any:
        return numbered(get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


@sync_and_async_middleware
def echoes_origin(get_response: Any) -> Any:
    """Allow whoever asks, without naming the header in `Vary`."""

    def allowed(request: Any, response: Any) -> Any:
        response["Access-Control-Allow-Origin"] = request.headers.get("Origin", "none")
        return response

    async def on_loop(request: Any) -> Any:
        return allowed(request, await get_response(request))

    def on_thread(request: Any) -> Any:
        return allowed(request, get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


@sync_and_async_middleware
def footer(get_response: Any) -> Any:
    """End each page with a line, and put a cookie on those that were served from the store."""

    def ended(response: Any) -> Any:
        response.content += b"<footer>"
        if "Age" in response:
            response.set_cookie("seen", "again")
        return response

    async def on_loop(request: Any) -> Any:
        return ended(await get_response(request))

    def on_thread(request: Any) -> Any:
        return ended(get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


@sync_and_async_middleware
def closes(get_response: Any) -> Any:
    """Send another answer in place of one that was served from the store."""

    def closed(response: Any) -> Any:
        return HttpResponse("closed") if "Age" in response else response

    async def on_loop(request: Any) -> Any:
        return closed(await get_response(request))

    def on_thread(request: Any) -> Any:
        return closed(get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


@contextmanager
def choosing(urlconf: Any) -> Iterator[None]:
    """Answer by this URLconf."""
    token = _urlconf.set(urlconf)
    try:
        yield
    finally:
        _urlconf.reset(token)


@_each_request
def chooses_urlconf(request: Any) -> None:
    """Answer by the URLconf that was chosen."""
    request.urlconf = _urlconf.get()


@_each_request
def knows_guests(request: Any) -> None:
    """Find the user by a cookie and a header of the site's own, once somebody asks."""

    def find() -> Any:
        named = request.COOKIES.get("guest", ""), request.headers.get("X-Api-Key", "")
        return SimpleNamespace(is_authenticated=False, username="".join(named))

    async def find_on_loop() -> Any:
        return find()

    request.user = SimpleLazyObject(find)
    request.auser = find_on_loop


@_each_request
def has_cart(request: Any) -> None:
    """Have what is in a cookie, once somebody asks."""
    request.cart = SimpleLazyObject(lambda: [request.COOKIES.get("cart", "")])


@_each_request
def strips_language(request: Any) -> None:
    """Answer below /de/ by what stands above."""
    request.path_info = request.path_info.removeprefix("/de")
