"""CSRF tokens that a page asks Django for: each is a hole of the page, which is filled for every visitor anew.

`get_token` is imported by name all over, so its code is replaced, not its name.
"""

from types import FunctionType
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware import csrf
from django.views.decorators import csrf as decorators

from pagecache.core.holes import CSRF, Given
from pagecache.core.reasons import Reason
from pagecache.recording.recorder import muted, quietly

OURS = "_pagecache_given_token"

_token = FunctionType(csrf.get_token.__code__, vars(csrf), "get_token")  # as Django has it


def install() -> None:
    """Note which tokens recorded pages are given; done once for the process."""
    if OURS not in vars(csrf):
        setattr(csrf, OURS, given_token)
        csrf.get_token.__code__ = _asked.__code__
        decorators.get_token = _given_cookie  # type: ignore[attr-defined]  # `ensure_csrf_cookie` asks for it


def _asked(request: HttpRequest) -> Any:
    """The code of `get_token`, which runs in Django's module."""
    return _pagecache_given_token(request)  # type: ignore[name-defined]  # noqa: F821 see `install`


def given_token(request: HttpRequest) -> str:
    """Return a token, and note that the page was given it; one in a hole of the site's is made anew with that."""
    return _noted(request, is_shown=muted.get() is False)


def _given_cookie(request: HttpRequest) -> str:
    """Return a token that nobody shows: the cookie alone is asked for."""
    return _noted(request, is_shown=False)


def _noted(request: HttpRequest, *, is_shown: bool) -> str:
    recorder = getattr(request.META, "recorder", None)
    if recorder is None:
        return str(_token(request))
    with quietly():
        token = str(_token(request))
    if settings.CSRF_USE_SESSIONS:
        recorder.refuse(Reason.CSRF)  # it would begin a session
    recorder.given.append(Given(CSRF, token.encode(), is_shown=is_shown))
    return token
