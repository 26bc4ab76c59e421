"""Snippets, as the documentation of Wagtail shows them."""

from __future__ import annotations

from typing import Any

from django import template

from tests.compat.wagtail_site.models import Notice

register = template.Library()


@register.inclusion_tag("wagtail_site/notices.html", takes_context=True)
def notices(context: Any) -> dict[str, Any]:
    return {"notices": Notice.objects.all(), "request": context["request"]}
