"""A Redis tells of versions that change: what stands is what it has, and ends with whatever may hide a change."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from pagecache.news import news
from pagecache.stores import StoreError
from pagecache.stores.heard import clock
from pagecache.stores.local import Held
from pagecache.stores.redis import RedisStore
from tests.stores.backends import OpenStore, locmem
from tests.stores.instances import QUIETLY, Instance, opened, raw_key, sentinel
from tests.stores.verbs import Lane, held_of, version
from tests.until import until

PREFIX, BOUND = "pagecache:site:v:", 0.4
KEY = f"{PREFIX}tag"
ONE, TWO = version(), version()


@pytest.fixture
def listening(open_pages: OpenStore) -> Generator[Callable[..., RedisStore]]:
    """Open a store on a server, with a version under the key, and hear of it."""
    stores: list[RedisStore] = []

    def listening(backend: dict[str, Any], **how: Any) -> RedisStore:
        store = opened(open_pages, backend)
        store.listen(PREFIX, how.get("bound", BOUND), how.get("most", 100))
        store.put({KEY: ONE}, 60)
        stores.append(store)
        return store

    yield listening
    for store in stores:
        store.close()
    until(lambda: not ears(), "a thread ends with its store")


@pytest.fixture
def hearing(instance: Instance, listening: Callable[..., RedisStore]) -> RedisStore:
    """A store that knows the version under the key."""
    instance.admin.flushall()
    store = listening(instance.backend)
    know(store)
    return store


def ears() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("pagecache-")]


@pytest.fixture(autouse=True)
def _no_pages() -> Generator[None]:
    yield
    PAGES.clear()


PAGES: dict[tuple[RedisStore, bytes], Held] = {}


def stands(store: RedisStore, value: bytes = ONE) -> bool | None:
    """Whether a page that a process holds, of that version, may be sent without a question."""
    held = PAGES.setdefault((store, value), held_of([KEY], [value]))
    heard_until, latest = -inf if held.heard is None else held.heard.until, news.latest
    if held.stood == (store, latest) and clock() < heard_until:
        return True  # as one that is at hand
    found = store.vouch(held)
    held.stood = (store, latest) if found else None
    return found


def know(store: RedisStore, value: bytes = ONE) -> None:
    """Ask until the answer stands: the server must first be known to tell of changes."""

    def is_known() -> bool:
        store.fetch([KEY])
        return stands(store, value) is True

    until(is_known, "it does not come to stand")


def test_a_version_that_was_asked_for_stands(hearing: RedisStore) -> None:
    assert stands(hearing) is True
    assert stands(hearing, TWO) is False
    assert hearing.vouch(held_of([KEY, f"{PREFIX}other"], [ONE, ONE])) is None


def test_only_versions_are_remembered(hearing: RedisStore) -> None:
    hearing.put({"entry": ONE}, 60)
    hearing.fetch(["entry", KEY])
    assert hearing.vouch(held_of(["entry"], [ONE])) is None
    assert stands(hearing) is True


def test_it_stands_for_long_where_nothing_changes(hearing: RedisStore) -> None:
    end = clock() + 2 * BOUND
    until(lambda: stands(hearing) is not True or clock() > end, "time goes on")
    assert stands(hearing) is True


CHANGES: dict[str, Callable[[Instance], Any]] = {
    "set": lambda instance: instance.admin.set(raw_key(instance, KEY), TWO),
    "deleted": lambda instance: instance.admin.delete(raw_key(instance, KEY)),
    "set by a script": lambda instance: instance.admin.eval(
        "redis.call('SET', KEYS[1], ARGV[1])", 1, raw_key(instance, KEY), TWO
    ),
    "renamed": lambda instance: instance.admin.rename(raw_key(instance, KEY), "other"),
    "expired": lambda instance: instance.admin.pexpire(raw_key(instance, KEY), 1),
    "flushed": lambda instance: instance.admin.flushdb(),
    "all flushed": lambda instance: instance.admin.flushall(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_another_process_changes_stands_no_longer_than_the_bound(
    instance: Instance, hearing: RedisStore, change: str
) -> None:
    CHANGES[change](instance)
    changed = clock()
    until(lambda: stands(hearing) is not True or clock() > changed + BOUND, "time goes on")
    assert stands(hearing) is not True


def test_what_this_process_announces_does_not_stand_when_the_call_returns(
    hearing: RedisStore, verbs: Lane
) -> None:
    for _ in range(50):
        know(hearing, value := hearing.fetch([KEY])[0] or b"")
        verbs(hearing).announce("star", {"star": ONE, KEY: version()})
        assert stands(hearing, value) is not True


def test_what_could_not_be_announced_does_not_stand_either(
    hearing: RedisStore, instance: Instance
) -> None:
    instance.admin.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreError):
            hearing.announce("star", {"star": ONE, KEY: TWO}, 60)
        assert stands(hearing) is not True
    finally:
        instance.admin.config_set("maxmemory", 0)


def test_what_a_loop_asked_for_stands_too(hearing: RedisStore, loop: asyncio.Runner) -> None:
    other = f"{PREFIX}other"
    hearing.put({other: TWO}, 60)
    loop.run(hearing.afetch([other]))
    assert hearing.vouch(held_of([other], [TWO])) is True


def test_no_more_is_remembered_than_is_said(
    instance: Instance, listening: Callable[..., RedisStore]
) -> None:
    store = listening(instance.backend, most=10)
    know(store)
    for number in range(100):
        store.fetch([f"{PREFIX}{number}"])
    assert store._listener is not None
    assert store._listener.heard is not None
    assert len(store._listener.heard._versions) <= 11


# What ends it


def test_nothing_stands_once_the_connection_is_lost_and_all_is_asked_for_anew(
    instance: Instance, hearing: RedisStore
) -> None:
    instance.disconnect_others()
    until(lambda: stands(hearing) is None, "the end is noticed")
    with pytest.raises(StoreError):
        hearing.fetch([KEY])
    know(hearing)


def test_nothing_stands_for_longer_than_the_bound_while_the_server_does_not_answer(
    instance: Instance, hearing: RedisStore
) -> None:
    instance.process.send_signal(signal.SIGSTOP)
    stopped = clock()
    try:
        until(lambda: clock() > stopped + BOUND, "time goes on")
        assert stands(hearing) is None
    finally:
        instance.process.send_signal(signal.SIGCONT)
    know(hearing)


def test_nothing_stands_on_a_server_that_takes_no_writes_any_more(
    instance: Instance, hearing: RedisStore
) -> None:
    instance.admin.replicaof("127.0.0.1", 1)
    try:
        until(lambda: stands(hearing) is None, "it is noticed")
    finally:
        instance.admin.replicaof("NO", "ONE")
    hearing.close()


def test_nothing_stands_on_a_server_that_lost_its_replicas(
    instance: Instance, hearing: RedisStore
) -> None:
    instance.admin.config_set("min-replicas-to-write", 1)
    try:
        until(lambda: stands(hearing) is None, "it is noticed")
    finally:
        instance.admin.config_set("min-replicas-to-write", 0)


def test_what_an_earlier_server_had_does_not_stand_after_a_restart_from_a_snapshot(
    tmp_path: Path, listening: Callable[..., RedisStore]
) -> None:
    options = ("--dir", str(tmp_path), "--save", "900 1")
    with Instance(*options) as first:
        store = listening(first.backend)
        know(store)
        first.admin.save()
    with Instance(*options, port=first.port):
        until(lambda: stands(store) is None, "the end is noticed")
        with pytest.raises(StoreError):
            store.fetch([KEY])
        assert store.fetch([KEY]) == [None]
        store.put({KEY: TWO}, 60)
        know(store, TWO)
        assert stands(store) is False


def test_what_the_old_primary_had_does_not_stand_after_a_failover(
    tmp_path: Path, listening: Callable[..., RedisStore]
) -> None:
    with (
        Instance() as old,
        Instance(*QUIETLY, "--replicaof", f"127.0.0.1 {old.port}") as new,
    ):
        new.wait_for_primary()
        quickly = (
            "sentinel failover-timeout pages 1000",
            "sentinel down-after-milliseconds pages 300",
        )
        with sentinel(tmp_path, old, *quickly) as backend:
            store = listening(backend)
            know(store)
            old.process.send_signal(signal.SIGSTOP)
            try:
                until(lambda: new.admin.role()[0] == b"master", "it takes over")
                until(lambda: stands(store) is None, "the end is noticed")

                def is_found() -> bool:
                    try:
                        store.put({KEY: TWO}, 60)
                    except StoreError:
                        return False
                    return True

                until(is_found, "the new one is found")
                know(store, TWO)
            finally:
                old.process.send_signal(signal.SIGCONT)
            assert stands(store, TWO) is True, "the old one is back, and nobody listens to it"


def test_answers_of_another_server_are_not_remembered(hearing: RedisStore) -> None:
    assert hearing._listener is not None
    assert hearing._listener.ask([KEY], "another:") is None
    hearing._listener.hold_to("another:")
    assert stands(hearing) is None


def test_where_the_server_may_not_tell_it_is_asked_each_time_and_that_is_said_once(
    instance: Instance,
    listening: Callable[..., RedisStore],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pagecache.stores.listening.PAUSE", 0.01)
    instance.admin.execute_command(
        "ACL", "SETUSER", "quiet", "on", ">word", "~*", "&*", "+@all", "-client|tracking"
    )
    backend = instance.backend
    location = backend["LOCATION"].replace("redis://", "redis://quiet:word@")
    store = listening({**backend, "LOCATION": location})
    assert store.fetch([KEY]) == [ONE]

    def tries() -> int:
        return sum(int(said["count"]) for said in instance.admin.acl_log())

    until(lambda: tries() > 2, "it is tried again and again")
    assert stands(store) is None
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "Cache 'pages' does not tell of changes, so it is asked at each hit: NoPermissionError"
    ]
    instance.admin.execute_command("ACL", "SETUSER", "quiet", "+client|tracking")
    know(store)
    until(lambda: len(caplog.records) > 1, "that is said, too")
    assert caplog.records[-1].getMessage() == "Cache 'pages' tells of changes again."


def test_nobody_listens_before_somebody_asks_nor_after_the_end(
    instance: Instance, listening: Callable[..., RedisStore]
) -> None:
    store = listening(instance.backend)
    assert not ears()
    store.fetch([KEY])
    assert ears() == ["pagecache-pages"]
    store.close()
    until(lambda: not ears(), "the thread ends")
    store.fetch([KEY])
    assert not ears()


def test_other_stores_do_not_tell(open_pages: OpenStore) -> None:
    store = open_pages(locmem())
    with pytest.raises(ImproperlyConfigured, match="needs Redis 6 or later"):
        store.listen(PREFIX, 1.0, 100)
    assert store.vouch(held_of([KEY], [ONE])) is None


def test_a_thread_that_cannot_be_started_now_is_tried_again_later(
    listening: Callable[..., RedisStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_self: Any) -> None:
        raise RuntimeError

    with Instance() as server, monkeypatch.context() as patch:
        store = listening(server.backend)
        patch.setattr(threading.Thread, "start", none_left)
        assert store.fetch([KEY]) == [ONE]
        assert stands(store) is None
        patch.undo()
        until(lambda: store.fetch([KEY]) and stands(store), "it hears of changes")
