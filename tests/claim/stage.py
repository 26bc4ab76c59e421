"""What stands around the view of the program that is played: middleware of the site, in both kinds of handlers."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.messages import get_messages
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from tests.claim.programs import Program, shown
from tests.claim.reads import AFTER, BEFORE, IN_VIEW

OWN = "tests.claim.stage."


class Stage:
    """The program that is played."""

    program: Program = Program("function", ())


class Middleware:
    """A site's own middleware, in the form that both kinds of handlers take."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if iscoroutinefunction(self.get_response):
            return self._acall(request)
        self.come(request)
        return self.go(request, self.get_response(request))

    async def _acall(self, request: Any) -> Any:
        self.come(request)
        return self.go(request, await self.get_response(request))

    def come(self, request: Any) -> None:
        """Look at a request on its way in."""

    def go(self, request: Any, response: Any) -> Any:
        """Look at a response on its way out."""
        return response


class Reads(Middleware):
    """Reads what the program says, and shows it in a header."""

    def come(self, request: Any) -> None:
        Stage.program.perform(request, BEFORE)
        Stage.program.leave(request)

    def process_view(self, request: Any, *view: Any) -> None:
        Stage.program.perform(request, IN_VIEW)

    def go(self, request: Any, response: Any) -> Any:
        Stage.program.perform(request, AFTER)
        for read in Stage.program.reads:
            if read.place == AFTER and read.number in shown(request):
                text = shown(request)[read.number]
                response[f"X-Shown-{read.number}"] = ascii(text)
        return response


class Touches(Middleware):
    """Looks at what a request keeps once it was looked at, and makes nothing of it."""

    def come(self, request: Any) -> None:
        request.accepts("text/html")
        len(get_messages(request))
        request.GET, request.COOKIES, request.headers, request.accepted_types  # noqa: B018 they are kept


class Reroutes(Middleware):
    """Answers by another URLconf, for a parameter."""

    def come(self, request: Any) -> None:
        if "u" in request.GET:
            request.urlconf = "tests.claim.other_urls"


class Zones(Middleware):
    """Activates a time zone, for a cookie or for nobody."""

    def come(self, request: Any) -> None:
        timezone.activate("Asia/Tokyo" if request.COOKIES.get("theme") == "dark" else "UTC")


class Nonce:
    """A nonce that is made once somebody asks for it, and is false until then."""

    _made = ""

    def __str__(self) -> str:
        self._made = self._made or token_urlsafe(16)
        return self._made

    def __bool__(self) -> bool:
        return bool(self._made)


class Nonces(Middleware):
    """Gives a nonce, and names it in the policy, as Django's own middleware and that of django-csp do."""

    def come(self, request: Any) -> None:
        request.csp_nonce = request._csp_nonce = Nonce()

    def go(self, request: Any, response: Any) -> Any:
        if request.csp_nonce:
            response["Content-Security-Policy"] = f"script-src 'nonce-{request.csp_nonce}'"
        return response


class Guests(Middleware):
    """Finds the user by a cookie and a header of the site's own, once somebody asks."""

    def come(self, request: Any) -> None:
        def find() -> Any:
            named = request.COOKIES.get("theme", ""), request.headers.get("X-Fruit", "")
            return Guest("".join(named))

        async def find_on_loop() -> Any:
            return find()

        request.user = SimpleLazyObject(find)
        request.auser = find_on_loop


@dataclass
class Guest:
    """Who is known by a name alone."""

    username: str
    pk: int | None = None
    is_authenticated: bool = False
    is_staff: bool = False

    def get_username(self) -> str:
        return self.username
