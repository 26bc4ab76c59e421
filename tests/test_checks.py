"""System checks: every one has an id, a message that names what is wrong, and a hint that says what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from pagecache.checks import check_cache
from tests import settings as stock

PAGECACHE = "pagecache.middleware.PageCacheMiddleware"
STOCK = [name for name in stock.MIDDLEWARE if name != PAGECACHE]
FIRST = [PAGECACHE, *STOCK]
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
LARGE = {"MAX_ENTRIES": 100_000}
REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://localhost"}


def view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


inner = ([path("one/", view, name="one"), path("two/", view)], "stories")
outer = ([path("deep/", include(inner, namespace="deep"))], "paper")
urlpatterns = [
    path("plain/", view, name="plain"),
    path("news/", include(outer, namespace="news")),
    path("bare/", include([path("three/", view, name="three")])),
]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def _a_sound_site(settings: Any) -> None:
    settings.CACHES = {"default": REDIS}
    settings.PAGECACHE = {"ENABLED": True, "RELEASE": "1"}


def found(*, deploy: bool = False) -> dict[str, CheckMessage]:
    messages = run_checks(include_deployment_checks=deploy, tags=["caches"])
    own = [message for message in messages if str(message.id).startswith("pagecache.")]
    return {str(message.id): message for message in own}


def the_only(check: str, **options: Any) -> CheckMessage:
    messages = found(**options)
    assert set(messages) == {check}
    return messages[check]


def test_a_sound_site_passes_every_check() -> None:
    assert found(deploy=True) == {}


@pytest.mark.parametrize("unset", [True, False])
def test_a_site_without_the_setting_passes(settings: Any, unset: bool) -> None:
    settings.PAGECACHE = {}
    if unset:
        del settings.PAGECACHE
    assert found() == {}


def test_e001_tells_every_wrong_key(settings: Any) -> None:
    settings.PAGECACHE = {"MODE": "some", "TIMOUT": 5, "CACHE": "nowhere"}
    messages = [m for m in run_checks(tags=["caches"]) if m.id == "pagecache.E001"]
    assert [(message.msg, message.hint) for message in messages] == [
        ("PAGECACHE['MODE'] is 'some'.", "Make it one of 'all', 'decorated'."),
        ("PAGECACHE has the unknown key 'TIMOUT' (value 5).", "Did you mean 'TIMEOUT'?"),
    ]
    assert set(found(deploy=True)) == {"pagecache.E001"}, "the others wait for valid settings"


def test_w001_tells_that_the_middleware_is_missing(settings: Any) -> None:
    settings.MIDDLEWARE = STOCK
    message = the_only("pagecache.W001")
    assert "only views with cache_page are cached" in message.msg
    assert message.hint == f"Put '{PAGECACHE}' first in MIDDLEWARE."


def test_e002_tells_that_the_middleware_is_doubled(settings: Any) -> None:
    settings.MIDDLEWARE = [*FIRST, PAGECACHE]
    message = the_only("pagecache.E002")
    assert "more than once" in message.msg
    assert message.hint == "Keep the first one."


def test_w002_tells_what_stands_outside_and_is_not_known(settings: Any) -> None:
    settings.MIDDLEWARE = ["a.B", STOCK[0], *FIRST]
    message = found()["pagecache.W002"]
    assert message.msg.endswith("so no page is stored: a.B.")
    assert "OUTSIDE" in str(message.hint)


def test_w007_tells_that_the_middleware_is_not_first(settings: Any) -> None:
    settings.MIDDLEWARE = [STOCK[0], *FIRST]
    message = the_only("pagecache.W007")
    assert "is not first in MIDDLEWARE: django.middleware.security.Sec" in message.msg
    assert message.hint == "Put it first, or name what has to stand before it in OUTSIDE."


def test_what_is_named_in_outside_may_stand_there(settings: Any) -> None:
    settings.MIDDLEWARE = ["a.B", *FIRST]
    settings.PAGECACHE = {"OUTSIDE": ["a.B"]}
    assert found() == {}


@pytest.mark.parametrize("name", ["UpdateCache", "FetchFromCache", "Cache"])
def test_e003_tells_of_djangos_own_cache_middleware(settings: Any, name: str) -> None:
    settings.MIDDLEWARE = [*FIRST, f"django.middleware.cache.{name}Middleware"]
    message = the_only("pagecache.E003")
    assert "serve what pagecache has dropped" in message.msg
    assert message.hint == "Remove UpdateCacheMiddleware and FetchFromCacheMiddleware."


def test_e004_tells_of_an_unknown_alias(settings: Any) -> None:
    settings.CACHES = {"default": REDIS, "other": REDIS}
    settings.PAGECACHE = {"CACHE": "nowhere"}
    message = the_only("pagecache.E004")
    assert message.msg == "PAGECACHE['CACHE'] is 'nowhere', which is not in CACHES."
    assert message.hint == "Use one of 'default', 'other'."


def test_e005_tells_of_a_cache_that_keeps_nothing(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    message = the_only("pagecache.E005")
    assert message.msg == "The cache 'default' keeps nothing."
    assert message.hint == "Use a Redis cache for PAGECACHE['CACHE']."


def test_e008_tells_of_a_backend_that_is_not_there(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "nowhere.Cache"}}
    (message,) = check_cache()  # Django's own checks would raise
    assert message.id == "pagecache.E008"
    assert "no backend 'nowhere.Cache'" in message.msg


def test_w003_tells_of_a_cache_in_one_process(settings: Any) -> None:
    settings.CACHES = {"default": {**LOCMEM, "OPTIONS": LARGE}}
    message = the_only("pagecache.W003")
    assert "lives in one process" in message.msg
    assert "such as Redis" in str(message.hint)


def test_a_cache_in_one_process_is_fine_while_pagecache_is_off(settings: Any) -> None:
    settings.CACHES = {"default": LOCMEM}
    settings.PAGECACHE = {"ENABLED": False}
    assert found(deploy=True) == {}


@pytest.mark.parametrize("backend", ["filebased.FileBasedCache", "db.DatabaseCache"])
def test_w004_tells_of_a_cache_that_unpickles(settings: Any, backend: str) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": f"django.core.cache.backends.{backend}",
            "LOCATION": "/nowhere",
            "OPTIONS": LARGE,
        }
    }
    message = the_only("pagecache.W004")
    assert "unpickles what it reads" in message.msg
    assert message.hint == "Use Redis or Memcached, or let nobody else write there."


@pytest.mark.parametrize(
    "kind", ["locmem.LocMemCache", "filebased.FileBasedCache", "db.DatabaseCache"]
)
def test_w008_tells_of_a_cache_that_keeps_few_items(settings: Any, kind: str) -> None:
    backend = {"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": "somewhere"}
    settings.CACHES = {"default": backend}
    assert "keeps 300 items at most" in found()["pagecache.W008"].msg
    settings.CACHES = {"default": backend | {"OPTIONS": LARGE}}
    assert "pagecache.W008" not in found()


def test_w009_tells_of_a_database_that_shows_what_was_not_committed(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"isolation_level": "READ uncommitted"}
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", options)
    assert "'default' shows rows" in the_only("pagecache.W009").msg


@pytest.mark.urls("tests.site.wrong_alias")
def test_e007_tells_of_a_view_that_names_a_cache_that_is_not_there() -> None:
    message = the_only("pagecache.E007")
    assert message.msg.startswith("cache_page(cache='pages') of ")
    assert message.hint == "Use one of 'default'."


def test_w005_tells_of_an_empty_release_in_production(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True}
    assert found() == {}
    message = the_only("pagecache.W005", deploy=True)
    assert "RELEASE" in message.msg
    assert "commit id" in str(message.hint)


def test_a_site_that_is_off_needs_no_release(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": False}
    assert found(deploy=True) == {}


KNOWN = [
    "name:plain", "name:three", "name:news:deep:one", "namespace:news", "namespace:deep",
    "app:paper", "app:stories", "^/no/such/path/",
]  # fmt: skip
UNKNOWN = ["name:one", "name:two", "namespace:paper", "app:news", "name:", "namespace:deep:x"]


@pytest.mark.parametrize("key", ["EXCLUDE", "INCLUDE", "RULES"])
@pytest.mark.parametrize("pattern", UNKNOWN)
def test_w006_tells_of_a_pattern_that_matches_nothing(
    settings: Any, key: str, pattern: str
) -> None:
    settings.PAGECACHE = {key: [{"match": pattern}] if key == "RULES" else [pattern]}
    message = the_only("pagecache.W006")
    assert message.msg == f"The pattern {pattern!r} of PAGECACHE[{key!r}] matches no view."
    assert message.hint == "Compare it with the names and namespaces in the URLconf."


def test_a_pattern_that_names_a_view_a_namespace_or_an_app_passes(settings: Any) -> None:
    settings.PAGECACHE = {"EXCLUDE": KNOWN, "RULES": [{"match": name} for name in KNOWN]}
    assert found() == {}


@pytest.mark.parametrize(
    "options",
    [
        {"SEGMENT": "nowhere.by_moon"},
        {"REVEAL": "nowhere.by_moon"},
        {"RULES": [{"match": "/"}, {"match": "/", "segment": "nowhere.by_moon"}]},
    ],
    ids=["SEGMENT", "REVEAL", "RULES"],
)
def test_e006_tells_of_a_path_that_leads_nowhere(settings: Any, options: dict[str, Any]) -> None:
    settings.PAGECACHE = options
    message = the_only("pagecache.E006")
    (key,) = options
    assert message.msg.startswith(
        f"PAGECACHE[{key!r}] names 'nowhere.by_moon', which cannot be imported: No module"
    )
    assert message.hint == "Give the dotted path of a callable that takes a request."


def test_a_path_that_leads_somewhere_passes(settings: Any) -> None:
    segment = "pagecache.segments.by_group"
    settings.PAGECACHE = {"SEGMENT": segment, "RULES": [{"match": "/", "segment": segment}]}
    assert found() == {}
