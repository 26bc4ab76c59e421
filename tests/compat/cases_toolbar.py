"""A site that is looked at with django-debug-toolbar, which stands inside of pagecache or outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from debug_toolbar.middleware import show_toolbar_func_or_path
from django.contrib.auth.models import Group, User

from tests.compat.crawl import Site, submit
from tests.compat.toolbar_site.settings import MIDDLEWARE as INSIDE
from tests.compat.toolbar_site.settings import TOOLBAR
from tests.lanes import MIDDLEWARE, REDIS, text

LANES, ON = MIDDLEWARE, (REDIS,)

BAR = re.compile(r'<div id="djDebugRoot".*(?=</body>)', re.DOTALL)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["inside", "outside"])
def place(request: pytest.FixtureRequest, site: Site) -> str:
    """Where the toolbar stands, on a site that is being developed."""
    place: str = request.param
    site.lane.settings.DEBUG = True
    site.varying.append(BAR)
    Group.objects.create(name="one")
    if place == "outside":
        site.arrange(TOOLBAR, *(name for name in INSIDE if name != TOOLBAR))
    return place


def test_pages_are_the_same_for_everybody(
    site: Site, place: str, alice: User, editor: User
) -> None:
    said = site.crawled_by(alice)
    assert {said[path].hit for path in ("/", "/data/")} == {place == "outside"}
    site.twins(editor).crawl("/admin/", depth=1)


def test_toolbar_tells_of_its_own_request(site: Site, place: str) -> None:
    for at in range(3):
        answer = site.visitor().get("/")
        is_made = place == "inside" or at == 0
        (bar,) = BAR.findall(text(answer))
        assert ("auth_group" in bar) is is_made
        assert f"SQL {int(is_made)} queries" in answer["Server-Timing"]


@pytest.mark.usefixtures("place")
def test_what_is_written_shows_at_once(site: Site) -> None:
    for name in ("two", "three"):
        for _ in range(2):
            assert name not in BAR.sub("", text(site.twins().get("/")[1]))
        assert submit(site.visitor(), "/add/", name=name).status_code == 302
        assert name in BAR.sub("", text(site.twins().get("/")[1]))


@pytest.fixture
def _for_everybody(settings: Any) -> Iterator[None]:
    """Let the toolbar be shown without a look at who asks."""
    show_toolbar_func_or_path.cache_clear()
    shows = {"SHOW_TOOLBAR_CALLBACK": lambda request: True}
    settings.DEBUG_TOOLBAR_CONFIG = settings.DEBUG_TOOLBAR_CONFIG | shows
    yield
    show_toolbar_func_or_path.cache_clear()


@pytest.mark.usefixtures("_for_everybody", "place")
def test_nobody_is_shown_the_toolbar_of_another(site: Site) -> None:
    answers = [site.visitor().get("/") for _ in range(3)]
    assert len({answer["Server-Timing"] for answer in answers}) == 3


def test_nothing_stands_in_the_way_in_production(site: Site) -> None:
    assert site.twins().get("/")[0].hit
