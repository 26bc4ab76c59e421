"""Cache backends that tests can watch, and break."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import PyMemcacheCache


class Watched(BaseCache):
    """Writes down what is asked of the backend, each a trip to its server; raises while it is broken."""

    trips: ClassVar[list[str]] = []
    asked: ClassVar[list[list[str]]] = []
    broken: ClassVar[dict[str, int]] = {}  # the verbs that fail, and after how many trips

    def get_many(self, keys: Any, version: Any = None) -> Any:
        self._note("get", keys)
        return super().get_many(keys, version)

    def set_many(self, data: Any, timeout: Any = None, version: Any = None) -> Any:
        self._note("set", data)
        return super().set_many(data, timeout, version)

    def add(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> bool:
        self._note("add", [key])
        return super().add(key, value, timeout, version)

    def delete_many(self, keys: Any, version: Any = None) -> None:
        self._note("delete", keys)
        super().delete_many(keys, version)

    def _note(self, verb: str, keys: Any) -> None:
        Watched.trips.append(verb)
        Watched.asked.append(list(keys))
        if len(Watched.trips) > Watched.broken.get(verb, len(Watched.trips)):
            raise ConnectionResetError


class WatchedMemory(Watched, LocMemCache):
    """Django's local memory."""


class WatchedFiles(Watched, FileBasedCache):
    """Django's files."""


class FullDisk(FileBasedCache):
    """Django's files on a disk that may be full: what is written goes to the device that always is."""

    is_full: ClassVar[bool] = False

    def _write_content(self, file: Any, timeout: Any, value: Any) -> None:
        write: Any = super()._write_content  # type: ignore[misc]
        if not self.is_full:
            write(file, timeout, value)
            return
        with Path("/dev/full").open("wb") as full:
            write(full, timeout, value)


class WatchedTable(Watched, DatabaseCache):
    """Django's table."""


class WatchedMemcache(Watched, PyMemcacheCache):
    """Django's Memcached."""


BROKEN = {"BACKEND": "tests.caches.WatchedMemory", "LOCATION": "broken"}


@contextmanager
def broken(*verbs: str, after: int = 0) -> Generator[None]:
    """Let the backend fail: at everything, or at some verbs, once it was asked so many times."""
    Watched.broken.update(dict.fromkeys(verbs or ("get", "set", "add", "delete"), after))
    try:
        yield
    finally:
        Watched.broken.clear()


@contextmanager
def watched() -> Generator[list[str]]:
    """Give the trips that are made inside."""
    Watched.trips.clear()
    Watched.asked.clear()
    yield Watched.trips
