"""300 visitors, each with a browser, analytics cookies and campaign parameters of its own, see 5 pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo_site import settings as demo
from demo_site.cache_status import read_outcome
from demo_site.story import CROWD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("demo_site.urls")]

PAGES = ("", "decades/1990/", "genres/western/", "films/film-1/", "studios/")


def visit(number: int, page: str) -> Any:
    visitor = Client(headers={"User-Agent": f"Browser/{number}"})
    visitor.cookies.load({"_ga": f"GA1.2.{number}", "_fbp": f"fb.1.{number}"})
    campaign = {"utm_source": f"letter-{number}", "fbclid": f"IwAR{number}"}
    return visitor.get(f"/en/{page}", query_params=campaign)


@pytest.mark.usefixtures("films")
def test_they_cause_five_renders(settings: Any) -> None:
    settings.MIDDLEWARE = demo.MIDDLEWARE
    settings.PAGECACHE = demo.PAGECACHE | {"ENABLED": True}
    first = {page: visit(0, page) for page in PAGES}
    assert [read_outcome(made["Cache-Status"]).stored for made in first.values()] == [True] * 5

    with CaptureQueriesContext(connection) as queries:
        crowd = [(page, visit(n, page)) for n in range(1, CROWD) for page in PAGES]

    assert {read_outcome(answer["Cache-Status"]).kind for _, answer in crowd} == {"hit"}
    assert all(answer.content == first[page].content for page, answer in crowd)
    assert len(queries) == 0
