"""One page under three addresses: as it is, and with Django's or pagecache's decorator."""

from __future__ import annotations

import itertools

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import cache_page as django_cache_page

from benchmarks.contenders import LIFE
from benchmarks.models import Text
from benchmarks.text import marked
from pagecache import cache_page

times = itertools.count(1)


def page(_request: HttpRequest, number: int = 0) -> HttpResponse:  # noqa: ARG001 of the address
    """Make the page from its row, which is the same for all numbers."""
    return HttpResponse(marked(next(times)) + Text.objects.get(pk=1).body)


def text(_request: HttpRequest, pk: int) -> HttpResponse:
    """Show a row as it is."""
    return HttpResponse(Text.objects.get(pk=pk).body)


VIEWS = {
    "page": page,
    "django": django_cache_page(LIFE)(page),
    "pagecache": cache_page(LIFE)(page),
}
urlpatterns = [
    path("texts/<int:pk>/", text),
    *(path(f"{name}/", view) for name, view in VIEWS.items()),
    *(path(f"{name}/<int:number>/", view) for name, view in VIEWS.items()),
]
