"""Functions that fill holes of the lanes' pages."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils import timezone, translation
from django.utils.safestring import SafeString, mark_safe

from pagecache import depends_on


def name(request: HttpRequest) -> str:
    """Say who is there."""
    return request.user.get_username() or "stranger"


def bold(request: HttpRequest) -> SafeString:
    """Say it in markup."""
    return mark_safe(f"<b>{name(request)}</b>")  # noqa: S308 names of the tests


def nothing(_request: HttpRequest) -> None:
    """Show nothing."""


def agent(request: HttpRequest) -> str:
    """Say what program asks."""
    return request.headers.get("User-Agent", "none")


def users(_request: HttpRequest) -> str:
    """Count who has an account."""
    return str(User.objects.count())


def told(request: HttpRequest) -> str:
    """Show the messages."""
    return " ".join(map(str, messages.get_messages(request)))


def form(request: HttpRequest) -> str:
    """Show the token of a form."""
    return get_token(request)


def cart(request: HttpRequest) -> str:
    """Show what is in the cart."""
    found: str = request.cart.items  # type: ignore[attr-defined]
    return found


def tagged(_request: HttpRequest) -> str:
    """Name data of its own."""
    depends_on("own")
    return "own"


def fails(request: HttpRequest) -> str:
    """Fail where it is not the first to ask."""
    if "fail" in request.COOKIES:
        raise ZeroDivisionError
    return "fine"


async def later(_request: HttpRequest) -> str:
    """Answer too late."""
    return "later"


def noted(request: HttpRequest) -> str:
    """Note on the request who is there."""
    request.notes |= {"name": name(request), "site": "theirs"}  # type: ignore[attr-defined]
    return "noted"


def theme(request: HttpRequest) -> str:
    """Say which theme the visitor chose."""
    return request.COOKIES.get("theme", "none")


def themes(request: HttpRequest) -> str:
    """Say so of all cookies."""
    return dict(request.COOKIES).get("theme", "none")


def query(request: HttpRequest) -> str:
    """Say what was looked for."""
    return request.GET.get("q", "none")


def client(request: HttpRequest) -> str:
    """Say where the visitor asks from."""
    return str(request.META.get("REMOTE_ADDR"))


def language(_request: HttpRequest) -> str:
    """Say in which language this is."""
    return str(translation.get_language())


def zone(_request: HttpRequest) -> str:
    """Say by which clock."""
    return timezone.get_current_timezone_name()
