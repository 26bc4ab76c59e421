"""The addresses of `wagtail start`, and its search."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls
from wagtail.models import Page


def search(request: HttpRequest) -> TemplateResponse:
    query = request.GET.get("query")
    found = Page.objects.live().search(query) if query else Page.objects.none()
    shown = Paginator(found, 10).get_page(request.GET.get("page", 1))
    context = {"search_query": query, "search_results": shown}
    return TemplateResponse(request, "wagtail_site/search.html", context)


urlpatterns = [
    path("django-admin/", admin.site.urls),
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("search/", search, name="search"),
    path("", include(wagtail_urls)),
]
