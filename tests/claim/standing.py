"""Sites that stand: each answers with pagecache, and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.client import AsyncClientHandler, ClientHandler
from django.urls import ResolverMatch, URLPattern
from django.urls.resolvers import RegexPattern
from django.utils import timezone, translation

from pagecache import cache_page
from tests.claim.sites import SIGNED, Site
from tests.claim.stage import OWN, Stage
from tests.claim.visitors import Visitor, environ, headers, scope
from tests.lanes import MEMORY, PAGECACHE, REDIS, STOCK, Lane, cache

PATHS = RegexPattern(r"(?s)^(?:app/)?page/(?P<rest>.*)$")
OUTSIDE = [OWN + "Touches", OWN + "Reroutes", OWN + "Nonces"]
SESSIONS: dict[str, dict[str, Any]] = {}  # what is in them, by the names of those who have them
bare: ContextVar[bool] = ContextVar("bare", default=False)


class Either(URLPattern):
    """A page that the view alone answers for who asks without pagecache."""

    def resolve(self, path: str) -> ResolverMatch | None:
        found: Any = super().resolve(path)
        if found is not None and bare.get():
            found.func = getattr(self.callback, "bare", self.callback)
        return found  # type: ignore[no-any-return]


class Overrides:
    """Settings that are overridden as they are set, until the end."""

    _enabled: list[Any]

    def __init__(self) -> None:
        vars(self)["_enabled"] = []

    def __setattr__(self, name: str, value: Any) -> None:
        override = override_settings(**{name: value})
        override.enable()
        self._enabled.append(override)

    def end(self) -> None:
        while self._enabled:
            self._enabled.pop().disable()


@contextmanager
def standing(site: Site, location: str) -> Iterator[Standing]:
    """Let a site stand; `location` is that of a Redis."""
    overrides: Any = Overrides()
    try:
        yield Standing(site, overrides, location)
    finally:
        sys.modules.pop(settings.ROOT_URLCONF, None)
        overrides.end()
        timezone.deactivate()
        translation.deactivate()


class Standing:
    """A site that answers."""

    def __init__(self, site: Site, overrides: Any, location: str) -> None:
        self.site = site
        self._sessions: dict[str, Session] = {}
        overrides.CACHES = {
            "default": cache(site.store, location if site.store == REDIS else "claim"),
            "sessions": cache(MEMORY, "claim sessions"),
        }
        overrides.SESSION_CACHE_ALIAS = "sessions"
        overrides.SESSION_ENGINE = f"django.contrib.sessions.backends.{site.engine}"
        for name, value in site.django.items():
            setattr(overrides, name, value)
        Stage.program = site.program
        lane = Lane(site.kind, overrides, location)
        lane.configure(**site.pages, OUTSIDE=OUTSIDE if site.declared else [])
        lane.middleware(*site.before, *STOCK, *site.behind)
        lane.mount(Either(PATHS, _page(site), name="page"))
        self._handler = _handler(site)
        without = [name for name in settings.MIDDLEWARE if name != PAGECACHE]
        with override_settings(MIDDLEWARE=without):
            self._bare = _handler(site)

    def ask(self, visitor: Visitor, more: Mapping[str, str]) -> Any:
        """Return the answer for a visitor, who sends some more headers."""
        return self._ask(self._handler, visitor, more)

    def ask_bare(self, visitor: Visitor) -> Any:
        """Return the answer without pagecache."""
        token = bare.set(True)
        try:
            return self._ask(self._bare, visitor, {})
        finally:
            bare.reset(token)

    def _ask(self, handler: Any, visitor: Visitor, more: Mapping[str, str]) -> Any:
        said = headers(visitor, more, self.session_key(visitor["session"]))
        try:
            if self.site.kind.on_loop:
                return async_to_sync(_on_loop)(handler, visitor, scope(visitor, said))
            _prepare(visitor)
            return handler(environ(visitor, said))
        except Exception as error:  # noqa: BLE001 where not even an error can be answered
            return HttpResponse(repr(error), status=500)

    def session_key(self, name: str | None) -> str | None:
        """Return the key of a session, which is as it was when it began; a name of none is none that is known."""
        if name not in SESSIONS:
            return name
        if name not in self._sessions:
            self._sessions[name] = Session(SESSIONS[name])
        return self._sessions[name].begin()


def _page(site: Site) -> Any:
    """Return the view as the lane has it; what it is without pagecache stands beside it."""
    view = site.program.view()
    if not site.kind.decorated:
        return view
    if site.kind.on_loop and not iscoroutinefunction(view):
        view = _on_thread(view)
    page: Any = cache_page(300)(view)
    page.bare = view
    return page


def _on_thread(view: Any) -> Any:
    async def on_loop(request: HttpRequest, **kwargs: Any) -> Any:
        return await sync_to_async(view)(request, **kwargs)

    return on_loop


def _handler(site: Site) -> Any:
    kind: Any = AsyncClientHandler if site.kind.on_loop else ClientHandler
    handler = kind(enforce_csrf_checks=False)
    handler.load_middleware(is_async=site.kind.on_loop)
    return handler


async def _on_loop(handler: Any, visitor: Visitor, made: Any) -> Any:
    _prepare(visitor)
    response = await handler(made)
    if response.streaming and response.is_async:
        response.streaming_content = [part async for part in response.streaming_content]
    return response


def _prepare(visitor: Visitor) -> None:
    """Let language and time zone be those that an earlier request left behind."""
    translation.activate(visitor["language"])
    timezone.activate(visitor["zone"])


@dataclass
class Session:
    """A visitor's session."""

    data: Mapping[str, Any]
    key: str | None = None

    def begin(self) -> str | None:
        """Let it be what it was before any request; gives its key."""
        is_signed = settings.SESSION_ENGINE.endswith(SIGNED)  # it is in the key
        if self.key is None or not is_signed:
            store = import_module(settings.SESSION_ENGINE).SessionStore(self.key)
            store._session_cache = dict(self.data)
            store.save(must_create=self.key is None and not is_signed)
            self.key = store.session_key
        return self.key
