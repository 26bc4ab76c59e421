"""`Site.objects.get_current()`, which each process remembers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sites.models import SITE_CACHE, Site
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest, HttpResponse

from pagecache.recording import known
from tests.lanes import DECORATOR_ASYNC, MIDDLEWARE_ASYNC, Lane, showing, through

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_site() -> Any:
    Site.objects.clear_cache()
    Site.objects.update_or_create(pk=1, defaults={"domain": "testserver", "name": "old"})


@pytest.mark.parametrize("by", ["id", "host"])
def test_page_depends_on_the_site_though_the_process_remembers_it(lane: Lane, by: str) -> None:
    lane.settings.SITE_ID = 1 if by == "id" else None
    lane.show(showing(lambda request: get_current_site(request).name))
    Site.objects.get_current(HttpRequest() if by == "id" else _asked())
    assert [lane.read(), lane.read()] == ["old", "old"]
    assert lane.see().hit

    Site.objects.update(name="new")  # nobody forgets for that

    assert [lane.read(), lane.read()] == ["new", "new"]


def test_nothing_changes_where_no_page_is_made(lane: Lane) -> None:
    assert Site.objects.get_current().name == "old"
    Site.objects.update(name="new")
    assert Site.objects.get_current().name == "old"
    before = vars(type(Site.objects))
    known.watch_sites()
    assert vars(type(Site.objects)) == before


@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC)
def test_view_on_the_event_loop_gets_what_is_remembered_and_is_not_kept(lane: Lane) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(Site.objects.get_current().name)

    lane.show(view)
    Site.objects.get_current()

    assert lane.read() == "old"
    assert lane.see().reason == "cache-read"


def test_page_that_is_made_leaves_the_memory_alone(lane: Lane) -> None:
    lane.show(showing(lambda request: get_current_site(request).name))
    lane.get()
    assert SITE_CACHE == {}


def _asked() -> HttpRequest:
    request = HttpRequest()
    request.META["HTTP_HOST"] = "testserver"
    return request
