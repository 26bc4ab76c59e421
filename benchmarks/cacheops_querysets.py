"""The demo site with `cached_view_as` of django-cacheops: each view names the rows that it reads."""

from __future__ import annotations

from cacheops import cached_view_as
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path

from benchmarks.cacheops_models import NAMES, OPINIONS, listed, visitor
from demo_site import urls
from demo_site.films import pages
from demo_site.films.models import Film, Genre, Studio


def film(request: HttpRequest, slug: str) -> HttpResponse:
    """Depend on one film; on names, keywords and reviews as a whole, as these do not change here."""
    mine = Film.objects.filter(slug=slug)
    view = cached_view_as(mine, *NAMES, *OPINIONS, extra=visitor)(pages.film)
    answer: HttpResponse = view(request, slug)
    return answer


def genre(request: HttpRequest, slug: str) -> HttpResponse:
    """Depend on the films of the genre; which that is comes from the cache too."""
    mine = Film.objects.filter(genre=get_object_or_404(Genre, slug=slug))
    answer: HttpResponse = cached_view_as(mine, *NAMES, extra=visitor)(pages.genre)(request, slug)
    return answer


def studio(request: HttpRequest, slug: str) -> HttpResponse:
    """Depend on the films of the studio, likewise."""
    mine = Film.objects.filter(studio=get_object_or_404(Studio, slug=slug))
    answer: HttpResponse = cached_view_as(mine, *NAMES, extra=visitor)(pages.studio)(request, slug)
    return answer


# Ranges, as of a decade, drop no fewer pages than the model does: the first of its caveats.
urlpatterns = [
    *i18n_patterns(
        path("films/", listed(pages.films), name="films"),
        path("films/<slug:slug>/", film, name="film"),
        path("genres/<slug:slug>/", genre, name="genre"),
        path("decades/<int:decade>/", listed(pages.decade), name="decade"),
        path("studios/<slug:slug>/", studio, name="studio"),
    ),
    *urls.urlpatterns,
]
