"""A page, a form that writes, and data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import include, path


def groups(request: HttpRequest) -> HttpResponse:
    return render(request, "groups.html", {"groups": Group.objects.order_by("pk")})


def add(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "add.html")
    Group.objects.create(name=request.POST["name"])
    return redirect("/")


def data(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"groups": Group.objects.count()})


urlpatterns: list[Any] = [
    path("", groups),
    path("add/", add),
    path("data/", data),
    path("admin/", admin.site.urls),
    path("__debug__/", include("debug_toolbar.urls")),
]
