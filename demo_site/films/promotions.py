"""A banner that the cookie ``promo`` chooses; settings declare the cookie in ``KEY_COOKIES``."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

COOKIE = "promo"
A_MONTH = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the banner says, and where it leads."""

    text: Promise | str
    link: str


PROMOTIONS = {
    "classics": Promotion(_("Classics month: the best films of the 1970s"), "decades/1970/"),
    "scares": Promotion(_("Scary season: horror films for a dark evening"), "genres/horror/"),
}


def promotion_of(request: HttpRequest) -> Promotion | None:
    """The banner for this visitor, if the cookie names one."""
    return PROMOTIONS.get(request.COOKIES.get(COOKIE, ""))


def choose(_request: HttpRequest, name: str) -> HttpResponse:
    """Remember the banner in a cookie, or forget it for a name that is not offered ("none")."""
    response = redirect("home")
    if name in PROMOTIONS:
        response.set_cookie(COOKIE, name, max_age=A_MONTH, samesite="Lax")
    else:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response
