"""Django's own middleware, understood by its exact class.

What these read for their housekeeping says nothing about the page; what they derive is recorded where it is used
(the session, the user, the CSRF token) or is evaluated at look-up (the language). The names that they add to `Vary`
count as what they read. Subclasses that override a method count as the site's own code in that method.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from pagecache.core.headers import vary_names
from pagecache.recording.recorder import quietly, recorder
from pagecache.recording.request import routed

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
UNDERSTOOD = frozenset(
    {
        CSRF,
        LOCALE,
        SESSION,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django.middleware.common.BrokenLinkEmailsMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.security.SecurityMiddleware",
    }
)
# May stand outside pagecache: what they do to a page is in its key, or is done to every response alike.
KNOWN_OUTSIDE = UNDERSTOOD | {"django.middleware.gzip.GZipMiddleware"}
VARY_UNDERSTOOD = frozenset({CSRF, LOCALE, SESSION})
METHODS = ("process_request", "process_view", "process_response")

_installed: set[str] = set()


def install(middleware: Iterable[str]) -> None:
    """Let the stock classes among some middleware do their housekeeping unrecorded; once for each class."""
    for path in UNDERSTOOD.intersection(middleware) - _installed:
        cls = import_string(path)
        for name in METHODS:
            if name in vars(cls):
                setattr(cls, name, _quiet(cls, path, vars(cls)[name]))
        _installed.add(path)


def _quiet(cls: type, path: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def quiet(self: Any, request: HttpRequest, *args: Any) -> Any:
        if type(self) is not cls or (path == LOCALE and _is_rerouted(request)):
            return method(self, request, *args)
        before = _varies(args)
        with quietly():
            result = method(self, request, *args)
        render = recorder()
        if render is not None and path in VARY_UNDERSTOOD:
            render.understood_vary |= _varies(args) - before
        return result

    return quiet


def _is_rerouted(request: HttpRequest) -> bool:
    """Whether the language is not the one evaluated at look-up, since that depends on what somebody changed."""
    render = recorder()
    return render is not None and render.routed != routed(request)


def _varies(args: tuple[Any, ...]) -> set[str]:
    response = args[0] if args else None
    return (
        set(vary_names(response.get("Vary", "")))
        if isinstance(response, HttpResponseBase)
        else set()
    )
