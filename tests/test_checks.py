"""System checks: every one has an id, a message that names what is wrong, and a hint that says what to do."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.urls import include, path

from pagecache import checks
from pagecache.checks.caches import check_cache
from pagecache.middleware import PageCacheMiddleware
from pagecache.packing import ZSTD
from pagecache.recording.stock import BELONGS_OUTSIDE, GZIP
from pagecache.segments import by_user, combine
from tests import settings as stock
from tests.stores.instances import Instance

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
    settings.PAGECACHE = {"ENABLED": True, "RELEASE": "1", "LOCAL": None}


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


class Compressing(GZipMiddleware):
    """A site's own."""


@pytest.mark.parametrize(
    "name, becomes",
    [
        (GZIP, "each text of Accept-Encoding has pages of its own"),
        (f"{__name__}.Compressing", "each text of Accept-Encoding has pages of its own"),
        ("corsheaders.middleware.CorsMiddleware", "each Origin that asks has pages of its own"),
        ("debug_toolbar.middleware.DebugToolbarMiddleware", "no page is kept while the toolbar"),
    ],
)
@pytest.mark.usefixtures("_no_toolbar")
def test_w011_tells_what_stands_better_before(settings: Any, name: str, becomes: str) -> None:
    settings.MIDDLEWARE = [*FIRST, name]
    message = the_only("pagecache.W011")
    assert message.msg.startswith(f"{name} stands behind pagecache: {becomes}")
    assert str(message.hint).startswith("Put it before PageCacheMiddleware")
    settings.MIDDLEWARE = [name, *FIRST]
    settings.PAGECACHE = {"ENABLED": True, "RELEASE": "1", "OUTSIDE": [name]}
    assert found() == {}


@pytest.fixture
def _no_toolbar(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be imported only where it is one of the apps."""
    monkeypatch.setitem(sys.modules, "debug_toolbar.middleware", None)


@pytest.mark.usefixtures("_no_toolbar")
@pytest.mark.parametrize("name", sorted(BELONGS_OUTSIDE))
def test_what_belongs_before_may_stand_there(settings: Any, name: str) -> None:
    settings.MIDDLEWARE = [name, *FIRST]
    assert found() == {}


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


def test_e008_tells_of_a_cache_that_does_not_tell_of_changes(settings: Any) -> None:
    settings.CACHES = {"default": {**LOCMEM, "OPTIONS": LARGE}}
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL": "push"}
    assert "which needs Redis 6 or later: the cache 'default'" in found()["pagecache.E008"].msg
    with pytest.raises(ImproperlyConfigured, match="needs Redis 6 or later"):
        PageCacheMiddleware(view)


def test_w003_tells_of_a_cache_in_one_process(settings: Any) -> None:
    settings.CACHES = {"default": {**LOCMEM, "OPTIONS": LARGE}}
    message = the_only("pagecache.W003")
    assert "lives in one process" in message.msg
    assert "such as Redis" in str(message.hint)


def test_a_cache_in_one_process_is_fine_while_pagecache_is_off(settings: Any) -> None:
    settings.CACHES = {"default": LOCMEM}
    settings.PAGECACHE = {"ENABLED": False}
    assert found(deploy=True) == {}


def test_w015_tells_of_pages_that_are_held_twice_in_one_process(settings: Any) -> None:
    settings.CACHES = {"default": {**LOCMEM, "OPTIONS": LARGE}}
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL": "validate"}
    assert "has them already" in found()["pagecache.W015"].msg
    settings.CACHES = {"default": REDIS}
    assert found() == {}


@pytest.mark.parametrize("backend", ["filebased.FileBasedCache", "db.DatabaseCache"])
def test_w004_tells_of_a_cache_that_unpickles(settings: Any, tmp_path: Path, backend: str) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": f"django.core.cache.backends.{backend}",
            "LOCATION": str(tmp_path),
            "OPTIONS": LARGE,
        }
    }
    messages = found()
    assert set(messages) == {"pagecache.W004", "pagecache.W012"}
    assert "unpickles what it reads" in messages["pagecache.W004"].msg
    assert (
        messages["pagecache.W004"].hint == "Use Redis or Memcached, or let nobody else write there."
    )


@pytest.mark.parametrize(
    "kind, way_out",
    [("db.DatabaseCache", "statement_timeout"), ("filebased.FileBasedCache", "if it has one")],
)
def test_w012_tells_of_a_cache_that_may_take_its_time(
    settings: Any, tmp_path: Path, kind: str, way_out: str
) -> None:
    backend = f"django.core.cache.backends.{kind}"
    location = str(tmp_path)
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location, "OPTIONS": LARGE}}
    message = found()["pagecache.W012"]
    assert "STORE_BUDGET cannot bound" in message.msg
    assert way_out in str(message.hint)


@pytest.mark.parametrize(
    "kind", ["locmem.LocMemCache", "filebased.FileBasedCache", "db.DatabaseCache"]
)
def test_w008_tells_of_a_cache_that_keeps_few_items(
    settings: Any, kind: str, tmp_path: Path
) -> None:
    backend = {"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": str(tmp_path)}
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


SECRET = "a secret of thirty-two letters or more"


def test_e011_tells_of_a_package_that_is_not_there(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": [SECRET]}
    assert found() == {}
    monkeypatch.delitem(sys.modules, "pagecache.sealing")
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    message = the_only("pagecache.E011")
    assert 'pip install "django-pagecache[encrypt]"' in message.msg
    assert SECRET not in str(message)


@pytest.mark.parametrize(
    "stated, module, extra", [("br", "brotli", "brotli"), ("zstd", ZSTD, "zstd")]
)
def test_e014_tells_of_a_package_that_is_not_there(
    settings: Any, monkeypatch: pytest.MonkeyPatch, stated: str, module: str, extra: str
) -> None:
    settings.PAGECACHE = {"ENABLED": True, "COMPRESS": stated}
    assert found() == {}
    monkeypatch.setitem(sys.modules, module, None)
    message = the_only("pagecache.E014")
    assert f'pip install "django-pagecache[{extra}]"' in message.msg
    assert message.hint == "Install it, or set COMPRESS to True: gzip needs no package."
    settings.PAGECACHE = {"ENABLED": True, "COMPRESS": True}
    assert found() == {}


by_user_and_moon = combine(by_user, lambda _request: "full")
FOR_USERS = ["pagecache.segments.by_user", f"{__name__}.by_user_and_moon"]


@pytest.mark.parametrize("segment", FOR_USERS)
@pytest.mark.parametrize("key", ["SEGMENT", "RULES"])
def test_e012_tells_of_pages_of_users_that_are_not_sealed(
    settings: Any, key: str, segment: str
) -> None:
    stated = {
        key: segment if key == "SEGMENT" else [{"match": "/"}, {"match": "/", "segment": segment}]
    }
    settings.PAGECACHE = {"ENABLED": True, **stated}
    message = the_only("pagecache.E012")
    assert f"PAGECACHE['{key}'] is by_user, and the pages of each user can be read" in message.msg
    assert "PAGECACHE['ENCRYPT']" in str(message.hint)
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": [SECRET], **stated}
    assert found() == {}


@pytest.mark.urls("tests.site.for_users")
def test_e012_tells_of_views_whose_pages_are_of_users(settings: Any) -> None:
    messages = [m.msg for m in run_checks(tags=["caches"]) if m.id == "pagecache.E012"]
    assert [message.partition(" is by_user")[0] for message in messages] == [
        "segment_by() of account", "segment_by() of Basket",
    ]  # fmt: skip
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": [SECRET]}
    assert found() == {}


TWO_PHASE = {"ENABLED": True, "RELEASE": "1", "TWO_PHASE": True}


def test_e009_tells_of_a_cache_that_cannot_mark_versions(settings: Any) -> None:
    settings.PAGECACHE = TWO_PHASE
    assert "pagecache.E009" not in found()
    settings.CACHES = {"default": {**LOCMEM, "OPTIONS": LARGE}}
    message = found()["pagecache.E009"]
    assert "needs Redis: the cache 'default' cannot mark versions" in message.msg


def test_e010_tells_of_writes_that_nothing_can_refuse(settings: Any) -> None:
    settings.PAGECACHE = {"ON_INVALIDATION_FAILURE": "raise"}
    assert "no effect without TWO_PHASE" in the_only("pagecache.E010").msg
    settings.PAGECACHE = {"ON_INVALIDATION_FAILURE": "raise", "TWO_PHASE": True}
    assert found() == {}


def test_w010_tells_of_a_redis_that_drops_keys(settings: Any) -> None:
    settings.PAGECACHE = {**TWO_PHASE, "STORE_BUDGET": 5}
    with Instance() as instance:
        settings.CACHES = {"default": instance.backend}
        assert found(deploy=True) == {}
        instance.admin.config_set("maxmemory", "50mb")
        instance.admin.config_set("maxmemory-policy", "allkeys-lru")
        assert "drops keys when its memory is full" in the_only("pagecache.W010", deploy=True).msg
    assert found(deploy=True) == {}, "a server that is away tells nothing"


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


SERVED = {
    "WSGI_APPLICATION": "tests.lanes_site.served.of_threads",
    "ASGI_APPLICATION": "tests.lanes_site.served.of_loops",
}


@pytest.mark.parametrize("setting", SERVED)
@pytest.mark.parametrize("middleware", [[*STOCK, PAGECACHE], [STOCK[0], PAGECACHE], STOCK])
def test_fast_lane_needs_the_middleware_first(
    settings: Any, setting: str, middleware: list[str]
) -> None:
    setattr(settings, setting, SERVED[setting])
    settings.MIDDLEWARE = middleware
    assert f"{setting} has the lane of pagecache." in found()["pagecache.E015"].msg


@pytest.mark.parametrize("path", [*SERVED.values(), "tests.settings.x", "nowhere.x", "x", None])
def test_fast_lane_behind_which_the_middleware_is_first_is_sound(settings: Any, path: str) -> None:
    settings.WSGI_APPLICATION = settings.ASGI_APPLICATION = path
    settings.MIDDLEWARE = FIRST
    assert not found()


@pytest.mark.parametrize("path", ["tests.settings.x", "nowhere.x", "nowhere.at.all.x", "x", None])
def test_without_a_fast_lane_the_middleware_may_be_anywhere(settings: Any, path: str) -> None:
    settings.WSGI_APPLICATION = path
    settings.MIDDLEWARE = [*STOCK, PAGECACHE]
    assert "pagecache.E015" not in found()


def hears(**_kwargs: Any) -> None:
    """Hear of each request."""


def test_fast_lane_that_somebody_hears_past_is_told(settings: Any) -> None:
    settings.WSGI_APPLICATION = SERVED["WSGI_APPLICATION"]
    settings.MIDDLEWARE = FIRST
    heard_by = partial(hears)  # which has the name of what it calls
    request_started.connect(heard_by)
    try:
        for told in ("pagecache.W013", "pagecache.W014"):
            assert f"{__name__}.hears" in found()[told].msg
        settings.PAGECACHE = {**settings.PAGECACHE, "OUTSIDE": [f"{__name__}.hears"]}
        assert not found()
    finally:
        request_started.disconnect(heard_by)


def test_each_check_has_an_id_of_its_own() -> None:
    texts = [path.read_text() for path in Path(checks.__file__).parent.glob("*.py")]
    ids = re.findall(r'id="(pagecache\.\w+)"', "".join(texts))
    assert len(ids) == len(set(ids)) > 20
