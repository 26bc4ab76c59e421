"""Exceptions of views, where Django hands them over to what answers instead: that answer is not the page.

A page that says 404 after `Http404` is one that its view wanted; it is stored where the site declares that status.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.handlers import exception
from django.core.handlers.base import BaseHandler
from django.http import Http404

from pagecache.core.reasons import Reason
from pagecache.recording.around import put_around
from pagecache.recording.recorder import recorder

NOT_FOUND = 404


def install() -> None:
    """Watch the two places where Django turns an exception into a response."""
    put_around(BaseHandler, "process_exception_by_middleware", partial(_watched, lambda *_: False))
    put_around(exception, "response_for_exception", partial(_watched, _is_not_found))


def _is_not_found(_request: Any, error: Exception, response: Any) -> bool:
    return isinstance(error, Http404) and response.status_code == NOT_FOUND


def _watched(is_wanted: Callable[..., bool], answer: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(answer)
    def watched(*args: Any) -> Any:
        response = answer(*args)
        render = recorder()
        if render is not None and response is not None and not is_wanted(*args, response):
            render.refuse(Reason.EXCEPTION)
        return response

    return watched
