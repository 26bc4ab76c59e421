"""Middleware that only looks on."""

from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.middleware import get_user
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

told: list[str] = []  # what the observers of a test saw


def look(request: Any) -> None:
    """Read of a request whatever there is to read."""
    request.accepts("text/html"), request.body
    seen: list[Any] = [
        dict(request.META),
        dict(request.COOKIES),
        dict(request.headers),
        dict(request.GET),
    ]
    seen += [request.build_absolute_uri(), repr(request), vars(request).get("scope")]
    if hasattr(request, "session"):
        seen += [request.session.get("a"), str(vars(request)["session"].get("a"))]
    if hasattr(request, "user"):
        seen += [request.user.is_authenticated, get_user(request).is_authenticated]
    if hasattr(request, "cart"):
        seen += [list(request.cart)]
    told.append(str(seen))


@sync_and_async_middleware
def traces(get_response: Any) -> Any:
    """Look before and after."""

    async def on_loop(request: Any) -> Any:
        look_at_headers(request)
        response = await get_response(request)
        look_at_headers(request)
        return response

    def on_thread(request: Any) -> Any:
        look(request)
        response = get_response(request)
        look(request)
        return response

    return on_loop if iscoroutinefunction(get_response) else on_thread


def look_at_headers(request: Any) -> None:
    """Read what can be read without a query."""
    request.accepts("text/html")
    told.append(f"{dict(request.META)} {dict(request.COOKIES)} {request.headers.get('User-Agent')}")


class Logs(MiddlewareMixin):
    """Look in every method that a middleware may have."""

    def process_request(self, request: HttpRequest) -> None:
        look(request)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        look(request)

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        look(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        look(request)

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        look(request)
        return response


class DerivedLogs(Logs):
    """A class of its own."""


class Async:
    """Be awaited, in a method that is."""

    async_capable, sync_capable = True, True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if iscoroutinefunction(self):
            return self.answer(request)
        look(request)
        return self.get_response(request)

    async def answer(self, request: Any) -> Any:
        look_at_headers(request)
        return await self.get_response(request)

    async def process_view(self, request: Any, *view: Any) -> None:
        look_at_headers(request)


class Times(MiddlewareMixin):
    """Let the view answer, and the template be rendered, to take the time."""

    @staticmethod
    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> Any:
        look(request)
        return None if iscoroutinefunction(view) else view(request, *args, **kwargs)

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        look(request)
        response.render()
        return response


class Varies(MiddlewareMixin):
    """Look at a header and say so."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        response["Vary"] = "X-Own"
        response["X-Seen"] = request.headers.get("X-Own", "none")
        return response


class Greets(MiddlewareMixin):
    """Set a cookie by what it read."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        response.set_cookie("agent", request.headers.get("User-Agent", "none"))
        return response


class Marks(MiddlewareMixin):
    """Number the requests, on the request."""

    def process_request(self, request: Any) -> None:
        request.agent = len(request.headers.get("User-Agent", ""))

    def process_view(self, request: Any, *view: Any) -> HttpResponse | None:
        return HttpResponse("early") if request.agent > 100 else None


made = partial(Logs)
