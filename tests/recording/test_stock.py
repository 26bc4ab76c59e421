"""Stock middleware does its housekeeping unrecorded; the names that it adds to `Vary` are understood."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.test import RequestFactory
from django.utils import translation
from django.utils.cache import patch_vary_headers

from pagecache.recording import stock
from pagecache.recording.recorder import Recorder, recording
from pagecache.recording.request import record

SITE = (stock.LOCALE, "tests.nowhere.Middleware", "django.middleware.common.CommonMiddleware")


@pytest.fixture(autouse=True)
def _installed() -> Any:
    stock.install(SITE)
    with translation.override("en"):
        yield


class MyLocale(LocaleMiddleware):
    """The site's own."""


def passed_through(middleware: type) -> tuple[Recorder, HttpResponse]:
    recorder = Recorder()
    request: HttpRequest = RequestFactory().get("/", headers={"Accept-Language": "de"})
    record(request, recorder)
    response = HttpResponse()
    patch_vary_headers(response, ["X-Own"])
    with recording(recorder):
        made = middleware(lambda _request: response)(request)
    return recorder, made


def test_what_stock_middleware_reads_and_adds_to_vary_is_understood() -> None:
    recorder, response = passed_through(LocaleMiddleware)
    assert recorder.inputs == set()
    assert recorder.understood_vary == {"accept-language"}
    assert response["Vary"] == "X-Own, Accept-Language"


def test_a_subclass_counts_as_the_sites_own_code() -> None:
    recorder, _ = passed_through(MyLocale)
    assert {item.name for item in recorder.inputs} >= {"accept-language"}
    assert recorder.understood_vary == set()


def test_middleware_is_wrapped_once() -> None:
    before = LocaleMiddleware.process_request
    stock.install(SITE)
    assert LocaleMiddleware.process_request is before


def test_it_works_where_no_page_is_made() -> None:
    response: Any = LocaleMiddleware(lambda _request: HttpResponse())(RequestFactory().get("/"))
    assert "Accept-Language" in response["Vary"]
