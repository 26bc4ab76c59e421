"""Which store an alias gets."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.cache import InvalidCacheBackendError
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured

from pagecache.stores import open_store
from pagecache.stores.generic import GenericStore
from pagecache.stores.redis import RedisStore
from tests.stores.backends import MySubclass, OpenStore, locmem, redis_backend


class SitesOwn(RedisCache):
    """A site's own subclass of a stock backend."""


def test_local_memory_gets_the_generic_store(open_pages: OpenStore) -> None:
    assert type(open_pages(locmem())) is GenericStore


@pytest.mark.parametrize("kind", ["redis", "django-redis"])
def test_redis_gets_its_own_store_without_being_asked(open_pages: OpenStore, kind: str) -> None:
    assert type(open_pages(redis_backend("redis://127.0.0.1:1/0", kind))) is RedisStore


def test_a_subclass_counts_as_its_base(open_pages: OpenStore) -> None:
    sites = {**locmem(SitesOwn), "LOCATION": "redis://127.0.0.1:1/0"}
    assert type(open_pages(sites)) is RedisStore
    assert type(open_pages(locmem(MySubclass))) is GenericStore


def test_an_unknown_alias_names_those_that_are_there(settings: Any) -> None:
    settings.CACHES = {"default": locmem(), "other": locmem()}
    with pytest.raises(InvalidCacheBackendError, match="no alias 'pages'; it has 'default', 'ot"):
        open_store("pages", budget=1)


def test_a_backend_that_is_not_there_is_named(open_pages: OpenStore) -> None:
    with pytest.raises(InvalidCacheBackendError, match=r"'pages': no backend 'nowhere\.Cache'"):
        open_pages({"BACKEND": "nowhere.Cache"})


def test_a_missing_package_is_named(open_pages: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pagecache.stores.redis", raising=False)
    monkeypatch.setitem(sys.modules, "redis.exceptions", None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install 'django-pagecache\[redis\]'"):
        open_pages(redis_backend("redis://127.0.0.1:1/0"))
