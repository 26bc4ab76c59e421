"""The list as a page or as a part of one, as the package's documentation recommends it."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.vary import vary_on_headers


def groups(request: HttpRequest) -> HttpResponse:
    base = "partial.html" if request.htmx else "full.html"  # type: ignore[attr-defined]
    return render(request, "groups.html", {"base": base, "groups": Group.objects.all()})


def target(request: HttpRequest) -> HttpResponse:
    return render(request, "target.html")


urlpatterns = [
    path("", groups),
    path("vary/", vary_on_headers("HX-Request")(groups)),
    path("target/", target),
]
