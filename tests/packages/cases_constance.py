"""Settings of django-constance in the database, behind a cache."""

from __future__ import annotations

from typing import Any

import pytest
from constance import config
from constance.models import Constance
from django.core.cache import cache, caches
from django.http import HttpRequest, HttpResponse

from tests.lanes import DECORATOR_ASYNC, MIDDLEWARE_ASYNC, Lane, showing, through

pytestmark = pytest.mark.django_db(transaction=True)

theme = showing(lambda request: config.THEME)


@pytest.fixture(autouse=True)
def _constance(lane: Lane, tmp_path_factory: Any) -> None:
    """Constance keeps the object that it got first, for all threads."""
    files = "django.core.cache.backends.filebased.FileBasedCache"
    place = str(tmp_path_factory.getbasetemp() / "constance")
    lane.settings.CACHES = {
        **lane.settings.CACHES,
        "constance": {"BACKEND": files, "LOCATION": place},
    }
    caches["constance"].clear()
    config.THEME = "light"


def test_page_is_dropped_when_a_setting_changes(lane: Lane) -> None:
    lane.show(theme)
    assert [lane.read(), lane.read()] == ["light", "light"]
    assert lane.see().hit

    config.THEME = "dark"

    assert [lane.read(), lane.read()] == ["dark", "dark"]
    assert lane.see().hit


def test_page_is_right_where_the_cache_holds_an_old_value(lane: Lane) -> None:
    lane.show(theme)
    config.THEME = "dark"
    caches["constance"].set("THEME", "light")

    assert config.THEME == "light"
    assert [lane.read(), lane.read()] == ["dark", "dark"]
    assert lane.see().hit


def test_default_is_written_first_and_kept_then(lane: Lane) -> None:
    Constance.objects.all().delete()
    caches["constance"].clear()
    lane.show(theme)
    assert lane.see().reason == "wrote"
    assert [lane.read(), lane.read()] == ["light", "light"]
    assert lane.see().hit


@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC)
def test_asynchronous_view(lane: Lane) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(await config.THEME)

    lane.show(view)
    lane.get()
    assert lane.see().hit
    config.THEME = "dark"
    assert lane.read() == "dark"


def test_the_same_key_of_another_cache_is_the_sites_own(lane: Lane) -> None:
    lane.show(showing(lambda request: cache.get("THEME")))
    assert lane.see().reason == "cache-read"
