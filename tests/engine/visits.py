"""Requests as the engine meets them: a real visit over a made request, and a view that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path, resolve

from pagecache import cache_page, depends_on
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.reasons import Reason
from pagecache.engine.drive import drive
from pagecache.engine.flow import examine, page
from pagecache.engine.visit import local
from pagecache.middleware import PageCacheMiddleware

STORED = "fwd=uri-miss; stored; ttl=300"

View = Callable[[HttpRequest], HttpResponse]

data = {"value": "old"}


def show(request: HttpRequest) -> HttpResponse:
    depends_on("data")
    return HttpResponse(data["value"])


urlpatterns = [
    path("page/", show),
    path("elsewhere/", cache_page(60, cache="other")(show)),
    path("<path:any>", show),
]


def visit_of(url: str = "/page/", **request: Any) -> DjangoVisit:
    """Return the visit of a request, as the middleware makes it where it cannot ask for a page by itself."""
    made = RequestFactory().generic(request.pop("method", "GET"), url, **request)
    visit = PageCacheMiddleware(lambda _request: HttpResponse()).arrive(made)
    visit.again = None
    return visit


def answer(visit: DjangoVisit, view: View = show) -> Callable[[], HttpResponse]:
    """Return what lets the view answer, as Django's handler does."""

    def render() -> HttpResponse:
        visit.request.resolver_match = resolve(visit.request.path_info)
        return view(visit.request)

    return render


def get(url: str = "/page/", view: View = show, **request: Any) -> tuple[str, str, DjangoVisit]:
    """Return the body, what happened, and the visit."""
    visit = visit_of(url, **request)
    response = drive(page(visit), answer(visit, view))
    return response.content.decode(), response.headers["Cache-Status"].split("; ", 1)[1], visit


def reason(visit: DjangoVisit) -> Reason | None:
    """Return why the page was neither served nor stored."""
    return visit.found.reason


def key_of(visit: DjangoVisit) -> str:
    """Return the key of the request's entry in the store."""
    drive(examine(again := visit_of(visit.request.get_full_path())))
    local.clear()  # nobody asked for the page yet
    return again.found.key
