"""System checks: what is wrong with the settings, before the first request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.bridge import routes
from pagecache.core.urls import PREFIXES
from pagecache.invalidation import site_store
from pagecache.options import problems

DJANGOS_OWN = {
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware",
}
FEW = 300  # items: what Django's own caches keep by default


@register(Tags.caches)
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Every key of `PAGECACHE` is known and has a value of the right form."""
    found = problems(getattr(settings, "PAGECACHE", {}))
    return [Error(message, hint=hint, id="pagecache.E001") for message, hint in found]


def _with_valid_settings(
    check: Callable[[], Iterable[CheckMessage]],
) -> Callable[..., list[CheckMessage]]:
    def run(**_kwargs: Any) -> list[CheckMessage]:
        try:
            conf.get()
        except ImproperlyConfigured:  # said by other checks
            return []
        return list(check())

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    register(run, Tags.caches)
    return run


@_with_valid_settings
def check_middleware() -> Iterator[CheckMessage]:
    """The middleware is there, once, first, and alone."""
    places = [
        index
        for index, path in enumerate(settings.MIDDLEWARE)
        if routes.leads_to(path, routes.OURS)
    ]
    if not places:
        yield checks.Warning(
            "PageCacheMiddleware is not in MIDDLEWARE: only views with cache_page are cached.",
            hint=f"Put {routes.OURS!r} first in MIDDLEWARE.",
            id="pagecache.W001",
        )
        return
    if len(places) > 1:
        yield Error(
            "PageCacheMiddleware is in MIDDLEWARE more than once.",
            hint="Keep the first one.",
            id="pagecache.E002",
        )
    before = settings.MIDDLEWARE[: places[0]]
    if undeclared := [path for path in before if path not in conf.get().options.OUTSIDE]:
        yield checks.Warning(
            f"PageCacheMiddleware is not first in MIDDLEWARE: {', '.join(undeclared)} runs on every hit too.",
            hint="Put it first, or name what has to stand before it in OUTSIDE.",
            id="pagecache.W007",
        )
    if outside := routes.unknown_outside(before):
        yield checks.Warning(
            f"Middleware stands outside pagecache that it does not know, so no page is stored: {', '.join(outside)}.",
            hint="Put PageCacheMiddleware first, or name what makes no page depend on the request in OUTSIDE.",
            id="pagecache.W002",
        )
    if not DJANGOS_OWN.isdisjoint(settings.MIDDLEWARE):
        yield Error(
            "Django's own cache middleware is in MIDDLEWARE too: it would serve what pagecache has dropped.",
            hint="Remove UpdateCacheMiddleware and FetchFromCacheMiddleware.",
            id="pagecache.E003",
        )


@_with_valid_settings
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


@register(Tags.caches, deploy=True)
def check_release(**_kwargs: Any) -> list[CheckMessage]:
    """In production every deploy starts with pages of its own."""
    try:
        config = conf.get()
    except ImproperlyConfigured:  # said by other checks
        return []
    if config.options.RELEASE or not config.enabled:
        return []
    return [
        checks.Warning(
            "PAGECACHE['RELEASE'] is empty: pages made by the code and templates of the last deploy stay.",
            hint="Set it to something that differs between deploys, such as the commit id.",
            id="pagecache.W005",
        )
    ]


@_with_valid_settings
def check_patterns() -> Iterator[CheckMessage]:
    """Patterns that name a view, a namespace or an app match one."""
    options = conf.get().options
    rules = [rule["match"] for rule in options.RULES]
    stated = {"EXCLUDE": options.EXCLUDE, "INCLUDE": options.INCLUDE, "RULES": rules}
    named = [
        (key, pattern)
        for key, patterns in stated.items()
        for pattern in patterns
        if pattern.startswith(PREFIXES)
    ]
    if not named:
        return
    known = set(_names(get_resolver().url_patterns, ()))
    for key, pattern in named:
        if pattern not in known:
            yield checks.Warning(
                f"The pattern {pattern!r} of PAGECACHE[{key!r}] matches no view.",
                hint="Compare it with the names and namespaces in the URLconf.",
                id="pagecache.W006",
            )


@register(Tags.caches)
def check_paths(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Dotted paths lead to functions."""
    stated = getattr(settings, "PAGECACHE", {})
    if problems(stated):
        return
    rules = stated.get("RULES", ())
    named = [("SEGMENT", stated.get("SEGMENT")), ("REVEAL", stated.get("REVEAL"))]
    named += [("RULES", rule.get("segment")) for rule in rules]
    for key, path in named:
        try:
            _ = path and conf.function(key, path)
        except ImproperlyConfigured as error:
            yield Error(
                str(error),
                hint="Give the dotted path of a callable that takes a request.",
                id="pagecache.E006",
            )


@_with_valid_settings
def check_aliases() -> Iterator[CheckMessage]:
    """The caches that views name exist."""
    for view in _views(get_resolver().url_patterns):
        alias = routes.policy_of(view).cache
        if alias is not None and alias not in settings.CACHES:
            yield Error(
                f"cache_page(cache={alias!r}) of {view.__qualname__} names a cache that is not in CACHES.",
                hint=f"Use one of {', '.join(map(repr, settings.CACHES))}.",
                id="pagecache.E007",
            )


def _views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        else:
            yield pattern.callback


def _names(
    patterns: Iterable[URLPattern | URLResolver], namespaces: tuple[str, ...]
) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from (f"namespace:{name}" for name in inner)
            if pattern.app_name:
                yield f"app:{pattern.app_name}"
            yield from _names(pattern.url_patterns, inner)
        elif pattern.name:
            yield "name:" + ":".join((*namespaces, pattern.name))


@_with_valid_settings
def check_databases() -> Iterator[CheckMessage]:
    """No page is made from rows that were never committed."""
    for alias, database in settings.DATABASES.items():
        level = database.get("OPTIONS", {}).get("isolation_level")
        if isinstance(level, str) and level.lower() == "read uncommitted":
            yield checks.Warning(
                f"The database {alias!r} shows rows that others have not committed: a page may keep what never was.",
                hint="Let its isolation_level be 'read committed' or a stricter one.",
                id="pagecache.W009",
            )
