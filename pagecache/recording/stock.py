"""Django's own middleware, understood by its exact class.

What these read for their housekeeping says nothing about the page; what they derive is recorded where it is used
(the session, the user, the CSRF token) or is evaluated at look-up (the language). One that answers by itself, with a
redirect, reads the whole query. The names that they add to `Vary` count as what they read. Subclasses that override a
method count as the site's own code in that method.
"""

from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase, ResponseHeaders
from django.utils.module_loading import import_string

from pagecache.core.headers import vary_names
from pagecache.core.types import QUERY_STRING
from pagecache.recording.derived import routed
from pagecache.recording.holes import is_for_one
from pagecache.recording.recorder import muted, recorder

CORS = "corsheaders.middleware.CorsMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
TOOLBAR = "debug_toolbar.middleware.DebugToolbarMiddleware"
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
# Have good reason to stand outside pagecache: what they do, they do to every response alike.
BELONGS_OUTSIDE = frozenset(
    {
        CORS,
        GZIP,
        TOOLBAR,
        "csp.middleware.CSPMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
    }
)
# What becomes of pages where one of these stands behind pagecache.
WORSE_INSIDE = {
    CORS: "each Origin that asks has pages of its own",
    GZIP: "each text of Accept-Encoding has pages of its own, and those with holes are not compressed",
    TOOLBAR: "no page is kept while the toolbar is shown",
}
# What a view says to one of these alone, by an attribute of its response; a stored page has none.
TOLD = {
    "xframe_options_exempt": {"django.middleware.clickjacking.XFrameOptionsMiddleware"},
    "_csp_": {
        "csp.middleware.CSPMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
    },
}
KNOWN_OUTSIDE = UNDERSTOOD | BELONGS_OUTSIDE  # what the others do to a page is in its key
LEAVES_BODY = KNOWN_OUTSIDE - {GZIP, TOOLBAR}  # so that a part of what is sent stays one
VARY_UNDERSTOOD = frozenset({CSRF, LOCALE, SESSION})
# Where Django derives classes from these for its own use (`requires_csrf_token`, and with it the view of a 404).
DERIVED = "django.views.decorators.csrf"
METHODS = ("process_request", "process_view", "process_response")

_installed: set[str] = set()


def is_told(response: HttpResponseBase, outside: Collection[str]) -> bool:
    """Whether a response says something to middleware outside that a stored page could not say again."""
    return bool(outside) and any(
        name.startswith(said)
        and any(path in readers or path not in KNOWN_OUTSIDE for path in outside)
        for name in vars(response)
        for said, readers in TOLD.items()
    )


def install(middleware: Iterable[str]) -> None:
    """Let the stock classes among some middleware do their housekeeping unrecorded; once for each class."""
    for path in UNDERSTOOD.intersection(middleware) - _installed:
        cls = import_string(path)
        for name in METHODS:
            if name in vars(cls):
                setattr(cls, name, _quiet(cls, path, name))
        _installed.add(path)
    if GZIP in middleware and GZIP not in _installed:
        cls = import_string(GZIP)
        cls.process_response = _unless_for_one(cls.process_response)
        _installed.add(GZIP)


def _unless_for_one(compress: Callable[..., Any]) -> Callable[..., Any]:
    """Leave a page alone that holds what is its visitor's: it could not be found in a compressed body."""

    @wraps(compress)
    def process_response(self: Any, request: HttpRequest, response: Any) -> Any:
        return response if is_for_one(request) else compress(self, request, response)

    return process_response


def _quiet(cls: type, path: str, name: str) -> Callable[..., Any]:
    method = vars(cls)[name]
    tells_vary = path in VARY_UNDERSTOOD and name == "process_response"

    @wraps(method)
    def quiet(self: Any, request: HttpRequest, *args: Any) -> Any:
        is_stock = type(self) is cls or type(self).__module__ == DERIVED
        if not is_stock or (path == LOCALE and _is_rerouted(request)):
            return method(self, request, *args)
        before = _vary(args) if tells_vary else ""
        token = muted.set(True)  # as `quietly` does, for each of many calls
        try:
            result = method(self, request, *args)
        finally:
            muted.reset(token)
        if tells_vary and (after := _vary(args)) != before and (render := recorder()) is not None:
            render.understood_vary.update(set(vary_names(after)).difference(vary_names(before)))
        if result is None or (args and result is args[0]):  # as a rule
            return result
        if _is_own_answer(result, args) and (render := recorder()) is not None:
            render.read(QUERY_STRING)  # it redirects to the whole URL
        return result

    return quiet


def _is_own_answer(result: object, args: tuple[Any, ...]) -> bool:
    """Whether a middleware answers by itself, and not with the response that it was given."""
    return isinstance(result, HttpResponseBase) and all(result is not one for one in args)


def _is_rerouted(request: HttpRequest) -> bool:
    """Whether the language is not the one evaluated at look-up, since that depends on what somebody changed."""
    render = recorder()
    return render is not None and render.routed != routed(request)


def _vary(args: tuple[Any, ...]) -> str:
    """Return the field `Vary` of the response that a middleware was given."""
    response = args[0] if args else None
    if not isinstance(response, HttpResponseBase):
        return ""
    headers: Any = response.headers
    if type(headers) is not ResponseHeaders:  # somebody put others in their place
        return headers.get("Vary", "")  # type: ignore[no-any-return]
    return headers._store.get("vary", ("", ""))[1]  # noqa: SLF001 as it is held
