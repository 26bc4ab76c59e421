"""The site with `cache_page` of django-fancy-cache."""

from __future__ import annotations

from django.urls import path
from fancy_cache import cache_page

from benchmarks.contenders import LIFE
from benchmarks.site import page, text

kept = cache_page(LIFE)

urlpatterns = [
    path("page/", kept(page)),
    path("page/<int:number>/", kept(page)),
    path("texts/<int:pk>/", kept(text)),
]
