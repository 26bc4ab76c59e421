"""Middleware of a site, for both kinds of handlers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, wraps
from itertools import count
from types import SimpleNamespace
from typing import Any
from zlib import compress

from asgiref.sync import iscoroutinefunction
from django.contrib.messages import get_messages
from django.http import HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject, empty

_numbers = count()
_urlconf: ContextVar[Any] = ContextVar("urlconf", default=None)
_find_tenant: ContextVar[Callable[[Any], str]] = ContextVar("find_tenant")
tenant: ContextVar[str] = ContextVar("tenant")


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


@_each_request
def greets(request: Any) -> None:
    """Say hello in the language that is active now."""
    request.greeting = translation.get_language()


class OwnCsrf(CsrfViewMiddleware):
    """Keeps the secret of tokens under a name of its own."""

    def _set_csrf_cookie(self, request: Any, response: Any) -> None:
        response.set_cookie("own", request.META["CSRF_COOKIE"])


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


class Mends(MiddlewareMixin):
    """Answer where the view fails."""

    def process_exception(self, request: Any, exception: Exception) -> HttpResponse:
        return HttpResponse("sorry")


@contextmanager
def finding_tenants(find: Callable[[Any], str]) -> Iterator[None]:
    """Find out in this way whose site a request is for."""
    token = _find_tenant.set(find)
    try:
        yield
    finally:
        _find_tenant.reset(token)


class Nonce(SimpleLazyObject):  # type: ignore[type-arg]  # for type checkers only
    """Is true once somebody has asked for it."""

    def __init__(self) -> None:
        super().__init__(lambda: f"nonce{next(_numbers)}")

    def __bool__(self) -> bool:
        return self._wrapped is not empty


@sync_and_async_middleware
def has_policy(get_response: Any) -> Any:
    """Give the view a nonce as Django does, and name in the header the one that it used."""

    def named(request: Any, response: Any) -> Any:
        nonce = request._csp_nonce
        response["Content-Security-Policy"] = f"script-src 'nonce-{nonce}'" if nonce else "x"
        return response

    async def on_loop(request: Any) -> Any:
        request._csp_nonce = Nonce()
        return named(request, await get_response(request))

    def on_thread(request: Any) -> Any:
        request._csp_nonce = Nonce()
        return named(request, get_response(request))

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
def sets_tenant(request: Any) -> None:
    """Keep whose site the request is for where code without a request finds it."""
    tenant.set(_find_tenant.get()(request))


@_each_request
def chooses_urlconf(request: Any) -> None:
    """Answer by the URLconf that was chosen."""
    request.urlconf = _urlconf.get()


@_each_request
def chooses_site(request: Any) -> None:
    """Answer by the URLconf that a cookie names, or else the host."""
    site = request.COOKIES.get("site") or request.get_host()[0]
    request.urlconf = f"tests.lanes_site.urls_{site}"


@_each_request
def activates_zone(request: Any) -> None:
    """Show times as a cookie says."""
    timezone.activate(request.COOKIES.get("zone", "UTC"))


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
def knows_members(request: Any) -> None:
    """Take everybody for a member, once somebody asks."""
    request.user = SimpleLazyObject(lambda: SimpleNamespace(is_authenticated=True))


@_each_request
def has_cart(request: Any) -> None:
    """Have what is in a cookie, once somebody asks."""
    request.cart = SimpleLazyObject(lambda: [request.COOKIES.get("cart", "")])


@_each_request
def looks_at_types(request: Any) -> None:
    """Ask what the client accepts, and leave it at that."""
    request.accepts("text/html")


@_each_request
def writes_theme(request: Any) -> None:
    """Put what a cookie says where others look for what the server says."""
    theme = request.COOKIES.get("theme", "plain")
    for name in ("SITE_THEME", "HTTP_X_THEME", "REMOTE_ADDR", "HTTP_COOKIE"):
        request.META[name] = theme


@_each_request
def strips_language(request: Any) -> None:
    """Answer below /de/ by what stands above."""
    request.path_info = request.path_info.removeprefix("/de")


@_each_request
def looks_around(request: Any) -> None:
    """Look at what a request keeps once it was looked at, and make nothing of it."""
    request.accepts("text/html")
    len(get_messages(request))


@_each_request
def shows_messages(request: Any) -> None:
    """Show the messages that wait."""
    request.waiting = [str(message) for message in get_messages(request)]


@_each_request
def forgets_proxy(request: Any) -> None:
    """Take a proxy at its word no longer."""
    for name in ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"):
        request.META.pop(name, None)


@_each_request
def forgets_language(request: Any) -> None:
    """Let the language be the browser's, whatever was chosen."""
    request.COOKIES["django_language"] = "none"


@sync_and_async_middleware
def keeps_fresh(get_response: Any) -> Any:
    """Let caches keep each answer for a minute."""

    def fresh(response: Any) -> Any:
        patch_cache_control(response, max_age=60)
        return response

    async def on_loop(request: Any) -> Any:
        return fresh(await get_response(request))

    def on_thread(request: Any) -> Any:
        return fresh(get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


@sync_and_async_middleware
def hands_out_tokens(get_response: Any) -> Any:
    """Send the token of forms in a header."""

    def handed(request: Any, response: Any) -> Any:
        response["X-Token"] = get_token(request)
        return response

    async def on_loop(request: Any) -> Any:
        return handed(request, await get_response(request))

    def on_thread(request: Any) -> Any:
        return handed(request, get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread


class Cart:
    """Knows what its visitor has in it, once it was asked."""

    def __init__(self, request: Any) -> None:
        self.request = request

    @cached_property
    def items(self) -> str:
        return str(self.request.session.get("cart", "empty"))


@_each_request
def carries_cart(request: Any) -> None:
    """Let the view find a cart."""
    request.cart = Cart(request)


@_each_request
def has_odd_user(request: Any) -> None:
    """Say who asks in a way of its own."""
    request.user = {"id": 1}


@_each_request
def has_notes(request: Any) -> None:
    """Let others note something on the request."""
    request.notes = {"site": "ours"}


@_each_request
def looks_at_agent(request: Any) -> None:
    """Look at the headers, and make nothing of it."""
    request.headers.get("User-Agent")


class TakesThemeAway(MiddlewareMixin):
    """Let views see no theme."""

    def process_view(self, request: Any, *_view: Any) -> None:
        request.COOKIES.pop("theme", None)


class TakesThemeAwayAtFirst(MiddlewareMixin):
    """Let nobody inside see a theme."""

    def process_request(self, request: Any) -> None:
        request.COOKIES.pop("theme", None)


class TakesCookiesAway(MiddlewareMixin):
    """Let views see no cookies."""

    def process_view(self, request: Any, *_view: Any) -> None:
        request.COOKIES = {}


class WritesAgent(MiddlewareMixin):
    """Let views take all programs for one."""

    def process_view(self, request: Any, *_view: Any) -> None:
        request.META["HTTP_USER_AGENT"] = "none"


class ReplacesVariables(MiddlewareMixin):
    """Let views see variables of its own."""

    def process_view(self, request: Any, *_view: Any) -> None:
        request.META = {**request.META, "HTTP_USER_AGENT": "none"}


class SpeaksGerman(MiddlewareMixin):
    """Let views speak German, by the clock of Tokyo."""

    def process_view(self, _request: Any, *_view: Any) -> None:
        translation.activate("de")
        timezone.activate("Asia/Tokyo")

    def process_response(self, _request: Any, response: Any) -> Any:
        translation.deactivate()
        timezone.deactivate()
        return response


class ReplacesQuery(MiddlewareMixin):
    """Let views see another query."""

    def process_view(self, request: Any, *_view: Any) -> None:
        request.GET = QueryDict("q=none")


class Deflates(MiddlewareMixin):
    """Compress for whom it may."""

    def process_response(self, request: Any, response: Any) -> Any:
        patch_vary_headers(response, ["Accept-Encoding"])
        if "deflate" in request.headers.get("Accept-Encoding", ""):
            response.content = compress(response.content)
            response["Content-Encoding"] = "deflate"
            response["Content-Length"] = str(len(response.content))
        return response


@sync_and_async_middleware
def has_own_nonce(get_response: Any) -> Any:
    """Let the view find a nonce, under a name of the site's own, and send it."""

    def sent(request: Any, response: Any) -> Any:
        response["Content-Security-Policy"] = request.own
        return response

    async def on_loop(request: Any) -> Any:
        request.own = f"nonce{next(_numbers)}"
        return sent(request, await get_response(request))

    def on_thread(request: Any) -> Any:
        request.own = f"nonce{next(_numbers)}"
        return sent(request, get_response(request))

    return on_loop if iscoroutinefunction(get_response) else on_thread
