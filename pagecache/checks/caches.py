"""Where pages and versions are kept."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import InvalidCacheBackendError
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.announcing import site_store
from pagecache.checks.registering import with_valid_settings
from pagecache.stores import Store, StoreError

TIME_LIMITS = (
    "OPTIONS of its database: 'timeout' (SQLite), 'connect_timeout' and 'options': '-c statement_timeout=...' "
    "(PostgreSQL), 'connect_timeout' and 'read_timeout' (MySQL)"
)
FEW = 300  # items: what Django's own caches keep by default


@with_valid_settings
def check_cache() -> Iterator[CheckMessage]:
    """The chosen cache exists, and other processes see what one of them puts there."""
    alias = conf.get().options.CACHE
    if alias not in settings.CACHES:
        yield Error(
            f"PAGECACHE['CACHE'] is {alias!r}, which is not in CACHES.",
            hint=f"Use one of {', '.join(map(repr, settings.CACHES))}.",
            id="pagecache.E004",
        )
        return
    try:
        store = site_store()
    except (InvalidCacheBackendError, ImproperlyConfigured) as error:
        yield Error(
            f"The store cannot be opened: {error}.",
            hint="Install what the cache needs, or use another one for PAGECACHE['CACHE'].",
            id="pagecache.E008",
        )
        return
    kind = import_string(settings.CACHES[alias]["BACKEND"])
    if issubclass(kind, DummyCache):
        yield Error(
            f"The cache {alias!r} keeps nothing.",
            hint="Use a Redis cache for PAGECACHE['CACHE'].",
            id="pagecache.E005",
        )
    if issubclass(kind, LocMemCache) and conf.get().enabled:
        yield checks.Warning(
            f"The cache {alias!r} lives in one process: with several workers, each misses the writes of the others.",
            hint="Use a cache that all processes share, such as Redis, or run one process.",
            id="pagecache.W003",
        )
    if issubclass(kind, LocMemCache) and conf.get().enabled and conf.get().options.LOCAL:
        yield checks.Warning(
            f"PAGECACHE['LOCAL'] holds pages in this process, where the cache {alias!r} has them already.",
            hint="Use a cache that all processes share, such as Redis, or take LOCAL out.",
            id="pagecache.W015",
        )
    if store.shared and store.pickles:
        yield checks.Warning(
            f"The cache {alias!r} unpickles what it reads: whoever can write there can run code here.",
            hint="Use Redis or Memcached, or let nobody else write there.",
            id="pagecache.W004",
        )
    is_bounded = issubclass(kind, LocMemCache | FileBasedCache | DatabaseCache)
    limit = _max_entries(settings.CACHES[alias])
    if is_bounded and limit <= FEW and conf.get().enabled:
        yield checks.Warning(
            f"The cache {alias!r} keeps {limit} items at most, and pages, what they read and versions are items.",
            hint="Set OPTIONS['MAX_ENTRIES'] to a few times the number of pages, such as 100_000.",
            id="pagecache.W008",
        )


def _max_entries(cache: Mapping[str, Any]) -> int:
    """Return how many items a cache of Django's own keeps, where no server has a limit of its own."""
    stated: Mapping[str, Any] = {**cache, **cache.get("OPTIONS", {})}
    return int(stated.get("MAX_ENTRIES", stated.get("max_entries", FEW)))


@with_valid_settings
def check_two_phase() -> Iterator[CheckMessage]:
    """Two-phase invalidation has a store that it can work with, and writes are refused only with it."""
    options = conf.get().options
    if options.TWO_PHASE and (store := _store()) is not None and not store.can_mark:
        yield Error(
            f"PAGECACHE['TWO_PHASE'] needs Redis: the cache {options.CACHE!r} cannot mark versions.",
            hint="Use a Redis cache for PAGECACHE['CACHE'], or take TWO_PHASE out.",
            id="pagecache.E009",
        )
    if options.ON_INVALIDATION_FAILURE == "raise" and not options.TWO_PHASE:
        yield Error(
            "PAGECACHE['ON_INVALIDATION_FAILURE'] is 'raise', which has no effect without TWO_PHASE.",
            hint="Set TWO_PHASE to True: only what is announced before the write can refuse it.",
            id="pagecache.E010",
        )


@register(Tags.caches, deploy=True)
def check_eviction(**_kwargs: Any) -> Iterator[CheckMessage]:
    """The server keeps the marks of transactions."""
    try:
        store = _store() if conf.get().options.TWO_PHASE else None
        evicts = store is not None and store.can_mark and store.evicts()
    except (ImproperlyConfigured, StoreError):  # said by other checks, or when it is there
        return
    if evicts:
        yield checks.Warning(
            "With TWO_PHASE, versions must not be lost, and this Redis drops keys when its memory is full.",
            hint="Set its maxmemory-policy to noeviction, and give pages a TIMEOUT.",
            id="pagecache.W010",
        )


@with_valid_settings
def check_time_limit() -> Iterator[CheckMessage]:
    """A request waits for the cache no longer than `STORE_BUDGET`."""
    alias = conf.get().options.CACHE
    if (store := _store()) is None or store.keeps_time:
        return
    kind = import_string(settings.CACHES[alias]["BACKEND"])
    bounds = (
        TIME_LIMITS
        if issubclass(kind, DatabaseCache)
        else "an option of the backend, if it has one"
    )
    yield checks.Warning(
        f"STORE_BUDGET cannot bound how long the cache {alias!r} takes to answer.",
        hint=f"Use Redis, or Memcached by PyMemcacheCache; or bound it by {bounds}.",
        id="pagecache.W012",
    )


def _store() -> Store | None:
    try:
        return site_store()
    except (InvalidCacheBackendError, ImproperlyConfigured):  # said by other checks
        return None
