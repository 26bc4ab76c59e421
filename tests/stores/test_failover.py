"""Restarts and failovers of a Redis: nothing old comes back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from pagecache.stores import StoreError
from pagecache.stores.base import Refused
from pagecache.stores.lines import prefix_of
from tests.servers import wait_until
from tests.stores.backends import OpenStore
from tests.stores.instances import QUIETLY, Instance, let_time_pass, opened, raw_key, sentinel
from tests.stores.verbs import Lane, version


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


def test_a_connection_that_was_idle_over_a_failover_and_back_is_left(
    open_pages: OpenStore, verbs: Lane
) -> None:
    """Nobody cut it, and a process that was busy meanwhile has gone on under another prefix."""
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    with Instance(*fast) as one, Instance(*fast) as two:
        idle = opened(open_pages, one.backend)
        old, new = version(), version()
        verbs(idle).put({"entry": b"old", "t": old})
        two.admin.replicaof("127.0.0.1", one.port)
        two.wait_for_primary()
        one.admin.replicaof("127.0.0.1", two.port)
        two.admin.replicaof("NO", "ONE")
        one.wait_for_primary()
        one.admin.replicaof("NO", "ONE")
        verbs(opened(open_pages, one.backend)).announce("*", {"*": version(), "t": new})
        let_time_pass(idle)
        with pytest.raises(StoreError, match="another server answers than before"):
            verbs(idle).fetch("entry", "t")
        assert verbs(idle).fetch("entry", "t") == [None, new]


def test_nothing_old_is_found_after_sentinels_chose_a_replica_that_lagged(
    tmp_path: Path, open_pages: OpenStore, verbs: Lane
) -> None:
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    hasty = ("sentinel down-after-milliseconds pages 500", "sentinel failover-timeout pages 3000")
    with Instance(*fast) as first, Instance(*fast) as second:
        second.admin.replicaof("127.0.0.1", first.port)
        second.wait_for_primary()
        with sentinel(tmp_path, first, *hasty) as backend:
            does = verbs(opened(open_pages, backend))
            old, new = version(), version()
            does.put({"entry": b"old", "t": old})
            first.admin.wait(1, 5000)
            first.admin.acl_setuser("default", commands=["-psync", "-sync"])
            first.admin.client_kill_filter(_type="replica")
            does.announce("*", {"*": version(), "t": new})
            first.process.kill()
            wait_until(lambda: second.admin.role()[0] == b"master", second.process, "redis")
            assert _fetched(does, second, "entry", "t") == [None, None]
            lagged = redis.Redis(port=second.port, db=5)
            assert lagged.get(*lagged.keys("*:t")) == old, "what it has is older than the write"
            lagged.close()


def _fetched(does: Any, server: Instance, *keys: str) -> Any:
    """Return what is there once the site has found the new primary; each error is one that a request sees."""
    found: list[Any] = []

    def fetches() -> bool:
        with suppress(StoreError):
            found[:] = does.fetch(*keys)
            return True
        return False

    wait_until(fetches, server.process, "redis")
    return found


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


def test_nothing_is_read_from_a_server_that_became_a_replica(
    open_pages: OpenStore, verbs: Lane
) -> None:
    """Its connections stay open, and what others announce to the new primary goes under another prefix."""
    fast = (*QUIETLY, "--repl-diskless-sync-delay", "0")
    with Instance(*fast) as one, Instance(*fast) as two:
        does = verbs(opened(open_pages, two.backend))
        does.put({"a": b"1"})
        two.admin.replicaof("127.0.0.1", one.port)
        # Where the machine was busy the line was quiet for long, and asks who answers along with it.
        with pytest.raises(StoreError, match=r"ReadOnlyError|the server is a replica"):
            does.fetch("a")
        with pytest.raises(StoreError, match="the server is a replica"):
            does.fetch("a")


def test_a_server_that_refused_to_say_who_it_is_is_asked_again(
    open_pages: OpenStore, verbs: Lane
) -> None:
    with Instance(*QUIETLY) as one, Instance(*QUIETLY) as two:
        store = opened(open_pages, two.backend)
        does = verbs(store)
        does.put({"a": b"old"})
        two.admin.replicaof("127.0.0.1", one.port)
        two.admin.replicaof("no", "one")
        two.admin.acl_setuser("default", enabled=True, commands=["-info"])
        let_time_pass(store)
        with pytest.raises(StoreError, match="fetch failed: NoPermissionError"):
            does.fetch("a")
        two.admin.acl_setuser("default", enabled=True, commands=["+info"])
        with suppress(StoreError):
            assert does.fetch("a") == [None]
        assert does.fetch("a") == [None]


def test_nothing_is_read_from_a_primary_that_is_cut_off(open_pages: OpenStore, verbs: Lane) -> None:
    """Another may have been chosen meanwhile."""
    with Instance() as alone:
        does = verbs(opened(open_pages, alone.backend))
        does.put({"a": b"1"})
        alone.admin.config_set("min-replicas-to-write", "1")
        with pytest.raises(StoreError, match="fetch failed: ResponseError"):
            does.fetch("a")
        alone.admin.config_set("min-replicas-to-write", "0")
        before = alone.admin.info("stats")["total_connections_received"]
        assert does.fetch("a") == [b"1"]
        assert alone.admin.info("stats")["total_connections_received"] == before + 1


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
