"""Every kind of store, on its real server, and its verbs in both lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connections

from pagecache.stores import Store, open_store
from tests.servers import Server
from tests.stores.backends import (
    BUDGET,
    AsyncCache,
    CountingCache,
    OpenStore,
    RemoteCache,
    locmem,
    redis_backend,
)
from tests.stores.instances import Instance
from tests.stores.verbs import Lane, Verbs

IN_DATABASE = pytest.mark.django_db(transaction=True)  # other threads see what is written
BACKENDS = (
    "locmem",
    "file",
    pytest.param("database", marks=IN_DATABASE),
    "memcached",
    "redis",
    "django-redis",
)


@pytest.fixture
def open_pages(settings: Any) -> Generator[OpenStore]:
    """Open a store on a backend under the alias `pages`, and close it in the end."""
    opened: list[Store] = []

    def open_pages(backend: dict[str, Any], *, budget: float = BUDGET) -> Store:
        settings.CACHES = {"default": locmem(), "pages": backend}
        opened.append(open_store("pages", budget=budget))
        return opened[-1]

    yield open_pages
    for store in opened:
        store.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of an alias of each kind."""
    match request.param:
        case "locmem":
            return locmem()
        case "file":
            return {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": str(tmp_path),
            }
        case "redis" | "django-redis":
            server: Server = request.getfixturevalue("redis_server")
            return redis_backend(server.url, request.param)
        case _:
            found: dict[str, Any] = request.getfixturevalue(f"{request.param}_backend")
            return found


@pytest.fixture
def database_backend() -> dict[str, Any]:
    """A cache in a table of the tests' database."""
    call_command("createcachetable", "pagecache_store", verbosity=0)
    return {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "pagecache_store",
    }


@pytest.fixture
def memcached_backend(memcached_server: Server) -> dict[str, Any]:
    """A cache in a Memcached."""
    return {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": memcached_server.url,
    }


@pytest.fixture
def store(backend: dict[str, Any], open_pages: OpenStore) -> Store:
    """A store of each kind."""
    return open_pages(backend)


@pytest.fixture
def loop() -> Generator[asyncio.Runner]:
    """An event loop that lives as long as the test, and leaves no connection of its threads open."""
    with asyncio.Runner() as runner:
        yield runner
        runner.run(sync_to_async(connections.close_all)())


@pytest.fixture(params=["sync", "async"])
def verbs(request: pytest.FixtureRequest, loop: asyncio.Runner) -> Lane:
    """The verbs of a store in one of the lanes."""
    return lambda store: Verbs(store, loop if request.param == "async" else None)


@pytest.fixture
def name() -> Callable[[str], str]:
    """Keys of this test alone: a server may be shared."""
    own = uuid4().hex
    return lambda key: f"pagecache:{own}:{key}"


@pytest.fixture
def counting(open_pages: OpenStore) -> Store:
    """A store that counts its trips."""
    CountingCache.trips.clear()
    return open_pages(locmem(CountingCache))


@pytest.fixture
def remote(open_pages: OpenStore) -> Store:
    """A store behind a network, in a backend of a third party."""
    for state in (RemoteCache.kept, RemoteCache.drops, RemoteCache.closed):
        state.clear()
    return open_pages(locmem(RemoteCache))


@pytest.fixture
def asynchronous(open_pages: OpenStore) -> Store:
    """A store in a backend that is asynchronous by nature."""
    for state in (AsyncCache.kept, AsyncCache.closed, AsyncCache.awaited):
        state.clear()
    return open_pages(locmem(AsyncCache))


@pytest.fixture(scope="module")
def instance() -> Generator[Instance]:
    """A Redis of the tests' own."""
    with Instance() as instance:
        yield instance
