"""Pages that answer as the cases say, and pages for caches further down; those tell how often they were made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from pagecache import depends_on, invalidate
from tests import http_cases

PAGE = "<p>The same words again.</p>" * 100
TEN = "0123456789"
renders = count(1)


def made(body: str, fields: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
    return HttpResponse(body, headers=fields or {}, status=status)


def case_of(table: Sequence[Any], body: str) -> Any:
    """Return a view that answers with the fields of a case, whose dates are counted from a time."""

    def view(request: HttpRequest, at: int, now: int) -> HttpResponse:
        fields = getattr(table[at], "fields", {})
        return made(body, {name: http_cases.dated(value, now) for name, value in fields.items()})

    return view


def aged(request: HttpRequest, at: int, now: int) -> HttpResponse:
    return made("aged", http_cases.AGED)


@csrf_exempt
def change(request: HttpRequest, at: int) -> HttpResponse:
    case = http_cases.CHANGES[at]
    return made("page") if request.method == "GET" else made("", case.fields, case.status)


def telling(fields: dict[str, str]) -> Any:
    """Return a view with these fields, whose page `/new/` makes a new one."""

    def view(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        now = int(time.time())
        return made(
            f"{next(renders)}{PAGE}", {name: http_cases.dated(fields[name], now) for name in fields}
        )

    return view


@csrf_exempt
def new(request: HttpRequest) -> HttpResponse:
    invalidate("data")
    return made("")


@csrf_exempt
def name(request: HttpRequest) -> HttpResponse:
    request.session["name"] = request.POST["name"]
    return made("")


def mine(request: HttpRequest) -> HttpResponse:
    return made(request.session.get("name", "nobody"), http_cases.cc("max-age=60"))


def form(request: HttpRequest) -> HttpResponse:
    return made(get_token(request), http_cases.cc("max-age=60"))


CASES = {
    "freshness": case_of(http_cases.FRESHNESS, "hello"),
    "targeted": case_of(http_cases.TARGETED, "hello"),
    "conditions": case_of(http_cases.CONDITIONS, "hello"),
    "parts": case_of(http_cases.PARTS, TEN),
    "coded": case_of(http_cases.CODED, PAGE),
    "asking": aged,
}
urlpatterns = [
    *(path(f"{name}/<int:at>/<int:now>/", view) for name, view in CASES.items()),
    path("changes-<int:at>/", change),
    path("other/é/", telling({})),
    path("page/", telling({})),
    path("fresh/", telling(http_cases.cc("max-age=60") | {"Date": "{-30}"})),
    path("kept/", telling(http_cases.cc("max-age=10") | {"Date": "{-20}"})),
    path("new/", new),
    path("name/", name),
    path("mine/", mine),
    path("form/", form),
]
