"""A site of django CMS: its pages, its own caches, its editors."""

from __future__ import annotations

from typing import Any

import pytest
from cms.api import add_plugin, create_page, create_page_content
from cms.cache import _get_cache_version, invalidate_cms_page_cache
from cms.models import Page
from cms.toolbar.utils import get_object_edit_url, get_object_preview_url, get_object_structure_url
from django.contrib.auth.models import User
from django.contrib.sites.models import Site as Home
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils.translation import override

from tests.compat.cms_site.models import Note
from tests.compat.cms_site.settings import MIDDLEWARE as DOCUMENTED
from tests.compat.crawl import Site, submit
from tests.lanes import MIDDLEWARE, REDIS, text

LANES, ON = MIDDLEWARE, (REDIS,)
COOKIE = "cms.middleware.language.LanguageCookieMiddleware"
NAMES = ("first", "second", "third")
PATHS = [f"/{language}/{slug}" for language in ("en", "de") for slug in ("", "second/", "third/")]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def pages() -> dict[str, Any]:
    Home.objects.clear_cache()
    Home.objects.get_or_create(pk=1, defaults={"domain": "testserver", "name": "Compat"})
    made = {name: page(name) for name in NAMES}
    with transaction.atomic():
        made["first"].set_as_homepage()
    return made


def page(name: str, **options: Any) -> Any:
    """Make a page in both languages, each with a note."""
    template = "cms_site/page.html"
    made = create_page(
        f"The {name}", template, "en", slug=name, in_navigation=True, reverse_id=name, **options
    )
    create_page_content("de", f"Die {name}", made, slug=name, in_navigation=True)
    for language in ("en", "de"):
        add(made, "NotePlugin", f"{name} in {language}", language)
    return made


def add(page: Any, plugin: str, note: str, language: str = "en") -> None:
    add_plugin(content(page, language).get_placeholders()[0], plugin, language, text=note)


def content(page: Any, language: str = "en") -> Any:
    return Page.objects.get(pk=page.pk).get_content_obj(language)


def keep(site: Site, *paths: str) -> None:
    """Let these pages be kept, for those who have come before."""
    twins = site.twins()
    for path in paths:
        twins.get(path)
        assert twins.get(path)[0].hit, path


def shown(site: Site, path: str, **asked: Any) -> str:
    """Return what an anonymous visitor is shown, which is what is there."""
    return text(site.twins().get(path, **asked)[1])


def test_pages_are_the_same_for_everybody(site: Site, alice: User, editor: User) -> None:
    assert set(site.crawled_by(alice)) == {"/", *PATHS}
    keep(site, *PATHS)
    assert len(site.twins(editor).crawl(depth=3)) > 20


def test_first_visit_is_kept_where_no_cookie_remembers_the_language(site: Site) -> None:
    site.arrange(*(name for name in DOCUMENTED if name != COOKIE))
    for path in PATHS:
        assert site.twins().get(path)[0].hit


def test_edited_plugin_shows_at_once(site: Site, editor: User) -> None:
    keep(site, *PATHS)
    note = Note.objects.get(text="second in en")
    with override("en"):
        path = (
            reverse("admin:cms_placeholder_edit_plugin", args=[note.pk]) + "?cms_path=/en/second/"
        )
    assert submit(site.visitor(editor), path, text="An edited note").status_code == 200
    assert "An edited note" in shown(site, "/en/second/")
    assert "second in de" in shown(site, "/de/second/")


def test_page_with_a_new_title_and_address_shows_at_once(
    site: Site, editor: User, pages: Any
) -> None:
    keep(site, *PATHS)
    with override("en"):
        path = reverse("admin:cms_pagecontent_change", args=[content(pages["second"]).pk])
    visitor = site.visitor(editor)
    submit(visitor, f"{path}?language=en", title="Renamed", slug="renamed", menu_title="Renamed")
    assert all("Renamed" in shown(site, path) for path in ("/en/", "/en/third/", "/en/renamed/"))
    assert site.twins().get("/en/second/")[1]["Location"] == "/en/renamed/"


def test_new_page_is_in_the_menu_at_once(site: Site) -> None:
    keep(site, *PATHS)
    page("fourth")  # which drops nothing of the package's own caches
    for language, paths in (("en", PATHS[:3]), ("de", PATHS[3:])):
        shown = [text(site.visitor().get(path)) for path in paths]
        assert all(f"/{language}/fourth/" in said for said in shown)


def test_deleted_page_is_gone_at_once(site: Site, editor: User, pages: Any) -> None:
    keep(site, *PATHS)
    with override("en"):
        path = reverse("admin:cms_page_delete", args=[pages["third"].pk])
    site.visitor(editor).ask("post", path, data={"post": "yes"})
    assert site.twins().get("/en/third/")[1].status_code == 404
    assert "/en/third/" not in shown(site, "/en/")


def test_editor_alone_has_the_toolbar(site: Site, alice: User, editor: User) -> None:
    for user in (None, editor, alice, editor, None):
        for query in ("", "?edit", "?structure", "?toolbar_off"):
            _, answer = site.twins(user).get(f"/en/second/{query}")
            assert ("cms-toolbar" in text(answer)) is (user is editor and query != "?toolbar_off")


def test_toolbar_to_log_in_is_for_those_who_ask_for_it(site: Site) -> None:
    keep(site, "/en/second/")
    twins = site.twins()
    assert "cms-toolbar" in text(twins.get("/en/second/?toolbar_on")[1])
    assert "cms-toolbar" not in shown(site, "/en/second/")


@pytest.mark.parametrize("authenticated", ["bypass", "unread"])
def test_editor_edits_on_the_page_that_others_see(
    site: Site, editor: User, pages: Any, authenticated: str
) -> None:
    site.lane.configure(AUTHENTICATED=authenticated)
    keep(site, "/en/second/")
    shown_to_others = shown(site, "/en/second/")
    for where in (get_object_edit_url, get_object_preview_url, get_object_structure_url):
        with override("en"):
            path = where(content(pages["second"]), "en")
        assert "cms-toolbar" in text(site.twins(editor).get(path)[1])
        assert site.twins().get(path)[1].status_code == 302
        assert shown(site, "/en/second/") == shown_to_others


def test_plugin_that_varies_is_shown_to_each_their_own(site: Site, pages: Any) -> None:
    add(pages["second"], "CountryPlugin", "Greetings")
    for _ in range(2):
        for country in ("de", "at", None, "de"):
            headers = {"X-Country": country} if country else {}
            said = shown(site, "/en/second/", headers=headers)
            assert f"Greetings from {country or 'nowhere'}" in said


def test_plugin_that_is_not_cached_is_made_for_each(site: Site, pages: Any, alice: User) -> None:
    add(pages["second"], "VisitorPlugin", "Greetings")
    for user in (None, alice, None):
        said, answer = site.twins(user).get("/en/second/")
        assert not said.hit
        assert f"Greetings for {user.username if user else 'nobody'}" in text(answer)


def test_page_for_members_is_private_at_once(site: Site, pages: Any, alice: User) -> None:
    keep(site, "/en/second/")
    Page.objects.filter(pk=pages["second"].pk).update(login_required=True)
    cache.clear()  # that of django CMS, which an update does not reach
    for user in (None, alice, None):
        _, answer = site.twins(user).get("/en/second/")
        assert ("second in en" in text(answer)) is (user is alice)


def test_page_is_right_where_caches_of_the_package_hold_old_values(site: Site) -> None:
    keep(site, *PATHS)
    site.twins().plain.get("/en/second/")
    Note.objects.filter(text="second in en").update(text="An update")
    visitor = site.visitor()
    visitor.get("/en/second/")
    assert "An update" in text(visitor.get("/en/second/"))


def test_versions_of_the_package_go_on_counting(site: Site) -> None:
    for _ in range(3):
        invalidate_cms_page_cache()
    before = _get_cache_version()
    keep(site, *PATHS)
    assert _get_cache_version() == before > 1
