"""A cache backend that can be told to refuse what is written to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.cache.backends.locmem import LocMemCache


class FailingCache(LocMemCache):
    """Local memory whose connection breaks: for writes, or for everything."""

    fails: ClassVar[frozenset[str]] = frozenset()
    attempts: ClassVar[list[None]] = []  # that failed

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        self._break("set_many")
        return super().set_many(*args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        self._break("get_many")
        return super().get_many(*args, **kwargs)

    def _break(self, method: str) -> None:
        if method in self.fails:
            self.attempts.append(None)
            raise ConnectionError("the cache server is away")


@contextmanager
def broken(*methods: str) -> Iterator[list[None]]:
    """Let these methods of the backend fail; gives the attempts."""
    FailingCache.fails = frozenset(methods)
    FailingCache.attempts = []
    try:
        yield FailingCache.attempts
    finally:
        FailingCache.fails = frozenset()
