"""The site with `cached_view_as` of django-cacheops: its views depend on the model that they read."""

from __future__ import annotations

from cacheops import cached_view_as
from django.urls import path

from benchmarks.contenders import LIFE
from benchmarks.models import Text
from benchmarks.site import page, text

kept = cached_view_as(Text, timeout=LIFE)

urlpatterns = [
    path("page/", kept(page)),
    path("page/<int:number>/", kept(page)),
    path("texts/<int:pk>/", kept(text)),
]
