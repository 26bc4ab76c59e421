"""Hears from a Redis of each version that changes: one connection for a process, in a thread of its own.

It asks again and again who answers, and whether that takes writes, as each look-up does. Whatever is not as it should
be ends it, and with it all that was known; then versions are asked for, until a new connection is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any
from weakref import WeakSet

from redis.exceptions import ResponseError

from pagecache.events import logger
from pagecache.stores.base import Refused
from pagecache.stores.dial import Dialer
from pagecache.stores.heard import Heard, clock
from pagecache.stores.lines import IDENTITY, TAKES_WRITES, Line, checked, hold_to
from pagecache.stores.talk import Talk

BEATS = 4  # questions within the time for which versions stand
PAUSE = 1.0  # seconds until another connection is opened


class EarTalk(Talk):
    """What is said over a connection on which the server also tells what nobody asked for."""

    __slots__ = ("heard", "prefix")

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.heard: Heard | None = None
        wants_function = getattr(connection._parser, "set_invalidation_push_handler", None)  # noqa: SLF001
        if wants_function is not None:
            wants_function(lambda told: told)

    def _answer(self) -> Any:
        """Return the next answer, and take note of what is told before it."""
        while (answer := self._next()) is None or isinstance(answer, list):
            self._hear(answer)
        return answer

    def listen(self, until: float) -> None:
        """Take note of what is told until then, by the monotonic clock."""
        while (left := until - monotonic()) > 0:
            if self._connection.can_read(timeout=left):
                self._hear(self._next())

    def _next(self) -> Any:
        try:
            return self._connection.read_response(push_request=True)
        except ResponseError as error:
            return error

    def _hear(self, told: Any) -> None:
        if self.heard is not None and told and told[0] == b"invalidate":
            keys, start = told[1], len(self.heard.server)
            self.heard.moved(None if keys is None else [key[start:].decode() for key in keys])


class Ear(Line):
    """A line on which the server tells of changes."""

    __slots__ = ()
    protocol = 3
    _talk: EarTalk

    def _begin(self) -> None:
        self._talk = EarTalk(self._connection)

    def hear(self, prefix: str, heard: Heard) -> None:
        """Let the server tell of each change of keys with a prefix."""
        self._talk.heard = heard
        checked(self.exchange(((("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX"), (prefix,), ()),)))

    def ask(self) -> None:
        """Wait until the server has answered; raises Refused where it is not the one it was, or takes no writes."""
        said = checked(self.exchange((*IDENTITY, TAKES_WRITES)))
        hold_to(self.prefix, said[: len(IDENTITY)])

    def listen(self, seconds: float) -> None:
        """Take note of what is told in the next seconds."""
        self._talk.listen(monotonic() + seconds)


class Asked:
    """What was not known of versions when they were asked for."""

    __slots__ = ("_heard", "_marks")

    def __init__(self, heard: Heard, marks: dict[str, object]) -> None:
        self._heard = heard
        self._marks = marks

    def keep(self, keys: Sequence[str], answers: Sequence[bytes | None]) -> None:
        """Keep the answers of which nothing was told meanwhile."""
        self._heard.keep(self._marks, zip(keys, answers, strict=True))


class Listener:
    """Hears of versions in a thread, which begins when somebody asks for one; a forked child begins anew."""

    def __init__(self, dialer: Dialer, alias: str, prefix: str, bound: float, most: int) -> None:
        self._dialer = dialer
        self._alias = alias
        self._prefix = prefix
        self._bound = bound
        self._most = most
        self._begin_anew()
        _all.add(self)

    def fork(self) -> None:
        """Begin anew in a child: threads and connections are its parent's, and one that is left open is never read."""
        if self._ear is not None:
            self._ear.close()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = Lock()
        self._over = Event()
        self._thread: Thread | None = None
        self._ear: Ear | None = None
        self.heard: Heard | None = None  # nothing, as long as it does not listen
        self._is_well = True

    def ask(self, keys: Iterable[str], server: str) -> Asked | None:
        """Take note that versions are asked for on a line to a server; None where nothing is heard from that one."""
        heard = self.heard
        if heard is None:
            self._begin()
            return None
        if heard.server != server:
            return None
        return Asked(heard, heard.ask(key for key in keys if key.startswith(self._prefix)))

    def moved(self, keys: Iterable[str]) -> None:
        """Take note that this process changed versions itself."""
        if (heard := self.heard) is not None:
            heard.moved(keys)

    def hold_to(self, server: str) -> None:
        """Listen to no other server than this one, which lines lead to now."""
        heard = self.heard
        if heard is not None and heard.server != server:
            self._end()

    def close(self) -> None:
        """Hear no more."""
        self._over.set()
        self._end()

    def _end(self) -> None:
        """Know nothing any more; pages that stood by it do not before changes go unheard."""
        with self._lock:
            if self.heard is not None:
                self.heard.end()
            self.heard = None

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._over.is_set():
                name = f"pagecache-{self._alias}"
                thread = Thread(target=self._run, args=(self._over,), name=name, daemon=True)
                with suppress(RuntimeError):  # the process ends, or may have no more now
                    thread.start()
                    self._thread = thread

    def _run(self, over: Event) -> None:
        while not over.is_set():
            try:
                self._listen(over)
            except Exception as error:  # noqa: BLE001 whatever it is, versions are asked for
                if not over.is_set():
                    self._failed(error)
            finally:
                self._end()
            over.wait(PAUSE)

    def _listen(self, over: Event) -> None:
        """Open a connection, and hear until it is of no use any more; raises what ended it."""
        ear = self._ear = self._dialer.dial(Ear, self._bound)
        try:
            heard = Heard(ear.prefix, self._bound, self._most)
            ear.hear(self._prefix, heard)
            with self._lock:
                self.heard = heard
            while not over.is_set() and self.heard is heard:
                asked = clock()
                ear.ask()
                heard.prove(asked)
                if heard.is_proven:
                    self._passed()
                    ear.listen(self._bound / BEATS)
        finally:
            self._ear = None
            ear.close()

    def _failed(self, error: Exception) -> None:
        if self._is_well:
            detail = error if isinstance(error, Refused) else type(error).__name__
            logger.warning(
                "Cache %r does not tell of changes, so it is asked at each hit: %s",
                self._alias,
                detail,
            )
        self._is_well = False

    def _passed(self) -> None:
        if not self._is_well:
            logger.warning("Cache %r tells of changes again.", self._alias)
        self._is_well = True


_all: WeakSet[Listener] = WeakSet()


def _forked() -> None:
    for listener in _all:
        listener.fork()


os.register_at_fork(after_in_child=_forked)
