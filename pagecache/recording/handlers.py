"""Handlers of requests: whose middleware is being loaded.

One that answers in a way of its own, not by the URLconf (a preview of what is not published yet, say), has no pages:
what is stored under the address that its requests name is not what it shows.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest

from pagecache.recording.around import put_around
from pagecache.recording.recorder import holding

WAYS = (
    "_get_response",
    "_get_response_async",
    "get_response",
    "get_response_async",
    "resolve_request",
)

_loading: ContextVar[type[BaseHandler]] = ContextVar("pagecache_loading", default=BaseHandler)
_is_asked_by_another: ContextVar[bool] = ContextVar("pagecache_asked_by_another", default=False)


def install() -> None:
    """Notice which handler loads its middleware; done once for the process."""
    put_around(BaseHandler, "load_middleware", _noticed)


def _noticed(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def noticed(self: Any, *args: Any, **kwargs: Any) -> Any:
        with holding(_loading, type(self)):
            loaded = load(self, *args, **kwargs)
            if not goes_by_urlconf():
                self._middleware_chain = _noting(self._middleware_chain)
        return loaded

    return noticed


def _noting(chain: Callable[..., Any]) -> Callable[..., Any]:
    """Let what answers a request know whose handler asks it."""

    async def on_loop(request: HttpRequest) -> Any:
        with holding(_is_asked_by_another, value=True):
            return await chain(request)

    def on_thread(request: HttpRequest) -> Any:
        with holding(_is_asked_by_another, value=True):
            return chain(request)

    return on_loop if iscoroutinefunction(chain) else on_thread


def goes_by_urlconf() -> bool:
    """Whether the handler that loads its middleware now, or whose request is answered, does so as Django's own do."""
    handler = _loading.get()
    is_stock = all(getattr(handler, name) is getattr(BaseHandler, name) for name in WAYS)
    return is_stock and not _is_asked_by_another.get()
