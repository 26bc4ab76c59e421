"""Cache backends for tests: they count what they are asked, drop what they are told, or are asynchronous by nature."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol
from uuid import uuid4

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache

from pagecache.stores import Store

BUDGET = 2.0


def locmem(kind: type[BaseCache] = LocMemCache) -> dict[str, Any]:
    """Return the settings of an alias in a memory of its own."""
    return {"BACKEND": f"{kind.__module__}.{kind.__qualname__}", "LOCATION": uuid4().hex}


def redis_backend(url: str, kind: str = "redis", **options: Any) -> dict[str, Any]:
    """Return the settings of an alias in a Redis."""
    path = {
        "redis": "django.core.cache.backends.redis.RedisCache",
        "django-redis": "django_redis.cache.RedisCache",
    }
    return {"BACKEND": path[kind], "LOCATION": url, "OPTIONS": options}


class OpenStore(Protocol):
    """Opens a store on the settings of an alias."""

    def __call__(self, backend: dict[str, Any], *, budget: float = BUDGET) -> Store: ...


class CountingCache(LocMemCache):
    """Remembers the trips that a remote server would have seen."""

    trips: ClassVar[list[tuple[str, tuple[str, ...]]]] = []

    def get_many(self, keys: Any, version: Any = None) -> Any:
        self.trips.append(("get_many", tuple(keys)))
        return super().get_many(keys, version=version)

    def set_many(self, data: Any, timeout: Any = None, version: Any = None) -> Any:
        self.trips.append(("set_many", tuple(data)))
        return super().set_many(data, timeout=timeout, version=version)

    def delete_many(self, keys: Any, version: Any = None) -> None:
        self.trips.append(("delete_many", tuple(keys)))
        super().delete_many(keys, version=version)


class RemoteCache(BaseCache):
    """A third party's cache that is reached over a network; what it cannot write it drops without a word."""

    kept: ClassVar[dict[str, Any]] = {}
    drops: ClassVar[set[str]] = set()
    closed: ClassVar[list[str]] = []

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return self.kept.get(self.make_key(key, version), default)

    def set(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> None:
        if key not in self.drops:
            self.kept[self.make_key(key, version)] = value

    def delete(self, key: Any, version: Any = None) -> bool:
        return self.kept.pop(self.make_key(key, version), None) is not None

    def close(self, **kwargs: Any) -> None:
        self.closed.append("close")


class AsyncCache(RemoteCache):
    """A third party's cache whose own methods are the asynchronous ones."""

    kept: ClassVar[dict[str, Any]] = {}
    closed: ClassVar[list[str]] = []
    awaited: ClassVar[list[str]] = []

    async def aget_many(self, keys: Any, version: Any = None) -> Any:
        self.awaited.append("aget_many")
        return self.get_many(keys)

    async def aset_many(self, data: Any, *rest: Any) -> Any:
        self.awaited.append("aset_many")
        if "fails" in data:
            raise ConnectionResetError
        return self.set_many(data, *rest)

    async def adelete_many(self, keys: Any, version: Any = None) -> None:
        self.awaited.append("adelete_many")
        self.delete_many(keys)

    async def aclose(self, **kwargs: Any) -> None:
        self.closed.append("aclose")


class RefusingCache(LocMemCache):
    """Names what it could not write, as Memcached does."""

    def set_many(self, data: Any, timeout: Any = None, version: Any = None) -> Any:
        return [key for key in data if key.endswith("refused")]


class MySubclass(DatabaseCache):
    """A site's own subclass of a stock backend."""
