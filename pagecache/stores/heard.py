"""Versions that stand until the server tells of a change.

A mark goes in before a version is asked for, and the answer is kept only where the mark still stands: what was told
meanwhile may be later than the answer. What is kept counts as long as it is known that nothing can have been missed.
The server answers at once, but tells of changes at the end of a round: what changed before a question was told before
the answer to the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial
from math import inf
from threading import Lock

from pagecache.core.vector import is_version
from pagecache.news import news

MOVED = b""  # in the place of a version that is not what it was; equals none
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)
# Gives seconds, by a clock that goes on while the machine sleeps, where it has one.
clock = time.monotonic if _BOOTTIME is None else partial(time.clock_gettime, _BOOTTIME)


class Heard:
    """Versions as one server has them, while it tells of each change over one connection.

    They stand `until` so many seconds (`bound`) after the last but one question on that connection, of those that were
    answered. At most `most` are kept. That one is not what it was is news; the end of all is seen by `until` alone.
    """

    __slots__ = (
        "_bound",
        "_is_over",
        "_last",
        "_lock",
        "_most",
        "_versions",
        "server",
        "until",
    )

    def __init__(self, server: str, bound: float, most: int) -> None:
        self.server = server  # as lines to it have it before each key
        self._bound = bound
        self._most = most
        self._lock = Lock()
        self._versions: dict[str, object] = {}
        self._last = self.until = -inf  # in seconds, by `clock`
        self._is_over = False

    @property
    def is_proven(self) -> bool:
        """Whether two questions were answered."""
        return self.until > -inf

    def ask(self, keys: Iterable[str]) -> dict[str, object]:
        """Put a mark where a version is not known; return what there is now for each key."""
        mark = object()
        with self._lock:
            if len(self._versions) > self._most:
                self._versions.clear()
                news.tell()
            there = {key: self._versions.get(key) or mark for key in keys}
            self._versions.update(there)
        return there

    def keep(self, asked: dict[str, object], answers: Iterable[tuple[str, bytes | None]]) -> None:
        """Keep what was answered where `ask` left its mark, and nothing was told since."""
        with self._lock:
            for key, answer in answers:
                before = asked.get(key)
                if before is None or self._versions.get(key) is not before or before == answer:
                    continue
                if isinstance(before, bytes) or not is_version(answer):
                    self._versions[key] = MOVED
                    news.tell()
                else:
                    self._versions[key] = answer

    def moved(self, keys: Iterable[str] | None) -> None:
        """Take note that versions are not what they were; None for all."""
        with self._lock:
            if keys is None:
                self._versions.clear()
            else:
                known = [key for key in keys if key in self._versions]
                if not known:
                    return
                for key in known:
                    self._versions[key] = MOVED
            news.tell()

    def prove(self, asked: float) -> None:
        """Take note that a question was answered, which was sent after the answer to the one before: at `asked`."""
        with self._lock:
            if not self._is_over:
                self.until, self._last = self._last + self._bound, asked

    def end(self) -> None:
        """Let nothing stand any more, whoever still has it."""
        with self._lock:
            self._is_over, self.until = True, -inf

    def stand(self, keys: Sequence[str], versions: tuple[bytes, ...]) -> bool | None:
        """Whether these are the versions of the keys; None where that is to be asked.

        In this order: the time is looked at last, for this process may stop anywhere.
        """
        until = self.until
        known = tuple(map(self._versions.get, keys))
        if clock() >= until:
            return None
        if known == versions:
            return True
        pairs = zip(known, versions, strict=True)
        return False if any(isinstance(now, bytes) and now != then for now, then in pairs) else None
