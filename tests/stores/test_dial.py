"""Connections are made from the site's own parameters, without what decodes, repeats or watches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from pagecache.stores import StoreError
from tests import servers
from tests.stores.backends import OpenStore, redis_backend
from tests.stores.instances import QUIETLY, Instance, opened, sentinel
from tests.stores.tls import certificate
from tests.stores.verbs import Lane


def test_a_password_and_a_socket_of_the_site_are_used(
    tmp_path: Path, open_pages: OpenStore, verbs: Lane
) -> None:
    path = tmp_path / "redis.sock"
    with Instance(*QUIETLY, "--unixsocket", str(path)) as instance:
        instance.admin.config_set("requirepass", "secret")
        instance.admin.auth("secret")
        for kind in ("redis", "django-redis"):
            url = f"unix://:secret@{path}?db=2"
            does = verbs(opened(open_pages, redis_backend(url, kind)))
            does.put({"a": b"1"})
            assert does.fetch("a") == [b"1"]
        with pytest.raises(StoreError):
            verbs(opened(open_pages, redis_backend(f"unix://:wrong@{path}"))).fetch("a")
        assert set(instance.admin.info("keyspace")) == {"db2"}


@pytest.mark.parametrize("kind", ["redis", "django-redis"])
def test_what_the_site_decodes_repeats_and_watches_is_left_out(
    instance: Instance, open_pages: OpenStore, verbs: Lane, kind: str
) -> None:
    url = f"redis://127.0.0.1:{instance.port}/1?protocol=3&decode_responses=true"
    parameters = {"health_check_interval": 1, "retry_on_timeout": True, "socket_timeout": 60}
    options = parameters if kind == "redis" else {"CONNECTION_POOL_KWARGS": parameters}
    store = opened(open_pages, redis_backend(url, kind, **options))
    does = verbs(store)
    does.put({"a": b"\xff"})
    assert does.fetch("a", "b") == [b"\xff", None]
    ours = store._dialer._parameters
    assert not {"retry", *parameters} & set(ours)
    assert ours["protocol"] == 2


@pytest.mark.parametrize("kind", ["redis", "django-redis"])
def test_the_first_of_several_servers_takes_reads_too(
    instance: Instance, open_pages: OpenStore, verbs: Lane, kind: str
) -> None:
    urls = [f"redis://127.0.0.1:{port}/0" for port in (instance.port, 1, 1)]
    does = verbs(opened(open_pages, redis_backend("", kind) | {"LOCATION": urls}))
    does.put({"a": b"1"})
    assert [does.fetch("a") for _ in range(5)] == [[b"1"]] * 5


def test_connections_are_as_secure_as_the_sites_own(open_pages: OpenStore) -> None:
    factory = "django_redis.pool.SentinelConnectionFactory"
    sentinels = {
        "CONNECTION_FACTORY": factory,
        "SENTINELS": [("127.0.0.1", 1)],
        "CONNECTION_POOL_KWARGS": {"ssl": True, "ssl_cert_reqs": "none"},
    }
    for backend in (
        redis_backend("rediss://127.0.0.1:1/0?ssl_cert_reqs=none"),
        redis_backend("redis://secure/0", "django-redis", **sentinels),
    ):
        dialer = opened(open_pages, backend)._dialer
        assert dialer._kind is redis.SSLConnection
        assert dialer._async_kind is redis.asyncio.SSLConnection


def test_an_event_loop_makes_one_context_for_all_its_connections_over_tls(
    open_pages: OpenStore, tmp_path: Path
) -> None:
    """To make one takes longer than a request waits: else none would ever be there in time."""
    secure = servers.free_port()
    options = ("--tls-port", str(secure), *certificate(tmp_path, "own"))
    url = f"rediss://127.0.0.1:{secure}/0?ssl_ca_certs={tmp_path / 'own.crt'}"
    with Instance(*QUIETLY, *options):
        store = opened(open_pages, redis_backend(url), budget=20)

        async def twice() -> list[Any]:
            lines = [await store._dialer.adial() for _ in range(2)]
            for line in lines:
                await line.close()
            return [line._connection.ssl_context.get() for line in lines]

        first, second = asyncio.run(twice())
        assert first is second
        (third, _) = asyncio.run(twice())
        assert third is first


def test_sentinels_are_asked_for_the_primary(
    instance: Instance, open_pages: OpenStore, verbs: Lane, tmp_path: Path
) -> None:
    with sentinel(tmp_path, instance) as backend:
        does = verbs(opened(open_pages, backend))
        does.put({"a": b"1"})
        assert does.fetch("a") == [b"1"]
    assert "db5" in instance.admin.info("keyspace")
