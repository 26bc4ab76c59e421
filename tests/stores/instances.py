"""Redis servers that a test may look into, stop and break."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import redis

from pagecache.core.vector import ID_BYTES, MARK_BYTES, VERSION_BYTES
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

    def begin_again(self) -> None:
        """Start another process in place of one that has ended."""
        start = servers.start_redis(self.port, *self.options)
        self.process = self._stack.enter_context(start)

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


@contextmanager
def sentinel(folder: Path, primary: Instance, *lines: str) -> Generator[dict[str, Any]]:
    """Run a Sentinel that watches a primary; give the backend of a site that asks it."""
    port, config = servers.free_port(), folder / "sentinel.conf"
    watched = [f"sentinel monitor pages 127.0.0.1 {primary.port} 1", *lines]
    config.write_text("\n".join(watched) + "\n")
    program = servers.redis_command(str(folder))[0]
    command = [program, str(config), "--sentinel", "--port", str(port), "--bind", "127.0.0.1"]
    with servers.running(command) as process, redis.Redis(port=port) as admin:
        servers.wait_until(lambda: _pings(admin), process, "redis")
        factory = "django_redis.pool.SentinelConnectionFactory"
        options = {"CONNECTION_FACTORY": factory, "SENTINELS": [("127.0.0.1", port)]}
        name = f"redis://pages/5?client_name=c{port}"
        yield redis_backend(name, "django-redis", **options)


def _pings(admin: Any) -> bool:
    try:
        return bool(admin.ping())
    except redis.ConnectionError:
        return False


def opened(open_pages: OpenStore, backend: dict[str, Any], **options: Any) -> RedisStore:
    store = open_pages(backend, **options)
    assert isinstance(store, RedisStore)
    return store


def raw_key(instance: Instance, key: str) -> bytes:
    """Return the key as the server has it."""
    found: bytes
    (found,) = instance.admin.keys(f"*:{key}")
    return found


def let_marks_lapse(admin: Any, versions: str = "*:v:*") -> None:
    """Let each mark of the versions end a second ago, as if its time had passed."""
    past = (int(admin.time()[0]) - 1).to_bytes(4, "big")
    keys = admin.keys(versions)
    for key, value in zip(keys, admin.mget(keys) if keys else (), strict=True):
        ids = [value[at : at + ID_BYTES] for at in range(VERSION_BYTES, len(value), MARK_BYTES)]
        lapsed = b"".join(id_ + past for id_ in ids)
        admin.set(key, value[:VERSION_BYTES] + lapsed, keepttl=True)


def let_time_pass(store: RedisStore) -> None:
    """Make the idle connections look as if nobody had used them for long."""
    for line in store._idle._things:
        line._used = 0.0
    for here in store._loop_idle._loops.values():
        for async_line in here.things:
            async_line._used = 0.0
