"""What every store can do: keep bytes under keys, and the check-and-save of the protocol.

A verb is written once, as a generator of steps: it yields what it asks of the backend and is sent the answer. One
sync and one async loop per kind of store perform the steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from math import ceil
from time import monotonic
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from pagecache.core.reasons import Reason
from pagecache.core.vector import Marking, Plan
from pagecache.stores.local import Held
from pagecache.stores.waiting import Circuit, Latency, current_patience

T = TypeVar("T")
Steps = Generator[Any, Any, T]
# What pauses while an answer is on its way. It is run to its end, or closed where nobody wants that any more.
Pausing = Generator[None, None, T]
# What stands in the place of a lease, and the beginning of another value.
Leased = tuple[bytes | None, bytes]
Saved = tuple[bytes, ...] | Reason  # the versions that an entry was saved with, or why it was not

PROBE = 4096  # bytes of an entry that tell it from the one that it took the place of
LONGEST_TTL = 10 * 365 * 86400.0  # beyond it, clocks of backends overflow


class StoreError(Exception):
    """The store could not be reached or refused to answer; nothing is known about what was written.

    Raised also, once, when another server answers than before: what was announced to the old one is not there.
    """


class Refused(Exception):  # noqa: N818 an answer, not an accident
    """The backend answered no; the text is ours and holds nothing of a key or a value."""


class Call:
    """A call that a request waits for; not made where the server is away, or the request has waited long enough.

    Raises StoreError then. Announcements are not counted: a request may have many.
    """

    __slots__ = ("_announces", "_began", "_circuit", "_patience", "_store")

    def __init__(self, store: Store, circuit: Circuit, *, announces: bool = False) -> None:
        self._store = store
        self._circuit = circuit
        self._announces = announces

    def __enter__(self) -> None:
        store, request = self._store, current_patience()
        is_counted = store.shared and not self._announces  # own memory is not waited for
        self._patience = request if is_counted else None
        if is_counted and request is not None and request.asked > store.limit:
            raise StoreError(f"cache {store.alias!r}: this request has waited long enough")
        always = self._announces and request is None
        if not always and not self._circuit.admits():
            raise StoreError(f"cache {store.alias!r}: it failed a moment ago")
        self._began = monotonic()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        least = self._store.latency.least(monotonic() - self._began)
        if self._patience is not None:
            self._patience.asked += least
        if error is None:
            self._circuit.passed()
        elif isinstance(error, StoreError):
            self._circuit.failed(error)


class Store(ABC):
    """Keeps bytes under keys in the cache of one alias; every verb raises `StoreError` if it fails.

    Keys are ASCII and shorter than 200 characters; times to live are seconds, None for no limit. A request loses at
    most `budget` seconds here: a call takes half of that at most, and none begins once half of it is spent.
    """

    shared: bool  # whether other processes see what this one puts
    pickles: bool  # whether the backend pickles by nature, and so unpickles what it finds
    keeps_time: bool  # whether a call ends within the limit, whatever the server does
    can_mark: bool  # whether announcements can mark versions as unsettled
    can_lease: bool  # whether leases of other processes are seen there, at the price of few trips
    leaves_time: bool = False  # whether something else can be done while it is asked
    asks_database: bool = False  # whether it works over a connection of the site's to its database

    def __init__(self, alias: str, budget: float) -> None:
        self.alias = alias
        # The one that the server continues: another after a restart or a failover.
        self.history = ""
        self.limit = budget / 2  # seconds
        self.latency = Latency()
        self.reading = Circuit(f"Reading from cache {alias!r}")
        self.writing = Circuit(f"Writing to cache {alias!r}")

    def is_frozen(self) -> bool:
        """Whether an open transaction of this thread keeps the store from seeing what others write."""
        return False

    def is_quick(self) -> bool:
        """Whether the request that runs has waited so little that it may ask for more than it must."""
        request = current_patience()
        return request is None or request.asked < self.limit / 4

    def evicts(self) -> bool:
        """Whether it may drop versions before their time; asks the server."""
        return True

    def listen(self, _prefix: str, _bound: float, _most: int) -> None:
        """Let the store tell of keys with a prefix that change, of which `most` are remembered.

        What it told stands for `bound` seconds after it was asked whether it still does. Raises ImproperlyConfigured
        where it cannot.
        """
        raise ImproperlyConfigured(
            f"PAGECACHE['LOCAL'] is 'push', which needs Redis 6 or later: the cache {self.alias!r} does not tell of "
            "changes. Use 'validate' with it."
        )

    def vouch(self, _held: Held) -> bool | None:
        """Whether a page that is held stands, as the store told; None where it is to be asked."""
        return None

    def _moved(self, keys: Iterable[str]) -> None:  # noqa: B027 most stores tell nothing
        """Take note that this process changed what is under the keys, or may have."""

    def fetch(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values in the order of the keys, None for what is absent or not bytes; one trip."""
        return self._ask(self._fetch(keys), self.reading) if keys else []

    def fetching(self, keys: Sequence[str]) -> Pausing[list[bytes | None]]:
        """Ask at the first `next`, and return in the end what `fetch` returns of keys, of which there are some.

        Only a store that `leaves_time` pauses between. What is done then counts as time that the store took.
        """
        with Call(self, self.reading):
            return (yield from self._pausing(self._fetch(keys)))

    async def afetch(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return what `fetch` returns."""
        if not keys:
            return []
        with Call(self, self.reading):
            return await self._alook(self._fetch(keys))

    def put(self, items: Mapping[str, bytes], ttl: float | None) -> None:
        """Keep the items; one trip."""
        if items:
            self._ask(self._put(items, ttl), self.writing)

    async def aput(self, items: Mapping[str, bytes], ttl: float | None) -> None:
        """Do what `put` does."""
        if items:
            await self._aask(self._put(items, ttl), self.writing)

    def announce(
        self, star: str, versions: Mapping[str, bytes], ttl: float, marking: Marking | None = None
    ) -> None:
        """Write the version of `star` first and then the others; an error says that some may be missing.

        With `marking` a version keeps the marks that stand there and still count; only a store that `can_mark` does so.
        Who belongs to no request tries each time: a worker of a queue may have no other chance to tell.
        """
        with Call(self, self.writing, announces=True):
            try:
                self._run(self._announce(star, versions, ttl, marking))
            finally:
                self._moved(versions)

    async def aannounce(
        self, star: str, versions: Mapping[str, bytes], ttl: float, marking: Marking | None = None
    ) -> None:
        """Do what `announce` does."""
        with Call(self, self.writing, announces=True):
            try:
                await self._arun(self._announce(star, versions, ttl, marking))
            finally:
                self._moved(versions)

    def save(self, plan: Plan) -> Saved:
        """Save the entry if no data of it moved; return the versions that it holds, or `MOVED` or `UNSETTLED`.

        Missing versions are created, `beside` is saved and the lease given up in either case.
        """
        return self._ask(self._save(plan), self.writing)

    async def asave(self, plan: Plan) -> Saved:
        """Do what `save` does."""
        return await self._aask(self._save(plan), self.writing)

    def delete(self, keys: Sequence[str]) -> None:
        """Forget the keys."""
        if keys:
            self._ask(self._delete(keys), self.writing)

    async def adelete(self, keys: Sequence[str]) -> None:
        """Do what `delete` does."""
        if keys:
            await self._aask(self._delete(keys), self.writing)

    def _ask(self, steps: Steps[T], circuit: Circuit) -> T:
        """Perform the steps of a verb that a request waits for."""
        with Call(self, circuit):
            return self._run(steps)

    async def _alook(self, steps: Steps[T]) -> T:
        """Perform the steps of a look-up on the event loop."""
        return await self._arun(steps)

    async def _aask(self, steps: Steps[T], circuit: Circuit) -> T:
        """Perform the steps of a verb that a request waits for without blocking the event loop."""
        with Call(self, circuit):
            return await self._arun(steps)

    def lease(self, key: str, token: bytes, ttl: float, beside: str) -> Leased:
        """Put a token under a key unless something is there; return that, None where the token is there now.

        Return also the first `PROBE` bytes of the value of `beside`, read afterwards; none where it is absent.
        """
        return self._ask(self._lease(key, token, ttl, beside), self.writing)

    async def alease(self, key: str, token: bytes, ttl: float, beside: str) -> Leased:
        """Do what `lease` does."""
        return await self._aask(self._lease(key, token, ttl, beside), self.writing)

    def release(self, key: str, token: bytes, mark: bytes, ttl: float) -> None:
        """Take a token off, if it is still under the key; a mark takes its place for `ttl` seconds, unless empty."""
        self._ask(self._release(key, token, mark, ttl), self.writing)

    async def arelease(self, key: str, token: bytes, mark: bytes, ttl: float) -> None:
        """Do what `release` does."""
        await self._aask(self._release(key, token, mark, ttl), self.writing)

    @abstractmethod
    def close(self) -> None:
        """Close what is open and idle; what belongs to an event loop is closed at the end of the loop."""

    def _run(self, steps: Steps[T]) -> T:
        """Perform the steps of a verb without a pause."""
        return completed(self._pausing(steps))

    @abstractmethod
    def _pausing(self, steps: Steps[T]) -> Pausing[T]:
        """Perform the steps of a verb; whatever fails becomes a `StoreError`."""

    @abstractmethod
    async def _arun(self, steps: Steps[T]) -> T:
        """Perform the steps of a verb without blocking the event loop."""

    @abstractmethod
    def _fetch(self, keys: Sequence[str]) -> Steps[list[bytes | None]]: ...

    @abstractmethod
    def _put(self, items: Mapping[str, bytes], ttl: float | None) -> Steps[None]: ...

    @abstractmethod
    def _announce(
        self, star: str, versions: Mapping[str, bytes], ttl: float, marking: Marking | None = None
    ) -> Steps[None]: ...

    @abstractmethod
    def _save(self, plan: Plan) -> Steps[Saved]: ...

    @abstractmethod
    def _delete(self, keys: Sequence[str]) -> Steps[None]: ...

    @abstractmethod
    def _lease(self, key: str, token: bytes, ttl: float, beside: str) -> Steps[Leased]: ...

    @abstractmethod
    def _release(self, key: str, token: bytes, mark: bytes, ttl: float) -> Steps[None]: ...

    def _failed(self, steps: Steps[Any], error: Exception) -> StoreError:
        """Return the error to raise; texts of backends can hold keys, so only the kind of theirs is told."""
        verb = getattr(steps, "__name__", "steps").lstrip("_")
        detail = error if isinstance(error, Refused) else type(error).__name__
        return StoreError(f"cache {self.alias!r}: {verb} failed: {detail}")


def completed(pausing: Pausing[T]) -> T:
    """Return what comes of it, without a pause."""
    try:
        while True:
            next(pausing)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def whole_seconds(ttl: float | None) -> int | None:
    """Return a time to live that every backend takes: whole seconds, at least one."""
    return None if ttl is None else max(1, ceil(min(ttl, LONGEST_TTL)))


def milliseconds(ttl: float) -> int:
    """Return a time to live in whole milliseconds, at least one."""
    return max(1, ceil(min(ttl, LONGEST_TTL) * 1000))
