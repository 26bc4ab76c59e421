"""A Memcached: errors, options of the site, and pickles of somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymemcache
import pytest
from django.core.cache import CacheHandler

from pagecache.stores import StoreError
from pagecache.stores.generic import GenericStore
from tests import servers
from tests.servers import Server
from tests.stores.backends import (
    OpenStore,
)
from tests.stores.verbs import Lane


def test_a_memcached_that_is_away_costs_one_error_and_is_found_again(
    open_pages: OpenStore, verbs: Lane, memcached_server: Server
) -> None:
    port = servers.free_port()
    backend = {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"127.0.0.1:{port}",
    }
    does = verbs(open_pages(backend))
    with pytest.raises(StoreError, match="fetch failed: ConnectionRefusedError"):
        does.fetch("a")
    with servers.memcached(port):
        does.put({"a": b"1"})
        assert does.fetch("a") == [b"1"]
    with pytest.raises(StoreError):
        does.fetch("a")
    with servers.memcached(port):
        assert does.fetch("a") == [None]


def test_memcached_is_waited_for_no_longer_than_the_budget(
    memcached_backend: dict[str, Any], open_pages: OpenStore
) -> None:
    store = open_pages(memcached_backend, budget=0.5)
    assert isinstance(store, GenericStore)
    client: Any = store._handler.create_connection("pages")
    client = client._cache
    assert client.default_kwargs["timeout"] == client.default_kwargs["connect_timeout"] == 0.25


def test_nothing_is_unpickled_from_memcached(
    memcached_backend: dict[str, Any],
    memcached_server: Server,
    open_pages: OpenStore,
    name: Callable[[str], str],
) -> None:
    class Pickled:
        def __reduce__(self) -> Any:
            return pytest.fail, ("it was unpickled",)

    store = open_pages(memcached_backend)
    assert not store.pickles
    sites = CacheHandler({"x": {**memcached_backend, "KEY_FUNCTION": lambda key, *_: key}})["x"]
    sites.set(name("a"), Pickled(), 60)
    assert store.fetch([name("a")]) == [None]
    sites.close()


def test_options_of_the_site_do_not_silence_a_memcached(
    memcached_backend: dict[str, Any], open_pages: OpenStore, name: Callable[[str], str]
) -> None:
    options = {"ignore_exc": True, "default_noreply": True, "serde": pymemcache.serde.pickle_serde}
    store = open_pages({**memcached_backend, "OPTIONS": options})
    assert isinstance(store, GenericStore)
    store.put({name("a"): b"1"}, None)
    assert store.fetch([name("a")]) == [b"1"]
    with pytest.raises(StoreError):
        store.put({name("a"): b"1" * 2_000_000}, None)
