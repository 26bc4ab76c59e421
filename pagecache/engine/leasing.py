"""One render for each page: who makes it holds its lease, in this process and in the store; who comes then waits.

Whoever waits is never given what the other made. When that is over it looks up as if it had come only then: it finds
a page that may be served to it, or is answered by its view. It holds nothing meanwhile that others could wait for: no
transaction, and no lease.
"""

import os
import time
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import RLock
from typing import Any

from pagecache import conf, versions
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core.keys import digest
from pagecache.core.reasons import Reason
from pagecache.core.types import Refused, remember
from pagecache.engine.effects import Fetch, Lease, Pause, Release, Wait
from pagecache.engine.visit import (
    MOST,
    Flow,
    Visit,
    key_material,
    local,
    recipes,
    uncacheable,
)
from pagecache.events import logger
from pagecache.recording.recorder import Bystander, Recorder, current
from pagecache.stores import StoreError
from pagecache.transactions import is_any_open

# For whoever makes the page, and once more if that came to nothing; then each view answers.
WAITS = 2
MARK = b"uncacheable"  # in the place of a lease: nobody needs to wait for a page that is not stored
MARK_SECONDS = 60.0
# The next render may be stored.
PASSING = frozenset({Reason.MOVED, Reason.WIDENED, Reason.TOO_FEW_HITS})
# Who waits for another process asks at first after so many seconds, then after a quarter of the time waited.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25


class Turn:
    """That one request of this process makes a page, or waits for another process that does."""

    __slots__ = ("_is_over", "_lock", "_over", "in_store", "key", "token", "until")

    def __init__(self, key: str, seconds: float, lock: AbstractContextManager[object]) -> None:
        self.key = key
        self.token = versions.fresh()
        self.until = time.monotonic() + seconds
        self.in_store = False  # whether the store may have its lease
        self._lock = lock
        self._is_over = False
        self._over: Future[None] | None = None

    @property
    def over(self) -> Future[None]:
        """What is done once the turn is over; made when somebody asks, for most end before anybody waits."""
        with self._lock:
            if self._over is None:
                self._over = Future()
                if self._is_over:
                    self._over.set_result(None)
            return self._over

    def end(self) -> None:
        """Let those go on who wait for it."""
        with self._lock:
            self._is_over, over = True, self._over
        if over is not None:
            over.set_result(None)


class Turns:
    """Whose turn it is in this process; one that has lasted too long counts no more, nor the oldest of very many."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin with none, as in a forked child: the turns there are its parent's."""
        self._turns: dict[str, Turn] = {}
        # Taken again by the thread that has it where garbage is collected meanwhile: steps that nobody takes any more
        # end their turn then.
        self._lock = RLock()

    def take(self, key: str, seconds: float) -> tuple[Turn, bool]:
        """Return whose turn it is, and whether it is the caller's."""
        with self._lock:
            turn = self._turns.get(key)
            if turn is not None and turn.until > time.monotonic():
                return turn, False
            return remember(self._turns, key, Turn(key, seconds, self._lock), MOST), True

    def end(self, turn: Turn) -> None:
        """End a turn, which is nobody's any more."""
        with self._lock:
            if self._turns.get(turn.key) is turn:
                del self._turns[turn.key]
        turn.end()


turns = Turns()
os.register_at_fork(after_in_child=turns.forget)


def take(visit: Visit, until: float) -> Flow:
    """Take the lease for the page of a request, or wait for who has it; gives whether to look up again.

    `until` is when waiting ends, by the monotonic clock.
    """
    key = _key(visit) if until > time.monotonic() else None
    if key is None or uncacheable.get(key, 0.0) > time.time():
        return False
    turn, is_ours = turns.take(key, conf.get().options.WAIT_SECONDS)
    if not is_ours:
        yield Wait(turn.over, until - time.monotonic())
        return True
    visit.found.turn = turn
    is_ahead = yield from _is_ahead(visit, turn, until)
    if is_ahead:
        yield from release(visit)
    return is_ahead


def is_made_anew(visit: Visit) -> Flow:
    """Whether somebody makes the page already that the request would make; else its lease is taken."""
    key, seconds = _key(visit), conf.get().options.WAIT_SECONDS
    if key is None or not seconds or uncacheable.get(key, 0.0) > time.time():
        return visit.asked.method == "HEAD" and bool(seconds) and not visit.is_checked(draw=1)
    turn, is_ours = turns.take(key, seconds)
    if not is_ours:
        return True
    visit.found.turn = turn
    is_ahead = yield from _is_ahead(visit, turn, until=0.0)
    if is_ahead:
        yield from release(visit)
    return is_ahead


def _is_ahead(visit: Visit, turn: Turn, until: float) -> Flow:
    """Take the lease in the store; gives whether somebody else was faster, after waiting for who holds it."""
    turn.in_store = site_store().can_lease
    if not turn.in_store:
        return False
    beside = visit.found.key or site_names().recipe(visit.path)
    try:
        holder, value = yield Lease(turn.key, turn.token, conf.get().options.WAIT_SECONDS, beside)
        if holder is None:
            is_other = visit.alias is None and not _begins(value, visit.found.seen)
            if is_other:
                local.drop(visit.found.key)
            return is_other
        turn.in_store = False
        if holder != MARK:
            holder = yield from _when_over(turn.key, holder, until)
    except StoreError:
        turn.in_store = False  # it is not asked again
        yield from release(visit)
        raise
    if holder == MARK:
        _mark(turn)
        yield from release(visit)
        return False
    if until:
        recipes.pop(visit.path, None)  # the other may have learned of inputs
    return True


def _begins(value: bytes, seen: bytes) -> bool:
    """Whether what is there began so when it was seen; nothing is nothing still."""
    return value.startswith(seen) if seen else not value


def _when_over(key: str, holder: bytes, until: float) -> Flow:
    """Wait until a lease of another process is over; gives what stands in its place then."""
    began = now = time.monotonic()
    while now < until:
        pause = min(max((now - began) / 4, FIRST_PAUSE), LONGEST_PAUSE)
        yield Pause(min(pause, until - now))
        (value,) = yield Fetch((key,))
        if value != holder or not site_store().is_quick():
            return value
        now = time.monotonic()
    return holder


def release(visit: Visit, reason: Reason | None = None) -> Flow:
    """Give up the lease, if the request has one; a page that was refused for a reason needs none for a while."""
    turn, visit.found.turn = visit.found.turn, None
    if turn is None:
        return
    is_marked = reason is not None and reason not in PASSING
    try:
        if is_marked:
            _mark(turn)
        if turn.in_store and reason is not Reason.STORE and not announcer.owed:
            yield Release(turn.key, turn.token, MARK if is_marked else b"", MARK_SECONDS)
    except StoreError as error:
        logger.warning("A lease lapses by itself, since it could not be given up: %s", error)
    finally:
        turns.end(turn)


def _mark(turn: Turn) -> None:
    remember(uncacheable, turn.key, time.time() + MARK_SECONDS, MOST)


def holding(steps: Generator[Any, Any, Any], visit: Visit) -> Flow:
    """Take steps in which a lease may be taken, and give it up if they end before their time."""
    try:
        return (yield from steps)
    except GeneratorExit:
        if (turn := visit.found.turn) is not None:
            turns.end(turn)
        raise
    except BaseException:
        yield from release(visit)
        raise


def _key(visit: Visit) -> str | None:
    """Return the key of the lease for the page of a request, None where nobody is to wait for it, nor it for others."""
    found = visit.found
    is_storable = found.reason is None and found.proof is None and visit.asked.method == "GET"
    is_asked = found.known is not None and found.known.is_never_fresh
    if not is_storable or is_asked or found.forward == "request" or conf.get().options.SHADOW:
        return None
    if not site_store().is_quick() or _is_inside(visit) or is_any_open():
        return None
    if found.key or found.has_recipe:
        return f"{found.key}:lease" if found.key else None
    try:
        return f"{site_names().entry(digest(key_material(visit, ())))}:lease"
    except Refused:
        return None


def _is_inside(visit: Visit) -> bool:
    """Whether another page, for which others may wait, asked for this one while it was made."""
    belongs = current.get()
    if isinstance(belongs, Bystander):
        belongs = belongs.outer
    return isinstance(belongs, Recorder) and belongs is not visit.recorder
