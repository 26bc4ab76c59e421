"""Stores keep bytes under keys, in the cache that the site chose."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pagecache.stores.base import Store, StoreError
from pagecache.stores.generic import GenericStore

__all__ = ["Store", "StoreError", "open_store"]

REDIS_BACKENDS = {
    "django.core.cache.backends.redis.RedisCache",
    "django_redis.cache.RedisCache",
}


def open_store(alias: str, *, budget: float) -> Store:
    """Return a store in the cache of the alias, for which a request waits `budget` seconds at most.

    Raises Django's `InvalidCacheBackendError` for an alias that is not in `CACHES` or whose backend is not there, and
    `ImproperlyConfigured` if a package that the backend needs is missing.
    """
    if alias not in settings.CACHES:
        known = ", ".join(map(repr, settings.CACHES))
        raise InvalidCacheBackendError(f"CACHES has no alias {alias!r}; it has {known}")
    if not _is_redis(_backend_class(alias)):
        return GenericStore(alias, budget=budget)
    try:
        redis = import_module("pagecache.stores.redis")
    except ImportError as error:
        raise ImproperlyConfigured(
            f"cache {alias!r} needs a package: pip install 'django-pagecache[redis]' ({error})"
        ) from error
    store: Store = redis.RedisStore(alias, budget=budget)
    return store


def _backend_class(alias: str) -> type:
    backend = settings.CACHES[alias]["BACKEND"]
    try:
        kind: type = import_string(backend)
    except ImportError as error:
        raise InvalidCacheBackendError(
            f"cache {alias!r}: no backend {backend!r}: {error}"
        ) from error
    return kind


def _is_redis(kind: type) -> bool:
    names = {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}
    return not names.isdisjoint(REDIS_BACKENDS)
