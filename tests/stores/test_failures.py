"""Backends that fail, refuse or drop, and what a caller is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from pagecache.stores import Store, StoreError
from pagecache.stores.generic import GenericStore
from tests.stores.backends import (
    AsyncCache,
    OpenStore,
    RefusingCache,
    RemoteCache,
    locmem,
)
from tests.stores.verbs import HOUR, Lane, version


def test_an_announcement_that_was_dropped_without_a_word_fails(remote: Store, verbs: Lane) -> None:
    RemoteCache.drops.add("t")
    with pytest.raises(StoreError, match="announce failed: announced versions are not there"):
        verbs(remote).announce("*", {"*": version(), "t": version()})


def test_an_entry_that_was_dropped_without_a_word_is_a_miss(remote: Store, verbs: Lane) -> None:
    RemoteCache.drops.add("a")
    does = verbs(remote)
    does.put({"a": b"1"})
    assert does.fetch("a") == [None]


def test_an_announcement_that_is_there_is_read_back(remote: Store, verbs: Lane) -> None:
    versions = {"t": version(), "*": version()}
    verbs(remote).announce("*", versions)
    assert remote.fetch(["t", "*"]) == list(versions.values())


def test_a_named_refusal_is_a_failure_that_names_no_key(open_pages: OpenStore, verbs: Lane) -> None:
    does = verbs(open_pages(locmem(RefusingCache)))
    does.put({"a": b"1"})
    with pytest.raises(StoreError, match=r"^cache 'pages': announce failed: 1 values were not"):
        does.announce("*", {"*": version(), "secret refused": version()})


@pytest.mark.django_db(transaction=True)
def test_a_database_that_swallows_an_announcement_is_caught(
    database_backend: dict[str, Any], open_pages: OpenStore
) -> None:
    def refuse_updates(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    store = open_pages(database_backend)
    store.announce("*", {"*": version(), "t": version()}, HOUR)
    with (
        connection.execute_wrapper(refuse_updates),
        pytest.raises(StoreError, match="announced versions are not there"),
    ):
        store.announce("*", {"*": version(), "t": version()}, HOUR)


def test_what_is_not_bytes_is_absent(remote: Store) -> None:
    RemoteCache.kept |= {"a": "text", "b": 1, "c": b"bytes", "d": None}
    assert remote.fetch(["a", "b", "c", "d"]) == [None, None, b"bytes", None]


def test_an_error_closes_the_connection_and_the_idle_ones(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise TimeoutError("a text that may hold a key")

    assert isinstance(remote, GenericStore)
    remote._idle.give(RemoteCache("idle", {}))
    remote._idle.give(RemoteCache("used next", {}))
    monkeypatch.setattr(RemoteCache, "get_many", fails)
    with pytest.raises(StoreError, match=r"^cache 'pages': fetch failed: TimeoutError$"):
        remote.fetch(["a"])
    assert RemoteCache.closed == ["close"] * 2


@pytest.mark.parametrize("kind", [RemoteCache, AsyncCache])
def test_a_backend_that_cannot_be_made_is_a_store_error(
    open_pages: OpenStore, verbs: Lane, kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ConnectionRefusedError

    store = open_pages(locmem(kind))
    monkeypatch.setattr(kind, "__init__", fails)
    with pytest.raises(StoreError, match="fetch failed: ConnectionRefusedError"):
        verbs(store).fetch("a")


def test_an_interruption_is_not_a_store_error(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RemoteCache, "get_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        remote.fetch(["a"])
    assert RemoteCache.closed == ["close"]


@pytest.mark.parametrize("noise", [b"", b"noise", b"\x80\x05K\x00.\x00\x01", b"\x80\x05]."])
def test_a_file_of_noise_is_absent_and_goes(
    open_pages: OpenStore, verbs: Lane, tmp_path: Path, noise: bytes
) -> None:
    """It would stay, and every read of it would fail."""
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    does = verbs(open_pages({"BACKEND": backend, "LOCATION": str(tmp_path)}))
    does.put({"a": b"1"})
    (file,) = tmp_path.glob("*.djcache")
    does.put({"b": b"2"})
    file.write_bytes(noise)
    assert does.fetch("a", "b") == [None, b"2"]
    assert not file.exists()
    file.write_bytes(noise)
    assert does.lease("a", b"token", "b") == (None, b"2")


def test_what_cannot_be_written_is_a_failure(open_pages: OpenStore, verbs: Lane) -> None:
    with pytest.raises(StoreError, match="put failed: "):
        verbs(open_pages(locmem())).put({"a": lambda: b"no bytes"})  # type: ignore[dict-item]
