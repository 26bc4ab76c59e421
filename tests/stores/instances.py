"""Redis servers that a test may look into, stop and break."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self

import pytest
import redis

from pagecache.stores.redis import RedisStore
from tests import servers
from tests.stores.backends import OpenStore, redis_backend

QUIETLY = ("--save", "", "--appendonly", "no")


class Instance:
    """A Redis that a test may look into, stop and break."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or servers.free_port()
        self.options = options or QUIETLY
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            start = servers.start_redis(self.port, *self.options)
            self.process = self._stack.enter_context(start)
        except servers.MissingServerError as missing:
            pytest.skip(str(missing))
        self.admin: Any = redis.Redis(port=self.port)
        self._stack.callback(self.admin.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def backend(self) -> dict[str, Any]:
        return redis_backend(f"redis://127.0.0.1:{self.port}/0")

    def reads(self) -> int:
        """Return how many packets of commands came, without this one."""
        return int(self.admin.info("stats")["total_reads_processed"])

    def others(self) -> int:
        """Return how many connections are open besides ours."""
        return len(self.admin.client_list()) - 1

    def disconnect_others(self) -> None:
        self.admin.client_kill_filter(_type="normal", skipme=True)

    def wait_for_primary(self) -> None:
        servers.wait_until(
            lambda: self.admin.info("replication").get("master_link_status") == "up",
            self.process,
            "redis",
        )


def opened(open_pages: OpenStore, backend: dict[str, Any], **options: Any) -> RedisStore:
    store = open_pages(backend, **options)
    assert isinstance(store, RedisStore)
    return store


def raw_key(instance: Instance, key: str) -> bytes:
    """Return the key as the server has it."""
    found: bytes
    (found,) = instance.admin.keys(f"*:{key}")
    return found


def let_time_pass(store: RedisStore) -> None:
    """Make the idle connections look as if nobody had used them for long."""
    for line in store._idle._things:
        line._used = 0.0
    for things, _ in store._loop_idle._loops.values():
        for async_line in things:
            async_line._used = 0.0
