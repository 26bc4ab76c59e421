"""What stands around pagecache."""

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.signals import request_finished, request_started

from pagecache import conf
from pagecache.bridge import fast, outside, routes
from pagecache.checks.registering import with_valid_settings
from pagecache.recording import observers
from pagecache.recording.stock import BELONGS_OUTSIDE, WORSE_INSIDE

DJANGOS_OWN = {
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware",
}


@with_valid_settings
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
    before, options = settings.MIDDLEWARE[: places[0]], conf.get().options
    declared = {*options.OUTSIDE, *options.OBSERVERS, *BELONGS_OUTSIDE}
    if undeclared := [path for path in before if path not in declared]:
        yield checks.Warning(
            f"PageCacheMiddleware is not first in MIDDLEWARE: {', '.join(undeclared)} runs on every hit too.",
            hint="Put it first, or name what has to stand before it in OUTSIDE.",
            id="pagecache.W007",
        )
    if unknown := routes.unknown_outside(before):
        yield checks.Warning(
            f"Middleware stands outside pagecache that it does not know, so no page is stored: {', '.join(unknown)}.",
            hint="Put PageCacheMiddleware first, or name what makes no page depend on the request in OUTSIDE.",
            id="pagecache.W002",
        )
    for path, name in product(settings.MIDDLEWARE[places[0] :], WORSE_INSIDE):
        if path == name or routes.leads_to(path, name):
            yield checks.Warning(
                f"{path} stands behind pagecache: {WORSE_INSIDE[name]}.",
                hint="Put it before PageCacheMiddleware; docs/middleware.md has the order of all.",
                id="pagecache.W011",
            )
    if not DJANGOS_OWN.isdisjoint(settings.MIDDLEWARE):
        yield Error(
            "Django's own cache middleware is in MIDDLEWARE too: it would serve what pagecache has dropped.",
            hint="Remove UpdateCacheMiddleware and FetchFromCacheMiddleware.",
            id="pagecache.E003",
        )


@with_valid_settings
def check_receivers() -> Iterator[CheckMessage]:
    """Nobody sees requests before pagecache does."""
    if strangers := outside.strangers(request_started):
        yield checks.Warning(
            f"Receivers of request_started see each request first, so no page is stored: {', '.join(strangers)}.",
            hint="Name in OUTSIDE those that make no page depend on the request.",
            id="pagecache.W014",
        )


@with_valid_settings
def check_fast_lanes() -> Iterator[CheckMessage]:
    """A fast lane, where the site's application has one, can answer."""
    named = {"WSGI_APPLICATION": "pagecache.wsgi", "ASGI_APPLICATION": "pagecache.asgi"}
    for setting, lane in named.items():
        if lane not in _source_of(getattr(settings, setting, None) or ""):
            continue
        if (problem := fast.problem_of(settings.MIDDLEWARE)) is not None:
            yield Error(
                f"{setting} has the lane of {lane}. {problem}",
                hint=f"Put {routes.OURS!r} first, or take PageCache(...) off the application.",
                id="pagecache.E015",
            )
        if strangers := outside.strangers(request_started, request_finished):
            yield checks.Warning(
                f"{setting} has the lane of {lane}, which leaves all requests to Django: {', '.join(strangers)} "
                "would not hear of the requests that it answers.",
                hint="Name in OUTSIDE the receivers that need not hear of pages from the store.",
                id="pagecache.W013",
            )


def _source_of(application: str) -> str:
    """Return the text of the module of an application, which is not run for that; empty where there is none."""
    module = application.rpartition(".")[0]
    try:
        return getattr(find_spec(module), "loader", None).get_source(module) or ""  # type: ignore[union-attr]
    except (AttributeError, ImportError, ValueError):
        return ""


@with_valid_settings
def check_observers() -> Iterator[CheckMessage]:
    """What only looks on is there."""
    for problem in observers.problems(settings.MIDDLEWARE):
        yield Error(
            problem,
            hint="Name middleware there as MIDDLEWARE does, or take it out of OBSERVERS.",
            id="pagecache.E013",
        )
