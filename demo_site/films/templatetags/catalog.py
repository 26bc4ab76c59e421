"""Template tags of the catalog."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.urls import translate_url
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext

from demo_site.films.promotions import promotion_of
from demo_site.films.selection import Selection

register = template.Library()

LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
BILLION, MILLION, THOUSAND = 1_000_000_000, 1_000_000, 1_000


@register.simple_tag
def link(selection: Selection, **changes: Any) -> str:
    """The address of a list with some parameters changed."""
    return selection.link(**changes)


@register.simple_tag(takes_context=True)
def languages(context: Context) -> list[dict[str, Any]]:
    """This page in each language of the site."""
    path, query = context["request"].path, str(context.get("language_query") or "")
    kept = query.removesuffix("?")
    return [
        {
            "code": code,
            "name": LANGUAGE_NAMES.get(code, code),
            "url": f"{translate_url(path, code)}{kept}",
        }
        for code, _name in settings.LANGUAGES
    ]


@register.inclusion_tag("films/promotion.html", takes_context=True)
def promotion_banner(context: Context) -> dict[str, Any]:
    """The banner of the visitor's cookie; nothing without one."""
    return {"promotion": promotion_of(context["request"]), "language": get_language()}


@register.filter
def named(name: str) -> str:
    """The name of a genre or keyword in the visitor's language."""
    return gettext(name) if name else ""


@register.filter
def money(amount: int | None) -> str:
    """Dollars, short: $1.2 billion, $340 million."""
    if amount is None:
        return "?"
    if amount >= BILLION:
        return gettext("$%(amount)s billion") % {"amount": rounded(amount / BILLION, 1)}
    if amount >= MILLION:
        return gettext("$%(amount)s million") % {"amount": rounded(amount / MILLION, 0)}
    return gettext("$%(amount)s thousand") % {"amount": rounded(amount / THOUSAND, 0)}


def rounded(number: float, places: int) -> str:
    """The number as the language writes it; Django's own formatting cuts digits off."""
    return number_format(round(number, places), places)


@register.filter
def stars(number: int) -> str:
    """Filled and empty stars."""
    return "★" * number + "☆" * (5 - number)
