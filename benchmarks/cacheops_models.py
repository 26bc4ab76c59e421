"""The demo site with `cached_view_as` of django-cacheops: each view names the models that it reads."""

from __future__ import annotations

from cacheops import cached_view_as
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import path

from demo_site import urls
from demo_site.films import pages
from demo_site.films.models import Director, Film, Genre, Keyword, Review, Studio

NAMES = (Director, Genre, Studio)
OPINIONS = (Review, User, Keyword, Film.keywords.through)


def visitor(request: HttpRequest, *_args: object, **_kwargs: object) -> tuple[object, ...]:
    """Return what a page differs by besides its address: who is logged in, and the banner."""
    return request.user.pk, request.COOKIES.get("promo")


film = cached_view_as(Film, *NAMES, *OPINIONS, extra=visitor)(pages.film)
listed = cached_view_as(Film, *NAMES, extra=visitor)

urlpatterns = [
    *i18n_patterns(
        path("films/", listed(pages.films), name="films"),
        path("films/<slug:slug>/", film, name="film"),
        path("genres/<slug:slug>/", listed(pages.genre), name="genre"),
        path("decades/<int:decade>/", listed(pages.decade), name="decade"),
        path("studios/<slug:slug>/", listed(pages.studio), name="studio"),
    ),
    *urls.urlpatterns,
]
