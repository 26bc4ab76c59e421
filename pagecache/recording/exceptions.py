"""Exceptions of views, where Django hands them over to what answers instead: that answer is not the page.

A page that says 404 after `Http404` is one that its view wanted; it is stored where the site declares that status.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.handlers import exception
from django.core.handlers.base import BaseHandler
from django.http import Http404

from pagecache.core.reasons import Reason
from pagecache.recording.recorder import recorder

NOT_FOUND = 404


def install() -> None:
    """Watch the two places where Django turns an exception into a response."""
    _watch(BaseHandler, "process_exception_by_middleware", lambda *_: False)
    _watch(exception, "response_for_exception", _is_not_found)


def _is_not_found(_request: Any, error: Exception, response: Any) -> bool:
    return isinstance(error, Http404) and response.status_code == NOT_FOUND


def _watch(owner: Any, name: str, is_wanted: Callable[..., bool]) -> None:
    answer = getattr(owner, name)
    if hasattr(answer, "__wrapped__"):
        return

    @wraps(answer)
    def watched(*args: Any) -> Any:
        response = answer(*args)
        render = recorder()
        if render is not None and response is not None and not is_wanted(*args, response):
            render.refuse(Reason.EXCEPTION)
        return response

    setattr(owner, name, watched)
