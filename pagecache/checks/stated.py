"""What the site's settings say."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from pagecache import conf, segments
from pagecache.bridge import routes
from pagecache.checks.registering import with_valid_settings
from pagecache.core.urls import PREFIXES
from pagecache.options import problems


@register(Tags.caches)
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Every key of `PAGECACHE` is known and has a value of the right form."""
    found = problems(getattr(settings, "PAGECACHE", {}))
    return [Error(message, hint=hint, id="pagecache.E001") for message, hint in found]


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


@with_valid_settings
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


@register(Tags.caches)
def check_encryption(**_kwargs: Any) -> Iterator[CheckMessage]:
    """What seals pages is installed."""
    stated = getattr(settings, "PAGECACHE", {})
    if problems(stated) or not stated.get("ENCRYPT"):
        return
    try:
        conf.sealer(stated["ENCRYPT"])
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Install it, or take ENCRYPT out: pages are then stored for whoever reads there.",
            id="pagecache.E011",
        )


@register(Tags.caches)
def check_compression(**_kwargs: Any) -> Iterator[CheckMessage]:
    """What compresses pages is installed."""
    stated = getattr(settings, "PAGECACHE", {})
    if problems(stated) or not stated.get("COMPRESS"):
        return
    try:
        conf.coding(stated["COMPRESS"])
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Install it, or set COMPRESS to True: gzip needs no package.",
            id="pagecache.E014",
        )


@with_valid_settings
def check_pages_of_users() -> Iterator[CheckMessage]:
    """Pages of single users are sealed."""
    if conf.get().sealer is not None:
        return
    for place, function in _segments():
        if segments.is_by_user(function):
            yield Error(
                f"{place} is by_user, and the pages of each user can be read in the cache server.",
                hint="Set PAGECACHE['ENCRYPT'] to a list with a secret, such as one of secrets.token_urlsafe().",
                id="pagecache.E012",
            )


def _segments() -> Iterator[tuple[str, segments.Segment]]:
    """Yield the segment functions of the site, each with the place that names it."""
    config = conf.get()
    yield "PAGECACHE['SEGMENT']", config.segment
    for rule in config.rules:
        if rule.segment is not None:
            yield "The segment of a rule in PAGECACHE['RULES']", rule.segment
    for view in _views(get_resolver().url_patterns):
        if (function := routes.policy_of(view).segment) is not None:
            yield f"segment_by() of {_named(view)}", function


@with_valid_settings
def check_aliases() -> Iterator[CheckMessage]:
    """The caches that views name exist."""
    for view in _views(get_resolver().url_patterns):
        alias = routes.policy_of(view).cache
        if alias is not None and alias not in settings.CACHES:
            yield Error(
                f"cache_page(cache={alias!r}) of {_named(view)} names a cache that is not in CACHES.",
                hint=f"Use one of {', '.join(map(repr, settings.CACHES))}.",
                id="pagecache.E007",
            )


def _named(view: Any) -> str:
    """Return the name by which a site knows a view: of its class, if it has one."""
    return str(getattr(view, "view_class", view).__qualname__)


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


@with_valid_settings
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
