"""What is known of packages, by their settings; `tests/packages` has the packages themselves."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection

from pagecache.core.reasons import Reason
from pagecache.recording import backends, known
from pagecache.recording.recorder import Recorder, recording
from tests.settings import INSTALLED_APPS


def test_keys_are_missed_only_where_the_package_is_installed(monkeypatch: Any) -> None:
    assert list(known.missed_keys()) == []
    monkeypatch.setitem(known.PACKAGES, "pagecache", known.PACKAGES["wagtail"])
    assert list(known.missed_keys()) == [
        ("default", "wagtail_site_root_paths"),
        ("default", "wagtail_locales_display_name"),
    ]


def test_keys_of_waffle_follow_its_settings(settings: Any) -> None:
    keys = known.PACKAGES["waffle"]
    assert list(keys()) == [
        ("default", "waffle:*"),
        ("default", "flags:all"),
        ("default", "samples:all"),
        ("default", "switches:all"),
    ]
    settings.WAFFLE_CACHE_NAME = "flags"
    settings.WAFFLE_CACHE_PREFIX = "w-"
    settings.WAFFLE_ALL_FLAGS_CACHE_KEY = "every"
    assert list(keys())[:2] == [("flags", "w-*"), ("flags", "every")]


def test_keys_of_constance_are_those_of_its_cache(settings: Any) -> None:
    keys = known.PACKAGES["constance"]
    settings.CONSTANCE_CONFIG = {"THEME": ("light", "")}
    assert list(keys()) == []
    settings.CONSTANCE_DATABASE_CACHE_BACKEND = "default"
    settings.CONSTANCE_DATABASE_PREFIX = "c:"
    assert list(keys()) == [("default", "c:THEME"), ("default", "c:autofilled")]


def test_keys_of_django_cms_follow_its_settings(monkeypatch: Any) -> None:
    stated = {"CACHE_PREFIX": "cms_", "MENU_CACHE_BACKEND": "menus"}
    conf = SimpleNamespace(get_cms_setting=stated.__getitem__)
    monkeypatch.setitem(sys.modules, "cms.utils.conf", conf)
    assert list(known.PACKAGES["cms"]()) == [
        ("default", "cms_*"),
        ("default", "cms:xframe_options:*"),
        ("menus", "cms_menu_nodes_*"),
    ]
    assert list(known.VERSIONS["cms"]()) == [
        ("default", "cms__PAGE_CACHE_VERSION"),
        ("default", "cms_:permission:version"),
        ("default", "cms_|placeholder_cache_version|*"),
    ]


def test_versions_of_keys_that_are_missed_are_not_missed(monkeypatch: Any, settings: Any) -> None:
    monkeypatch.setitem(known.PACKAGES, "pagecache", lambda: iter([("default", "cms_*")]))
    monkeypatch.setitem(known.VERSIONS, "pagecache", lambda: iter([("default", "cms_version")]))
    settings.PAGECACHE = {"ENABLED": True}
    cache.set_many({"cms_version": 3, "cms_page": "old"})
    render = Recorder()
    with recording(render):
        assert cache.get_many(["cms_version", "cms_page"]) == {"cms_version": 3}
    assert (render.tags, list(render.refusals)) == (set(), [])


def test_renditions_may_have_a_cache_of_their_own(settings: Any) -> None:
    keys = known.PACKAGES["wagtail.images"]
    assert list(keys()) == [("default", "wagtail-rendition-*")]
    settings.CACHES = settings.CACHES | {"renditions": settings.CACHES["default"]}
    assert list(keys()) == [("renditions", "wagtail-rendition-*")]


def test_settings_elsewhere_are_watched_by_the_class_that_reads_them(settings: Any) -> None:
    assert list(known.settings_backends()) == []
    settings.CONSTANCE_CONFIG = {"THEME": ("light", "")}
    settings.CONSTANCE_BACKEND = known.CONSTANCE_IN_DATABASE
    settings.INSTALLED_APPS = [*INSTALLED_APPS, "constance"]
    assert list(known.settings_backends()) == []
    settings.CONSTANCE_BACKEND = "constance.backends.memory.MemoryBackend"
    (cls,) = known.settings_backends()
    backends.install()
    render = Recorder()
    with recording(render):
        assert cls().get("THEME") is None
    assert list(render.refusals) == [Reason.CACHE_READ]


@pytest.mark.django_db(transaction=True)
def test_a_page_asks_the_database_for_its_site(settings: Any) -> None:
    settings.INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sites"]
    settings.SITE_ID = 1
    from django.contrib.sites.models import Site, SiteManager  # noqa: PLC0415 installed just now

    watched = vars(SiteManager)["_get_site_by_id"]
    known.watch_sites()
    assert vars(SiteManager)["_get_site_by_id"] is watched
    with connection.schema_editor() as editor:
        editor.create_model(Site)
    try:
        Site.objects.create(pk=1, domain="here", name="old")
        assert Site.objects.get_current().name == "old"
        Site.objects.update(name="new")
        assert Site.objects.get_current().name == "old"
        render = Recorder()
        with recording(render):
            assert Site.objects.get_current().name == "new"
        assert (render.tags, list(render.refusals)) == ({"sites.site:1", "sites.site:*"}, [])
    finally:
        Site.objects.clear_cache()
        with connection.schema_editor() as editor:
            editor.delete_model(Site)


def test_on_an_event_loop_memory_answers_and_the_page_is_not_kept() -> None:
    def remembered(_manager: object, pk: int) -> str:
        if pk not in SITE_CACHE:
            raise SynchronousOnlyOperation
        return SITE_CACHE[pk]

    render = Recorder()
    with recording(render):
        assert known._without_memory(remembered)(None, 1) == "old"
    assert list(render.refusals) == [Reason.CACHE_READ]


SITE_CACHE = {1: "old"}
