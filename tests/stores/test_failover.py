"""Restarts and failovers of a Redis: nothing old comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from pagecache.stores import StoreError
from pagecache.stores.base import Refused
from pagecache.stores.lines import prefix_of
from tests.stores.backends import OpenStore
from tests.stores.instances import QUIETLY, Instance, let_time_pass, opened, raw_key
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
