"""The site's addresses: pages under a language, the rest without."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from demo_site.assets import asset
from demo_site.films import api

urlpatterns = [
    path("api/films/", api.films, name="api-films"),
    path("api/films/<slug:slug>/", api.film, name="api-film"),
    path("admin/", admin.site.urls),
    path("static/<path:path>", asset, name="asset"),
    *i18n_patterns(path("", include("demo_site.films.urls"))),
]
