"""How long a request waits for a cache server that does not answer, and when nobody asks it any more."""

from __future__ import annotations

from contextvars import ContextVar
from math import inf
from threading import Lock
from time import monotonic

from pagecache.events import logger

FAILURES = 3  # calls that failed in a row: then it is not asked any more
CALLS = 8  # of which the shortest counts
PAUSE = 1.0  # seconds until one call finds out whether it is back


class Patience:
    """What one request has waited for cache servers, in seconds.

    Look-ups and saves are few, and all count, for as long as the server takes; of announcements there may be many, and
    those in vain count.
    """

    __slots__ = ("_in_vain", "_until", "asked", "is_over")

    def __init__(self) -> None:
        self.is_over = False
        self.asked = 0.0
        self._in_vain = 0.0
        self._until = 0.0  # by the monotonic clock

    def is_spent(self) -> bool:
        """Whether it waited in vain with an announcement a moment ago."""
        return monotonic() < self._until

    def waited(self, seconds: float, most: float) -> None:
        """Note that it waited in vain; an error that comes at once leaves patience for the next attempt."""
        self._in_vain += seconds
        if self._in_vain > most:
            self._until, self._in_vain = monotonic() + PAUSE, 0.0


patience: ContextVar[Patience | None] = ContextVar("pagecache_patience", default=None)


def current_patience() -> Patience | None:
    """Return that of the request that runs, None for what belongs to none."""
    request = patience.get()
    return None if request is None or request.is_over else request


def forgive() -> None:
    """What the request asked so far was answered in time; it waits for something else now, and then asks anew."""
    if (request := current_patience()) is not None:
        request.asked = 0.0


def begin_request() -> None:
    """What runs from here on belongs to a request."""
    patience.set(Patience())


def end_request() -> None:
    """What runs from here on belongs to none, and neither does what outlives the request elsewhere."""
    if (request := patience.get()) is not None:
        request.is_over = True
    patience.set(None)


class in_request:  # noqa: N801 read in a `with`
    """Let what runs inside belong to a request: to the one that it is a part of, or else to one of its own."""

    __slots__ = ("_is_own",)

    def __enter__(self) -> None:
        self._is_own = current_patience() is None
        if self._is_own:
            begin_request()

    def __exit__(self, *_error: object) -> None:
        if self._is_own:
            end_request()


class part_of:  # noqa: N801 read in a `with`
    """Let what runs inside belong to a request whose patience this is, and which may go on elsewhere."""

    __slots__ = ("_request", "_token")

    def __init__(self, request: Patience) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._token = patience.set(self._request)

    def __exit__(self, *_error: object) -> None:
        patience.reset(self._token)


class Latency:
    """How long a server takes at least: the shortest of the last calls.

    A call may take longer where this machine is busy. That is not the server's, and a site that is busy needs it most.
    """

    __slots__ = ("_last", "_next")

    def __init__(self) -> None:
        self._last = [inf] * CALLS
        self._next = 0

    def least(self, seconds: float) -> float:
        """Note how long a call took; return what it would have taken at least."""
        self._last[self._next] = seconds
        self._next = (self._next + 1) % CALLS
        return min(self._last)


class Circuit:
    """Breaks after some failures in a row, and lets one call through now and then, until one passes.

    Calls that failed by one and the same error count once: many wait on one connection of an event loop.

    It logs a line when failures begin, and one when they have ended.
    """

    __slots__ = ("_cause", "_failed_at", "_failures", "_lock", "_next", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._failures = 0  # in a row
        self._cause: BaseException | None = None  # of the last
        self._failed_at: float | None = None  # by the monotonic clock; None where all is well
        self._next = 0.0  # when a broken circuit lets one call through
        self._lock = Lock()

    @property
    def is_well(self) -> bool:
        """Whether no call failed lately."""
        return self._failed_at is None

    @property
    def is_broken(self) -> bool:
        """Whether calls are let through now and then only."""
        return self._failures >= FAILURES

    def admits(self) -> bool:
        """Whether a call may be made now."""
        if not self.is_broken:
            return True
        with self._lock:
            now = monotonic()
            if now < self._next:
                return False
            self._next = now + PAUSE
        return True

    def failed(self, error: Exception) -> None:
        """Note a call that failed."""
        with self._lock:
            was_well, now = self.is_well, monotonic()
            cause = error.__cause__
            self._failures += cause is None or cause is not self._cause
            self._cause = cause
            self._failed_at, self._next = now, now + PAUSE
        if was_well:
            logger.warning(
                "%s fails, so views answer; it is tried again each second: %s", self._what, error
            )

    def passed(self) -> None:
        """Note a call that passed."""
        if self.is_well:
            return
        with self._lock:
            self._failures, self._cause = 0, None
            if self._failed_at is None or monotonic() - self._failed_at < PAUSE:
                return
            self._failed_at = None
        logger.warning("%s works again.", self._what)
