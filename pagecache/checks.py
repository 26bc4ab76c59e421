"""System checks: what is wrong with the settings, before the first request."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.bridge import routes
from pagecache.core.urls import PREFIXES
from pagecache.options import problems

MIDDLEWARE = "pagecache.middleware.PageCacheMiddleware"
DJANGOS_OWN = {
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware",
}
PICKLING = {
    "django.core.cache.backends.filebased.FileBasedCache",
    "django.core.cache.backends.db.DatabaseCache",
}


@register(Tags.caches)
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Every key of `PAGECACHE` is known and has a value of the right form."""
    found = problems(getattr(settings, "PAGECACHE", {}))
    return [Error(message, hint=hint, id="pagecache.E001") for message, hint in found]


def _with_valid_settings(
    check: Callable[[], Iterable[CheckMessage]],
) -> Callable[..., list[CheckMessage]]:
    def run(**_kwargs: Any) -> list[CheckMessage]:
        return [] if problems(getattr(settings, "PAGECACHE", {})) else list(check())

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    register(run, Tags.caches)
    return run


@_with_valid_settings
def check_middleware() -> Iterator[CheckMessage]:
    """The middleware is there, once, first, and alone."""
    places = [index for index, path in enumerate(settings.MIDDLEWARE) if path == MIDDLEWARE]
    if not places:
        yield checks.Warning(
            "PageCacheMiddleware is not in MIDDLEWARE: only views with cache_page are cached.",
            hint=f"Put {MIDDLEWARE!r} first in MIDDLEWARE.",
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
    backend = settings.CACHES[alias].get("BACKEND", "")
    if backend.endswith("dummy.DummyCache"):
        yield Error(
            f"The cache {alias!r} keeps nothing.",
            hint="Use a Redis cache for PAGECACHE['CACHE'].",
            id="pagecache.E005",
        )
    if backend.endswith("locmem.LocMemCache") and conf.get().enabled:
        yield checks.Warning(
            f"The cache {alias!r} lives in one process: with several workers, each misses the writes of the others.",
            hint="Use a cache that all processes share, such as Redis, or run one process.",
            id="pagecache.W003",
        )
    if backend in PICKLING:
        yield checks.Warning(
            f"The cache {alias!r} unpickles what it reads: whoever can write there can run code here.",
            hint="Use Redis or Memcached, or let nobody else write there.",
            id="pagecache.W004",
        )


@register(Tags.caches, deploy=True)
def check_release(**_kwargs: Any) -> list[CheckMessage]:
    """In production every deploy starts with pages of its own."""
    if (
        problems(getattr(settings, "PAGECACHE", {}))
        or conf.get().options.RELEASE
        or not conf.get().enabled
    ):
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


@_with_valid_settings
def check_paths() -> Iterator[CheckMessage]:
    """Dotted paths lead somewhere."""
    options = conf.get().options
    segments = [rule["segment"] for rule in options.RULES if "segment" in rule]
    for path in filter(None, (options.SEGMENT, options.REVEAL, *segments)):
        try:
            import_string(path)
        except ImportError as error:
            yield Error(
                f"{path!r} in PAGECACHE cannot be imported: {error}.",
                hint="Give the dotted path of a callable that takes a request.",
                id="pagecache.E006",
            )


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
