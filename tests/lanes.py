"""The lanes: the ways in which a request comes to pagecache, each behind the same small interface.

A test writes its view once, as a plain function. `lane.show(view)` mounts it at `/page/` as the lane wants it (around
an event loop, with `cache_page` where no middleware is at work), `lane.get()` asks for it as a new visitor.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial, wraps
from io import BytesIO
from itertools import count
from types import ModuleType
from typing import Any, cast
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AbstractBaseUser
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.test.client import (
    AsyncClientHandler,
    ClientHandler,
    conditional_content_removal,
)
from django.urls import URLPattern, URLResolver, path

from pagecache import asgi, cache_page, wsgi
from pagecache.announcing import announcer, site_store
from pagecache.engine.visit import forget
from pagecache.recording.recorder import holding
from pagecache.wsgi import WSGILane
from tests import settings as stock

PAGECACHE = "pagecache.middleware.PageCacheMiddleware"
STOCK = tuple(name for name in stock.MIDDLEWARE if name != PAGECACHE)
MEMORY, REDIS = "memory", "redis"
PATH = "/page/"
LANES_LOCAL = os.environ.get("LANES_LOCAL")  # what the sites of tests hold; see `conftest`
PATIENCE = 10  # seconds that a store may take, for the machine may be busy

View = Callable[..., Any]
Decorator = Callable[[Any], Any]
_numbers = count()


@dataclass(frozen=True)
class Kind:
    """One way in: through the middleware, first or last in its list, the decorator alone, or a fast lane."""

    name: str
    decorated: bool = False
    on_loop: bool = False
    last: bool = False
    fast: bool = False


MIDDLEWARE_SYNC = Kind("middleware-sync")
MIDDLEWARE_ASYNC = Kind("middleware-async", on_loop=True)
DECORATOR_SYNC = Kind("decorator-sync", decorated=True)
DECORATOR_ASYNC = Kind("decorator-async", decorated=True, on_loop=True)
LAST_SYNC = Kind("last-sync", last=True)
LAST_ASYNC = Kind("last-async", on_loop=True, last=True)
WSGI = Kind("wsgi", fast=True)
ASGI = Kind("asgi", on_loop=True, fast=True)

FAST = (WSGI, ASGI)
MIDDLEWARE = (MIDDLEWARE_SYNC, MIDDLEWARE_ASYNC)
DECORATOR = (DECORATOR_SYNC, DECORATOR_ASYNC)
FOUR = MIDDLEWARE + DECORATOR
SIX = FOUR + FAST
ALL = (*SIX, LAST_SYNC, LAST_ASYNC)
# Where middleware stands before pagecache: at start-up, a fast lane refuses what it would skip.
BEHIND_OTHERS = tuple(kind for kind in ALL if not kind.fast)
STORES = (MEMORY, REDIS)
# One store is enough for each lane where others go through the other one.
ONE_STORE = {
    MIDDLEWARE_SYNC: REDIS,
    MIDDLEWARE_ASYNC: MEMORY,
    DECORATOR_SYNC: MEMORY,
    DECORATOR_ASYNC: REDIS,
    WSGI: REDIS,
    ASGI: MEMORY,
    LAST_SYNC: MEMORY,
    LAST_ASYNC: REDIS,
}


def through(*kinds: Kind, stores: tuple[str, ...] = STORES) -> Callable[[View], View]:
    """Run a test through these lanes on these stores; a module states its own with `LANES` and `ON`."""

    def choose(test: View) -> View:
        test.lanes, test.stores = kinds, stores  # type: ignore[attr-defined]
        return test

    return choose


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that asks for a `lane` its lanes."""
    if "lane" not in metafunc.fixturenames:
        return
    test, module = metafunc.function, metafunc.module
    kinds: Any = getattr(test, "lanes", None) or getattr(module, "LANES", SIX)
    stores: Any = getattr(test, "stores", None) or getattr(module, "ON", STORES)
    lanes = [
        pytest.param((kind, store), id=f"{kind.name}-{store}")
        for store in stores
        for kind in kinds
        if len(stores) == 1 or ONE_STORE[kind] == store
    ]
    metafunc.parametrize("lane", lanes, indirect=True)


@pytest.fixture
def lane(request: pytest.FixtureRequest, settings: Any) -> Iterator[Lane]:
    """One lane, on a site of its own with nothing stored."""
    kind, store = request.param
    location = request.getfixturevalue("redis_server").url if store == REDIS else "lanes"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {"default": cache(store, location)}
    opened = Lane(kind, settings, location)
    if LANES_LOCAL == "push" and store == REDIS:
        opened.configure(LOCAL="push")
    yield opened
    announcer.owed.clear()
    forget()


def noting_not_at_hand(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return where the WSGI lane notes the requests whose pages it does not find at hand."""
    found: list[Any] = []
    answered = WSGILane._answered

    def noting(self: WSGILane, environ: dict[str, Any]) -> Any:
        found.append(environ)
        return answered(self, environ)

    monkeypatch.setattr(WSGILane, "_answered", noting)
    return found


def hear() -> None:
    """Wait until the store tells of changes, where it is to; it never does while a test has stopped the clocks."""
    store: Any = site_store()
    listener = getattr(store, "_listener", None)
    for _ in range(100):
        if listener is None or (listener.heard and listener.heard.is_proven):
            break
        listener._begin()
        time.sleep(0.002)


def showing(read: Callable[[Any], object]) -> View:
    """Return a view that shows what it reads of its request."""

    def shown(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(read(request)))

    return shown


def unrecorded(meta: Any) -> Any:
    """Return the environment of a request as nobody sees it read."""
    return getattr(meta, "_held", meta)


def cache(store: str, location: str) -> dict[str, Any]:
    """Return an item of `CACHES` whose keys nobody else uses."""
    backends = {MEMORY: "locmem.LocMemCache", REDIS: "redis.RedisCache"}
    return {
        "BACKEND": f"django.core.cache.backends.{backends[store]}",
        "LOCATION": location,
        "KEY_PREFIX": uuid4().hex,
    }


class Lane:
    """A site with pages that are asked for in one way."""

    def __init__(self, kind: Kind, settings: Any, location: str) -> None:
        forget()
        self.kind = kind
        self.settings = settings
        self.location = location
        self.renders = 0
        self._handler: Any = None
        self._options: dict[str, Any] = {}
        self._patterns: tuple[URLPattern | URLResolver, ...] = ()
        self.middleware(*STOCK)
        self.configure()

    def configure(self, **options: Any) -> None:
        """Set keys of `PAGECACHE`, beside those that were set before."""
        self._options |= options
        self.settings.PAGECACHE = {
            "ENABLED": True,
            "REVEAL": "tests.lanes_site.access.everybody",
            "STORE_BUDGET": PATIENCE,
            **self._options,
        }
        self._handler = None

    def middleware(self, *names: str) -> None:
        """Set the site's own middleware; pagecache's stands where the lane has it."""
        own = () if self.kind.decorated else (PAGECACHE,)
        self.settings.MIDDLEWARE = [*names, *own] if self.kind.last else [*own, *names]
        self._handler = None

    def middleware_inside(self, *names: str) -> None:
        """Add middleware behind the stock one, inside pagecache where the lane has any outside."""
        self.middleware(*STOCK, *names)

    def page(
        self, view: View, *inside: Decorator, outside: tuple[Decorator, ...] = (), **policy: Any
    ) -> View:
        """Return a view as the lane has it: counted, on the loop, decorated inside and outside of `cache_page`.

        `policy` are the arguments of `cache_page`, which the middleware's lanes use only where some are given.
        """
        made = self._counted(view)
        for decorate in reversed(inside):
            made = decorate(made)
        if policy or self.kind.decorated:
            made = cache_page(**{"timeout": 300, **policy})(made)
        for decorate in reversed(outside):
            made = decorate(made)
        return made

    def show(self, view: View, *inside: Decorator, **policy: Any) -> None:
        """Mount one view at `/page/`."""
        self.mount(path("page/", self.page(view, *inside, **policy), name="page"))

    def mount(self, *patterns: URLPattern | URLResolver) -> None:
        """Make the patterns the site's URLconf."""
        module = ModuleType(f"tests.lanes_urls_{next(_numbers)}")
        module.urlpatterns = list(patterns)  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module
        self.settings.ROOT_URLCONF = module.__name__
        self._handler = None

    def visitor(self, **cookies: str) -> Visitor:
        """Return somebody new, with these cookies."""
        client = client_of(self.kind)
        if LANES_LOCAL == "push":
            hear()
        if self._handler is not None:
            client.handler = self._handler
        self._handler = client.handler
        client.cookies.load(cookies)
        return Visitor(client)

    def get(self, path: str = PATH, **asked: Any) -> HttpResponse:
        """Ask for a page as somebody new; see `Visitor.ask`."""
        return self.visitor().get(path, **asked)

    def read(self, path: str = PATH, **asked: Any) -> str:
        """Return the text that somebody new gets."""
        return text(self.get(path, **asked))

    def see(self, path: str = PATH, **asked: Any) -> Status:
        """Return what is said about the page that somebody new gets."""
        return status(self.get(path, **asked))

    def _counted(self, view: View) -> View:
        if self.kind.on_loop:
            answer = view if iscoroutinefunction(view) else sync_to_async(view)

            @wraps(view)
            async def on_loop(*args: Any, **kwargs: Any) -> Any:
                self.renders += 1
                return await cast(Callable[..., Awaitable[Any]], answer)(*args, **kwargs)

            return on_loop
        answer = async_to_sync(view) if iscoroutinefunction(view) else view

        @wraps(view)
        def on_thread(*args: Any, **kwargs: Any) -> Any:
            self.renders += 1
            return answer(*args, **kwargs)

        return on_thread


# What Django itself made of the request that is under way: its request and its response.
_answered: ContextVar[list[Any]] = ContextVar("tests_answered")


class OverWSGI(ClientHandler):
    """Asks the fast lane as a server does; what Django answers is given as it is, with all that tests look at."""

    def load_middleware(self, is_async: bool = False) -> None:
        django = WSGIHandler()
        django.get_response = partial(self._answer, django.get_response)  # type: ignore[method-assign]
        self._lane = wsgi.PageCache(django)
        self._middleware_chain = django._middleware_chain  # type: ignore[attr-defined]

    def _answer(self, get_response: Callable[..., Any], request: HttpRequest) -> Any:
        request._dont_enforce_csrf_checks = not self.enforce_csrf_checks  # type: ignore[attr-defined]
        response = get_response(request)
        _answered.get().append(request)
        return response

    def __call__(self, environ: dict[str, Any]) -> Any:
        if self._middleware_chain is None:
            self.load_middleware()
        heads: list[Any] = []
        with holding(_answered, []), connections_open():
            sent = self._lane(environ.copy(), lambda *head: heads.append(head))
            if isinstance(sent, HttpResponseBase):
                (request,), response = _answered.get(), sent
            else:
                ((line, headers),) = heads
                request, response = WSGIRequest(environ), received(line, headers, b"".join(sent))
            conditional_content_removal(request, response)
            response.wsgi_request = request  # type: ignore[attr-defined]
            if not response.streaming:
                response.close()
        return response


class OverASGI(AsyncClientHandler):
    """The same on an event loop."""

    def load_middleware(self, is_async: bool = True) -> None:
        django = ASGIHandler()
        django.get_response_async = partial(self._answer, django.get_response_async)  # type: ignore[method-assign]
        self._lane = asgi.PageCache(django)
        self._middleware_chain = django._middleware_chain  # type: ignore[attr-defined]

    async def _answer(self, get_response: Callable[..., Any], request: HttpRequest) -> Any:
        request._dont_enforce_csrf_checks = not self.enforce_csrf_checks  # type: ignore[attr-defined]
        response = await get_response(request)
        if response.streaming and not response.is_async:  # which Django warns of
            response.streaming_content = _in_turn(response.streaming_content)
        _answered.get().append((request, response))
        return response

    async def __call__(self, scope: dict[str, Any]) -> Any:
        if self._middleware_chain is None:
            self.load_middleware()
        body = scope.pop("_body_file", BytesIO()).read()
        asked = iter([{"type": "http.request", "body": body}])
        sent: list[Any] = []

        async def receive() -> Any:
            return next(asked, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        with holding(_answered, []), connections_open():
            await self._lane(scope, receive, send)
            answered = _answered.get()
        start, *parts = sent
        content = b"".join(part.get("body", b"") for part in parts)
        if answered:
            ((request, response),) = answered
            if response.streaming:
                response.streaming_content = [content]
        else:
            headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
            request, response = (
                ASGIRequest(scope, BytesIO()),
                received(str(start["status"]), headers, content),
            )
        conditional_content_removal(request, response)
        response.asgi_request = request
        return response


def client_of(kind: Kind) -> Client | AsyncClient:
    """Return Django's client for a way in; its handler is made at its first request."""
    client: Client | AsyncClient = LoopClient() if kind.on_loop else Client()
    if kind.fast:
        over = OverASGI if kind.on_loop else OverWSGI
        client.handler = over(enforce_csrf_checks=False)
    return client


async def _in_turn(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in await sync_to_async(lambda: list(parts))():  # as Django does
        yield part


@contextmanager
def connections_open() -> Iterator[None]:
    """Keep the connections of the test, as Django's own clients do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def received(line: str, headers: list[tuple[str, str]], content: bytes) -> HttpResponse:
    """Return as a response what a server would have sent."""
    response = HttpResponse(content, status=int(line.partition(" ")[0]), headers=dict(headers))
    if "Content-Type" not in dict(headers):
        del response["Content-Type"]
    return response


class LoopClient(AsyncClient):
    """A client whose requests look like those of real servers; `scope` overrides parts of theirs."""

    scope: Mapping[str, Any] = {}

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        made: dict[str, Any] = super()._base_scope(**request)  # type: ignore[misc]
        hosts = [item for item in made["headers"] if item[0] == b"host"]
        others = [
            item for item in made["headers"] if item[0] != b"host" and item != (b"cookie", b"")
        ]
        path = made["path"].encode("latin-1").decode(errors="replace")
        return {**made, "path": path, "headers": [*hosts[-1:], *others], **self.scope}


@dataclass
class Visitor:
    """Somebody with a browser: cookies are kept between requests."""

    client: Any

    def get(self, path: str = PATH, **asked: Any) -> HttpResponse:
        return self.ask("get", path, **asked)

    def ask(
        self,
        method: str,
        path: str = PATH,
        *,
        cookies: Mapping[str, str] | None = None,
        **asked: Any,
    ) -> HttpResponse:
        """Send a request; further arguments are those of Django's test client, such as `headers`."""
        self.client.cookies.load(dict(cookies or {}))
        send = getattr(self.client, method, None) or _other(self.client, method)
        if isinstance(self.client, AsyncClient):
            return cast(HttpResponse, async_to_sync(_awaited)(send(path, **asked)))
        return cast(HttpResponse, send(path, **asked))

    def log_in(self, user: AbstractBaseUser) -> Visitor:
        self.client.force_login(user)
        return self

    def come_from(self, address: str) -> Visitor:
        """Have another address."""
        if isinstance(self.client, LoopClient):
            self.client.scope = {"client": [address, 40_000]}
        else:
            self.client.defaults["REMOTE_ADDR"] = address
        return self


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _other(client: Any, method: str) -> Callable[..., Any]:
    return lambda path, **asked: client.generic(method.upper(), path, **asked)


@dataclass(frozen=True)
class Status:
    """What `Cache-Status` says of pagecache (RFC 9211)."""

    hit: bool = False
    forward: str | None = None
    stored: bool = False
    ttl: int | None = None
    reason: str | None = None
    key: str | None = None
    others: tuple[str, ...] = field(default=())


def status(response: HttpResponse) -> Status:
    """Return what is said about a response; nothing where pagecache did not see it."""
    *others, member = response.get("Cache-Status", "").split(", ")
    name, *parameters = member.split("; ")
    if name != "pagecache":
        return Status()
    said = dict(part.partition("=")[::2] for part in parameters)
    return Status(
        hit="hit" in said,
        forward=said.get("fwd"),
        stored="stored" in said,
        ttl=int(said["ttl"]) if "ttl" in said else None,
        reason=said.get("detail"),
        key=said.get("key", "").strip('"') or None,
        others=tuple(others),
    )


def text(response: Any) -> str:
    """Return the text of a response, streamed or not."""
    if not response.streaming:
        return cast(str, response.content.decode())
    if response.is_async:
        return async_to_sync(_gathered)(response)
    return b"".join(response.streaming_content).decode()


async def _gathered(response: Any) -> str:
    return b"".join([part async for part in response.streaming_content]).decode()
