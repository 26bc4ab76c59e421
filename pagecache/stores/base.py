"""What every store can do: keep bytes under keys, and the check-and-save of the protocol.

A verb is written once, as a generator of steps: it yields what it asks of the backend and is sent the answer. One
sync and one async loop per kind of store perform the steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from math import ceil
from typing import Any, TypeVar

from pagecache.core.vector import Plan

T = TypeVar("T")
Steps = Generator[Any, Any, T]

LONGEST_TTL = 10 * 365 * 86400.0  # beyond it, clocks of backends overflow


class StoreError(Exception):
    """The store could not be reached or refused to answer; nothing is known about what was written.

    Raised also, once, when another server answers than before: what was announced to the old one is not there.
    """


class Refused(Exception):  # noqa: N818 an answer, not an accident
    """The backend answered no; the text is ours and holds nothing of a key or a value."""


class Store(ABC):
    """Keeps bytes under keys in the cache of one alias; every verb raises `StoreError` if it fails.

    Keys are ASCII and shorter than 200 characters; times to live are seconds, None for no limit.
    """

    alias: str
    shared: bool  # whether other processes see what this one puts
    pickles: bool  # whether the backend pickles by nature, and so unpickles what it finds

    def is_frozen(self) -> bool:
        """Whether an open transaction of this thread keeps the store from seeing what others write."""
        return False

    def fetch(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values in the order of the keys, None for what is absent or not bytes; one trip."""
        return self._run(self._fetch(keys)) if keys else []

    async def afetch(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return what `fetch` returns."""
        return await self._arun(self._fetch(keys)) if keys else []

    def put(self, items: Mapping[str, bytes], ttl: float | None) -> None:
        """Keep the items; one trip."""
        if items:
            self._run(self._put(items, ttl))

    async def aput(self, items: Mapping[str, bytes], ttl: float | None) -> None:
        """Do what `put` does."""
        if items:
            await self._arun(self._put(items, ttl))

    def announce(self, star: str, versions: Mapping[str, bytes], ttl: float) -> None:
        """Write the version of `star` first and then the others; an error says that some may be missing."""
        self._run(self._announce(star, versions, ttl))

    async def aannounce(self, star: str, versions: Mapping[str, bytes], ttl: float) -> None:
        """Do what `announce` does."""
        await self._arun(self._announce(star, versions, ttl))

    def save(self, plan: Plan) -> tuple[bytes, ...] | None:
        """Save the entry if no data of it moved; return the versions that it holds, or None.

        Missing versions are created and `beside` is saved in either case.
        """
        return self._run(self._save(plan))

    async def asave(self, plan: Plan) -> tuple[bytes, ...] | None:
        """Do what `save` does."""
        return await self._arun(self._save(plan))

    def delete(self, keys: Sequence[str]) -> None:
        """Forget the keys."""
        if keys:
            self._run(self._delete(keys))

    async def adelete(self, keys: Sequence[str]) -> None:
        """Do what `delete` does."""
        if keys:
            await self._arun(self._delete(keys))

    @abstractmethod
    def close(self) -> None:
        """Close what is open and idle; what belongs to an event loop is closed at the end of the loop."""

    @abstractmethod
    def _run(self, steps: Steps[T]) -> T:
        """Perform the steps of a verb; whatever fails becomes a `StoreError`."""

    @abstractmethod
    async def _arun(self, steps: Steps[T]) -> T:
        """Perform the steps of a verb without blocking the event loop."""

    @abstractmethod
    def _fetch(self, keys: Sequence[str]) -> Steps[list[bytes | None]]: ...

    @abstractmethod
    def _put(self, items: Mapping[str, bytes], ttl: float | None) -> Steps[None]: ...

    @abstractmethod
    def _announce(self, star: str, versions: Mapping[str, bytes], ttl: float) -> Steps[None]: ...

    @abstractmethod
    def _save(self, plan: Plan) -> Steps[tuple[bytes, ...] | None]: ...

    @abstractmethod
    def _delete(self, keys: Sequence[str]) -> Steps[None]: ...

    def _failed(self, steps: Steps[Any], error: Exception) -> StoreError:
        """Return the error to raise; texts of backends can hold keys, so only the kind of theirs is told."""
        verb = getattr(steps, "__name__", "steps").lstrip("_")
        detail = error if isinstance(error, Refused) else type(error).__name__
        return StoreError(f"cache {self.alias!r}: {verb} failed: {detail}")


def whole_seconds(ttl: float | None) -> int | None:
    """Return a time to live that every backend takes: whole seconds, at least one."""
    return None if ttl is None else max(1, ceil(min(ttl, LONGEST_TTL)))


def milliseconds(ttl: float) -> int:
    """Return a time to live in whole milliseconds, at least one."""
    return max(1, ceil(min(ttl, LONGEST_TTL) * 1000))
