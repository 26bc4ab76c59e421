"""The store in a Redis: trips, errors, restarts and failovers, on servers of the tests' own."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import redis
import redis.asyncio

from pagecache.core.vector import Plan
from pagecache.stores import Store, StoreError
from pagecache.stores.base import Refused
from pagecache.stores.lines import packed, prefix_of
from pagecache.stores.redis import RedisStore
from tests import servers
from tests.stores.conftest import OpenStore, redis_backend
from tests.stores.verbs import HOUR, Verbs, version, watched

Lane = Callable[[Store], Verbs]
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


@pytest.fixture(scope="module")
def instance() -> Generator[Instance]:
    with Instance() as instance:
        yield instance


@pytest.fixture
def store(instance: Instance, open_pages: OpenStore) -> RedisStore:
    instance.admin.flushall()
    return opened(open_pages, instance.backend)


@pytest.fixture
def does(store: Store, verbs: Lane) -> Verbs:
    does = verbs(store)
    does.fetch("to connect")
    return does


def opened(open_pages: OpenStore, backend: dict[str, Any], **options: Any) -> RedisStore:
    store = open_pages(backend, **options)
    assert isinstance(store, RedisStore)
    return store


def plan_of(*tags: Any, star: bytes | None = None, **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "star": "*",
        "star_start": star,
        "tags": tags,
        "key": "entry",
        "head": b"",
        "tail": b"",
        "ttl": HOUR,
    }
    return Plan(**fields | changes)


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


# Trips


@pytest.mark.parametrize(
    "verb",
    [
        lambda does: does.fetch("a", "b", "c", "d", "e"),
        lambda does: does.put({"a": b"1", "b": b"2"}),
        lambda does: does.put({"a": b"1"}, None),
        lambda does: does.announce("*", {"t": version(), "*": version(), "u": version()}),
        lambda does: does.delete("a", "b"),
        lambda does: does.save(plan_of(watched("t"), watched("u"), beside=("r", b"r", 60.0))),
    ],
    ids=["fetch", "put", "put for good", "announce", "delete", "save"],
)
def test_each_verb_is_one_trip(
    instance: Instance, does: Verbs, verb: Callable[[Verbs], object]
) -> None:
    does.save(plan_of())  # the script is known to the server from now on
    before = instance.reads()
    verb(does)
    assert instance.reads() - before - 1 == 1


def test_a_script_that_the_server_forgot_is_sent_again(instance: Instance, does: Verbs) -> None:
    instance.admin.script_flush()
    assert does.save(plan_of()) == ()
    before = instance.reads()
    assert does.save(plan_of()) == ()
    assert instance.reads() - before - 1 == 1


def test_a_star_is_written_before_the_versions(instance: Instance, does: Verbs) -> None:
    with instance.admin.monitor() as monitor:
        does.announce("*", {"t": version(), "*": version(), "u": version()})
        written = [command for command in map(_command, _until(monitor, "SET", 3)) if command]
    assert [key.rpartition(":")[2] for key in written] == ["*", "t", "u"]


def _until(monitor: Any, verb: str, count: int) -> Generator[dict[str, Any]]:
    for _ in range(count):
        while not (seen := monitor.next_command())["command"].startswith(verb):
            pass
        yield seen


def _command(seen: dict[str, Any]) -> str:
    return str(seen["command"].split(" ")[1])


def test_times_to_live_are_kept_in_milliseconds(instance: Instance, does: Verbs) -> None:
    does.put({"short": b"1"}, 0.5)
    does.put({"forever": b"1"}, None)
    does.save(plan_of(watched("t"), star=None, beside=("recipe", b"", 60.0)))
    does.save(plan_of(key="long", ttl=90.0))
    does.save(plan_of(key="endless", ttl=None))
    lives = {
        key: instance.admin.pttl(raw_key(instance, key))
        for key in ("short", "forever", "t", "recipe", "long", "endless")
    }
    assert 0 < lives["short"] <= 500
    assert lives["forever"] == lives["endless"] == -1
    assert HOUR * 1000 - 5000 < lives["t"] <= HOUR * 1000
    assert 55_000 < lives["recipe"] <= 60_000
    assert 85_000 < lives["long"] <= 90_000


def test_values_of_another_type_are_absent(instance: Instance, does: Verbs) -> None:
    fresh = version()
    does.put({"t": b"1", "a": b"1"})
    for key in (raw_key(instance, "t"), raw_key(instance, "a")):
        instance.admin.delete(key)
        instance.admin.rpush(key, "of a list")
    assert does.fetch("t", "a") == [None, None]
    assert does.save(plan_of(watched("t", None, fresh))) is None
    assert does.fetch("t") == [fresh]


def test_commands_are_packed_with_the_prefix_before_keys_only() -> None:
    commands = ((("SET",), ("k",), (b"v\r\n", b"PX")), (("INFO", "server"), (), ()))
    assert packed("p:", commands) == (
        b"*4\r\n$3\r\nSET\r\n$3\r\np:k\r\n$3\r\nv\r\n\r\n$2\r\nPX\r\n"
        b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
    )


def test_an_entry_may_have_thousands_of_tags(does: Verbs) -> None:
    star = version()
    does.announce("*", {"*": star})
    saved = does.save(plan_of(*(watched(f"t{i}") for i in range(9000)), star=star))
    assert saved is not None
    assert does.fetch("entry") == [b"".join(saved)]


# Connections


def test_a_connection_that_is_killed_costs_one_error(instance: Instance, does: Verbs) -> None:
    does.put({"a": b"1"})
    instance.disconnect_others()
    with pytest.raises(StoreError, match="'pages': fetch failed: ConnectionError"):
        does.fetch("a")
    assert does.fetch("a") == [b"1"]


def test_all_idle_connections_that_are_killed_cost_one_error(
    instance: Instance, store: RedisStore
) -> None:
    store.put({"a": b"1"}, HOUR)
    lines = [store._lease() for _ in range(5)]
    for line in lines:
        store._idle.give(line)
    instance.disconnect_others()
    with pytest.raises(StoreError):
        store.fetch(["a"])
    assert [store.fetch(["a"]) for _ in range(6)] == [[b"1"]] * 6
    assert instance.others() == 1


def test_an_error_of_an_old_connection_leaves_the_new_ones(
    instance: Instance, store: RedisStore
) -> None:
    first, second = store._lease(), store._lease()
    store._end(first, ConnectionError())
    store.fetch(["a"])
    (now,) = store._idle._things
    store._end(second, ConnectionError())
    store.fetch(["a"])
    assert list(store._idle._things) == [now]


def test_a_connection_that_we_closed_counts_as_closed(
    store: RedisStore, loop: asyncio.Runner
) -> None:
    async def closed_is_closed() -> bool:
        line = await store._alease()
        await line.close()
        line._used = 0.0
        return await line.is_closed()

    assert loop.run(closed_is_closed())


def test_a_connection_that_was_closed_in_quiet_times_costs_nothing(
    instance: Instance, store: RedisStore, does: Verbs
) -> None:
    does.put({"a": b"1"})
    instance.disconnect_others()
    let_time_pass(store)
    assert does.fetch("a") == [b"1"]


def test_a_connection_is_used_again(instance: Instance, store: RedisStore, does: Verbs) -> None:
    does.put({"a": b"1"})
    let_time_pass(store)
    assert [does.fetch("a") for _ in range(3)] == [[b"1"]] * 3
    assert instance.others() == 1


def test_an_answer_that_is_an_error_keeps_the_connection(instance: Instance, does: Verbs) -> None:
    instance.admin.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError, match="announce failed: OutOfMemoryError"):
            does.announce("*", {"*": version(), "t": version()})
        assert does.fetch("*") == [None]
        assert instance.others() == 1
    finally:
        instance.admin.config_set("maxmemory", "0")
    does.announce("*", {"*": version()})


def test_a_loop_that_ends_closes_its_connections(instance: Instance, store: RedisStore) -> None:
    for _ in range(3):
        assert asyncio.run(store.afetch(["a"])) == [None]
    servers.wait_until(lambda: instance.others() == 0, instance.process, "redis")


def test_threads_and_tasks_get_their_own_answers(store: RedisStore, loop: asyncio.Runner) -> None:
    keys = [f"k{i}" for i in range(16)]
    store.put({key: key.encode() for key in keys}, HOUR)

    def fetch_often(key: str) -> bool:
        return all(store.fetch([key]) == [key.encode()] for _ in range(100))

    async def fetch_together() -> list[list[bytes | None]]:
        return await asyncio.gather(*(store.afetch([key]) for key in keys * 4))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fetch_often, keys))
    assert loop.run(fetch_together()) == [[key.encode()] for key in keys] * 4


def test_a_forked_child_has_connections_of_its_own(instance: Instance) -> None:
    url = f"redis://127.0.0.1:{instance.port}/0"
    command = [sys.executable, "-m", "tests.stores.forking", url]
    assert subprocess.run(command, check=False, timeout=30).returncode == 0


def test_a_cancelled_fetch_leaves_no_answer_behind(
    instance: Instance, store: RedisStore, loop: asyncio.Runner
) -> None:
    async def cancelled() -> None:
        await store.aput({"a": b"1", "b": b"2"}, HOUR)
        instance.process.send_signal(signal.SIGSTOP)
        task = asyncio.ensure_future(store.afetch(["a"]))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        finally:
            instance.process.send_signal(signal.SIGCONT)

    with pytest.raises(asyncio.CancelledError):
        loop.run(cancelled())
    assert loop.run(store.afetch(["b"])) == [b"2"]


def test_a_server_that_hangs_is_waited_for_no_longer_than_the_budget(
    instance: Instance, open_pages: OpenStore, verbs: Lane
) -> None:
    does = verbs(opened(open_pages, instance.backend, budget=0.2))
    does.put({"a": b"1"})
    instance.process.send_signal(signal.SIGSTOP)
    try:
        for _ in ("an open connection", "a new one"):
            began = time.monotonic()
            with pytest.raises(StoreError, match="fetch failed: TimeoutError"):
                does.fetch("a")
            assert 0.15 < time.monotonic() - began < 1.0
    finally:
        instance.process.send_signal(signal.SIGCONT)
    assert does.fetch("a") == [b"1"]


# Restarts and failovers


def test_nothing_old_is_found_after_a_restart_from_a_snapshot(
    tmp_path: Path, open_pages: OpenStore, verbs: Lane
) -> None:
    options = ("--dir", str(tmp_path), "--save", "900 1")
    with Instance(*options) as first:
        does = verbs(opened(open_pages, first.backend))
        does.put({"entry": b"old"})
        first.admin.save()
    with pytest.raises(StoreError):
        does.fetch("entry")
    with Instance(*options, port=first.port) as second:
        assert does.fetch("entry") == [None]
        assert second.admin.get(raw_key(second, "entry")) == b"old"
        does.put({"entry": b"new"})
        assert does.fetch("entry") == [b"new"]


@pytest.mark.parametrize("is_quiet", [False, True])
def test_another_server_is_one_error_for_the_caller(
    open_pages: OpenStore, verbs: Lane, is_quiet: bool
) -> None:
    with Instance() as first:
        store = opened(open_pages, first.backend)
        does = verbs(store)
        does.put({"a": b"1"})
    with Instance(port=first.port) as second:
        if is_quiet:
            let_time_pass(store)
        with pytest.raises(StoreError, match="another server" if is_quiet else "ConnectionError"):
            does.fetch("a")
        assert does.fetch("a") == [None]
        assert second.others() == 1


def test_nothing_old_is_found_after_a_failover_and_back(open_pages: OpenStore, verbs: Lane) -> None:
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    with Instance(*fast) as one, Instance(*fast) as two:
        verbs(opened(open_pages, one.backend)).put({"entry": b"old"})
        two.admin.replicaof("127.0.0.1", one.port)
        two.wait_for_primary()
        two.admin.replicaof("NO", "ONE")
        verbs(opened(open_pages, two.backend)).put({"entry": b"newer"})
        one.admin.replicaof("127.0.0.1", two.port)
        one.wait_for_primary()
        one.admin.replicaof("NO", "ONE")
        assert len(one.admin.keys("*:entry")) == 2
        assert verbs(opened(open_pages, one.backend)).fetch("entry") == [None]


def test_a_replica_is_refused(open_pages: OpenStore, verbs: Lane) -> None:
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    with Instance(*fast) as one, Instance(*fast) as two:
        two.admin.replicaof("127.0.0.1", one.port)
        with pytest.raises(StoreError, match="the server is a replica"):
            verbs(opened(open_pages, two.backend)).fetch("a")


def test_a_server_that_became_a_replica_is_left(open_pages: OpenStore, verbs: Lane) -> None:
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    with Instance(*fast) as one, Instance(*fast) as two:
        does = verbs(opened(open_pages, two.backend))
        does.put({"a": b"1"})
        two.admin.replicaof("127.0.0.1", one.port)
        with pytest.raises(StoreError, match="announce failed: ReadOnlyError"):
            does.announce("*", {"*": version()})
        with pytest.raises(StoreError, match="the server is a replica"):
            does.fetch("a")


def test_a_server_that_does_not_say_who_it_is_is_refused() -> None:
    with pytest.raises(Refused, match="does not tell its run_id"):
        prefix_of([b"# Server\r\nredis_version:7\r\n", b"role:master\r\nmaster_replid:1\r\n"])


def test_a_prefix_names_the_process_and_its_history() -> None:
    prefixes = {
        prefix_of([b"run_id:%b" % run_id, b"role:master\r\nmaster_replid:%b\r\n" % replid])
        for run_id in (b"1", b"2")
        for replid in (b"3", b"4")
    }
    assert len(prefixes) == 4


# The site's own parameters


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
    does = verbs(opened(open_pages, redis_backend(url, kind, **options)))
    does.put({"a": b"\xff"})
    assert does.fetch("a", "b") == [b"\xff", None]


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


def test_sentinels_are_asked_for_the_primary(
    instance: Instance, open_pages: OpenStore, verbs: Lane, tmp_path: Path
) -> None:
    port = servers.free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor pages 127.0.0.1 {instance.port} 1\n")
    program = servers.redis_command(str(tmp_path))[0]
    command = [program, str(config), "--sentinel", "--port", str(port), "--bind", "127.0.0.1"]
    with servers.running(command) as process:
        admin = redis.Redis(port=port)
        servers.wait_until(lambda: _pings(admin), process, "redis")
        factory = "django_redis.pool.SentinelConnectionFactory"
        options = {"CONNECTION_FACTORY": factory, "SENTINELS": [("127.0.0.1", port)]}
        backend = redis_backend(f"redis://pages/5?client_name=c{port}", "django-redis", **options)
        does = verbs(opened(open_pages, backend))
        does.put({"a": b"1"})
        assert does.fetch("a") == [b"1"]
        admin.close()
    assert "db5" in instance.admin.info("keyspace")


def _pings(admin: Any) -> bool:
    try:
        return bool(admin.ping())
    except redis.ConnectionError:
        return False
