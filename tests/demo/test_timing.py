from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from demo_site.films.models import Film
from demo_site.timing import ServerTimingMiddleware, reveal

pytestmark = pytest.mark.urls("demo_site.urls")


def answered(cache_status: str) -> str:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Cache-Status": cache_status} if cache_status else {})

    response: Any = ServerTimingMiddleware(view)(RequestFactory().get("/"))
    return re.sub(r"dur=\d+\.\d\d$", "dur=N", response.headers["Server-Timing"])


def test_the_header_names_outcome_reason_and_time() -> None:
    assert answered("pagecache; hit; ttl=1") == 'cache;desc="hit", total;dur=N'
    assert answered("") == 'cache;desc="none", total;dur=N'
    bypass = answered("pagecache; fwd=bypass; detail=session")
    assert bypass == 'cache;desc="bypass", why;desc="session", total;dur=N'


@pytest.mark.django_db
def test_every_page_has_it(client: Client, films: list[Film]) -> None:
    assert "total;dur=" in client.get("/en/").headers["Server-Timing"]


@pytest.mark.django_db
def test_an_asynchronous_site_has_it_too() -> None:
    response = async_to_sync(AsyncClient().get)("/en/contact/thanks/")
    assert response.status_code == 200
    assert "total;dur=" in response.headers["Server-Timing"]


def test_the_demo_reveals_reasons_to_everybody() -> None:
    assert reveal(RequestFactory().get("/"))
