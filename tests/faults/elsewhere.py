"""Faults of other caches than one Redis: over TLS, behind a Sentinel, in a cluster, in files, in a table."""

from __future__ import annotations

import gc
import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.db import connections

from tests.caches import FullDisk
from tests.faults.kinds import FAULTS as FAULTS  # noqa: PLC0414 with those of this module
from tests.faults.kinds import Place, changing, configured, fault, over_and_over
from tests.faults.proxy import Proxy
from tests.lanes import Lane
from tests.servers import HOST, free_port, wait_until
from tests.stores.backends import redis_backend
from tests.stores.instances import QUIETLY, Instance, sentinel
from tests.stores.tls import certificate

TABLE, OTHER = "pages", "replica"  # and the database that it is in
AWHILE = 0.05  # seconds: for how long a locked database is waited for
SLOTS = 16384


# In a Redis over TLS


@contextmanager
def over_tls(lane: Lane, folder: Path) -> Iterator[Place]:
    """Let the site reach its Redis over TLS, through a proxy, and know one certificate."""
    secure = free_port()
    options = ("--tls-port", str(secure), *certificate(folder, "own"))
    with Instance(*QUIETLY, *options) as instance, Proxy(secure) as proxy:
        url = f"rediss://{HOST}:{proxy.port}/0?ssl_ca_certs={folder / 'own.crt'}"
        lane.settings.CACHES = {"default": redis_backend(url)}
        yield Place(instance, proxy, folder)
        gc.collect()


@fault("over TLS: its certificate is another's", at=over_tls)
def impostor(place: Place) -> Iterator[None]:
    secure = free_port()
    with Instance(*QUIETLY, "--tls-port", str(secure), *certificate(place.folder, "other")):
        target, place.proxy.target = place.proxy.target, secure
        place.proxy.cut()
        yield
        place.proxy.target = target
        place.proxy.cut()


@fault("over TLS: the handshake ends half-way", at=over_tls)
def half_way(place: Place) -> Iterator[None]:
    place.proxy.cut()
    with changing(place.proxy, answering=lambda piece: piece[: len(piece) // 2] or None):
        yield


@fault("over TLS: what comes is corrupted", at=over_tls)
def noisy(place: Place) -> Iterator[None]:
    chance = random.Random(7)

    def changed(piece: bytes) -> bytes:
        at = chance.randrange(len(piece))
        return piece[:at] + bytes([piece[at] ^ 1 << chance.randrange(8)]) + piece[at + 1 :]

    with changing(place.proxy, answering=changed):
        yield


@fault("over TLS: it speaks in the clear", at=over_tls)
def in_the_clear(place: Place) -> Iterator[None]:
    target, place.proxy.target = place.proxy.target, place.instance.port
    place.proxy.cut()
    yield
    place.proxy.target = target
    place.proxy.cut()


# Several of them


@dataclass
class Watched:
    """A primary with a replica that takes its place, and the Sentinel that sees to it."""

    primary: Instance
    replica: Instance
    port: int  # of the Sentinel


@contextmanager
def behind_a_sentinel(lane: Lane, folder: Path) -> Iterator[Watched]:
    """Let the site ask a Sentinel where its Redis is."""
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    lines = ("down-after-milliseconds pages 200", "failover-timeout pages 2000")
    with Instance(*fast) as primary, Instance(*fast) as replica:
        replica.admin.replicaof(HOST, primary.port)
        replica.wait_for_primary()
        told = [f"sentinel {line}" for line in lines]
        with sentinel(folder, primary, *told) as backend:
            ((_, port),) = backend["OPTIONS"]["SENTINELS"]
            with redis.Redis(port=port) as admin:
                wait_until(
                    lambda: len(admin.sentinel_slaves("pages")), primary.process, "a replica"
                )
            lane.settings.CACHES = {"default": backend}
            yield Watched(primary, replica, port)


@fault("behind a Sentinel: it is killed, and its replica takes its place", at=behind_a_sentinel)
def failed_over(place: Watched) -> Iterator[None]:
    place.primary.process.kill()
    place.primary.process.wait()
    yield
    wait_until(
        lambda: place.replica.admin.info("replication")["role"] == "master",
        place.replica.process,
        "a primary",
    )


@fault("a cluster of three takes its place, which pagecache cannot use")
def clustered(place: Place) -> Iterator[None]:
    with ExitStack() as stack:
        nodes = []
        for _ in range(3):
            port = free_port()
            files = ("--cluster-config-file", f"{port}.conf", "--cluster-port", str(free_port()))
            node = Instance(*QUIETLY, "--cluster-enabled", "yes", *files, port=port)
            nodes.append((stack.enter_context(node), files[-1]))
        first, _ = nodes[0]
        for number, (node, bus) in enumerate(nodes):
            span = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            node.admin.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.admin.execute_command("CLUSTER", "ADDSLOTSRANGE", *span)
            first.admin.execute_command("CLUSTER", "MEET", HOST, node.port, bus)
        wait_until(
            lambda: first.admin.cluster("INFO")["cluster_state"] == "ok",
            first.process,
            "a Redis Cluster",
        )
        target, place.proxy.target = place.proxy.target, first.port
        place.proxy.cut()
        yield
        place.proxy.target = target
        place.proxy.cut()


@fault("others fill its memory, and it evicts what was used least (allkeys-lru)")
def crowded_out(place: Place) -> Iterator[None]:
    room = place.admin.info("memory")["used_memory"] + 300_000
    names = iter(range(10**9))
    with (
        configured(place, maxmemory_policy="allkeys-lru", maxmemory=str(room)),
        over_and_over(lambda: place.admin.set(f"other {next(names)}", b"x" * 20_000)),
    ):
        yield


# In files, and in a table


@contextmanager
def in_files(lane: Lane, folder: Path) -> Iterator[Path]:
    """Let the site keep its pages in files."""
    backend = f"{FullDisk.__module__}.{FullDisk.__qualname__}"
    lane.settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(folder / "pages")}}
    yield folder / "pages"


@fault("in files: the disk is full", at=in_files)
def full_disk(_place: Path) -> Iterator[None]:
    FullDisk.is_full = True
    try:
        yield
    finally:
        FullDisk.is_full = False


@fault("in files: they hold noise", at=in_files)
def noisy_files(place: Path) -> Iterator[None]:
    chance = random.Random(7)

    def overwrite() -> None:
        for file in place.glob("*.djcache"):
            file.write_bytes(chance.randbytes(chance.choice((0, 1, 16, 200))))

    with over_and_over(overwrite):
        yield


class Elsewhere:
    """Sends the table of pages to a database of its own."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        return OTHER if model._meta.db_table == TABLE else None

    db_for_write = db_for_read


@contextmanager
def in_a_table(lane: Lane, folder: Path) -> Iterator[Path]:
    """Let the site keep its pages in a table of another database, that of an alias which tests may use."""
    file, known = folder / "pages.sqlite3", connections.settings
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": {"timeout": AWHILE}}
    kept = known[OTHER], connections[OTHER]
    known[OTHER] = {**known[OTHER], **engine}
    connections[OTHER] = connections.create_connection(OTHER)
    lane.settings.DATABASE_ROUTERS = [f"{__name__}.{Elsewhere.__qualname__}"]
    backend = "django.core.cache.backends.db.DatabaseCache"
    lane.settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": TABLE}}
    try:
        call_command("createcachetable", database=OTHER, verbosity=0)
        yield file
    finally:
        connections[OTHER].close()
        known[OTHER], connections[OTHER] = kept


@fault("in a table: the database is locked", at=in_a_table)
def locked(place: Path) -> Iterator[None]:
    with closing(sqlite3.connect(place, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@fault("in a table: it is gone", at=in_a_table)
def dropped(place: Path) -> Iterator[None]:
    with closing(sqlite3.connect(place, isolation_level=None, timeout=30)) as other:
        other.execute(f"ALTER TABLE {TABLE} RENAME TO away")
        yield
        other.execute(f"ALTER TABLE away RENAME TO {TABLE}")


# A connection whose handshake came to nothing is left to the collector by asyncio.
LEFT = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
NAMES = [
    pytest.param(name, marks=[LEFT] if one.at is over_tls else [], id=name)
    for name, one in FAULTS.items()
]
