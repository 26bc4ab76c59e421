"""Handlers of requests: whose middleware is being loaded.

One that answers in a way of its own, not by the URLconf (a preview of what is not published yet, say), has no pages:
what is stored under the address that its requests name is not what it shows.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.core.handlers.base import BaseHandler

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


def install() -> None:
    """Notice which handler loads its middleware; done once for the process."""
    put_around(BaseHandler, "load_middleware", _noticed)


def _noticed(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def noticed(self: BaseHandler, *args: Any, **kwargs: Any) -> Any:
        with holding(_loading, type(self)):
            return load(self, *args, **kwargs)

    return noticed


def goes_by_urlconf() -> bool:
    """Whether the handler that loads its middleware now finds views as Django's own do."""
    handler = _loading.get()
    return all(getattr(handler, name) is getattr(BaseHandler, name) for name in WAYS)
