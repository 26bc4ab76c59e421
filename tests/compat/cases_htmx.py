"""Pages and parts of pages, told apart by `request.htmx`."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from tests.compat.crawl import Site
from tests.lanes import MIDDLEWARE, REDIS, text

LANES, ON = MIDDLEWARE, (REDIS,)
Headers = dict[str, str]
PART = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _group() -> None:
    Group.objects.create(name="The first")


def test_pages_are_the_same_for_everybody(site: Site, alice: User) -> None:
    said = site.crawled_by(alice)
    assert all(page.hit for page in said.values())


@pytest.mark.parametrize("path", ["/", "/vary/"])
@pytest.mark.parametrize("asked", [[{}, PART, {}, PART], [PART, {}, PART, {}]])
def test_part_is_never_the_page(site: Site, path: str, asked: list[Headers], alice: User) -> None:
    for user in (None, alice):
        twins = site.twins(user)
        for headers in asked:
            _, answer = twins.get(path, headers=headers)
            assert ("<html>" in text(answer)) is (headers == {})


def kept(site: Site, path: str) -> list[bool]:
    """Tell whether the page and its part are kept, once it is known what both read."""
    twins = site.twins()
    for headers in ({}, PART):
        twins.get(path, headers=headers)
    return [twins.get(path, headers=headers)[0].hit for headers in ({}, PART)]


def test_part_is_kept_beside_the_page_where_vary_says_so(site: Site) -> None:
    assert kept(site, "/vary/") == [True, True]


def test_part_is_kept_beside_the_page_where_the_site_declares_it(site: Site) -> None:
    said, _ = site.twins().get("/", headers=PART)
    assert said.reason == "undeclared-header"
    site.lane.configure(KEY_HEADERS={"HX-Request": ["true"]})
    assert kept(site, "/") == [True, True]


def test_whatever_htmx_tells_is_answered_alike(site: Site) -> None:
    site.lane.configure(KEY_HEADERS=["HX-Request"])
    for told in (
        {},
        {"HX-Target": "main"},
        {"HX-Current-URL": "http://testserver/elsewhere/"},
        {"HX-Target": "a%20b", "HX-Target-URI-AutoEncoded": "true"},
        {"HX-Target": "a%20b"},
        {},
    ):
        for headers in (told, PART | told):
            site.twins().get("/target/", headers=headers)


def test_part_shows_a_change_at_once(site: Site) -> None:
    twins = site.twins()
    assert kept(site, "/vary/") == [True, True]
    Group.objects.create(name="The second")
    for headers in ({}, PART):
        said, answer = twins.get("/vary/", headers=headers)
        assert said.hit
        assert "The second" in text(answer)
