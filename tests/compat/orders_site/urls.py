"""One page for every path, a file of WhiteNoise's apart."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path


def page(request: HttpRequest, at: str = "") -> HttpResponse:
    return HttpResponse(f"page {at}")


def agent(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.headers.get("User-Agent", "nobody"))


urlpatterns = [path("agent/", agent), path("", page), path("<path:at>", page)]
