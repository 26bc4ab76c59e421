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


def page(_request: HttpRequest) -> HttpResponse:
    """Make the page from its row."""
    return HttpResponse(marked(next(times)) + Text.objects.get(pk=1).body)


def text(_request: HttpRequest, pk: int) -> HttpResponse:
    """Show a row as it is."""
    return HttpResponse(Text.objects.get(pk=pk).body)


urlpatterns = [
    path("page/", page),
    path("texts/<int:pk>/", text),
    path("django/", django_cache_page(LIFE)(page)),
    path("pagecache/", cache_page(LIFE)(page)),
]
