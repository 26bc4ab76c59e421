"""Entries that a process keeps open in its own memory: a hit asks the server for the versions of its tags, or for none.

Which go is found out by second chances: whoever needs room takes it from the entry that came first, unless that was
asked for since the last time; then its turn comes again later. What goes is still in the store: to lose it costs the
same for all, one trip with a body, however long the page took to make.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from sys import getsizeof
from threading import Lock
from typing import Any
from weakref import WeakSet

from pagecache.core.codec import Entry
from pagecache.core.vector import versions_in

CHANCES = 3  # that an entry can gather
SPARED = 64  # entries that one newcomer passes over, at most: making room takes no longer where there are many
OVERHEAD = 1100  # bytes of an entry for its own objects, its place and what is remembered of its head, beside its texts
PER_FIELD = 72  # bytes of one header for its pair


class Held:
    """An entry that was intact in the store, the keys of its vector's versions, and how its bytes began there."""

    __slots__ = (
        "chances",
        "dressed",
        "entry",
        "heard",
        "is_plain",
        "keys",
        "seen",
        "size",
        "stood",
        "vector",
        "versions",
    )

    def __init__(
        self, entry: Entry, vector: bytes, keys: tuple[str, ...], seen: bytes = b""
    ) -> None:
        self.entry = entry
        self.is_plain = (
            entry.is_whole and not entry.is_never_fresh
        )  # sent to everybody as it is, until its end
        self.seen = seen
        self.vector = vector
        self.keys = keys
        self.versions = versions_in(vector)
        texts = (entry.material, entry.body, vector, seen, *self.versions, *keys, *entry.tags)
        fields = (text for pair in entry.headers for text in pair)
        self.size = OVERHEAD + PER_FIELD * len(entry.headers)
        self.size += sum(map(getsizeof, texts)) + sum(map(getsizeof, fields))
        self.chances = 0
        self.heard: Any = None  # what it stood by, without a question
        # For whom it was at hand, and the latest news when that was looked at.
        self.stood: tuple[object, object] | None = None
        # What is the same in all answers with it, where everybody gets it as it is.
        self.dressed: Any = None


class Local:
    """The entries that one process holds, within a number of bytes; a forked child starts with none.

    It is asked by many threads: to look needs no lock, to change does. Who looks at `held` does not change it, and
    finds there what has ended, too, or is of an earlier history.
    """

    def __init__(self) -> None:
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._lock = Lock()
        self.held: OrderedDict[str, Held] = OrderedDict()
        self._bytes = 0
        self._history = ""

    def get(self, key: str, now: float, history: str) -> Held | None:
        """Return what is held under a key and has not ended; `now` is in seconds since the epoch.

        `history` is that of the store: where it is another than before, all that is held is of no use.
        """
        if history != self._history:
            self.clear(history)
        held = self.held.get(key)
        if held is None:
            return None
        if held.entry.expires <= now:
            self.drop(key)
            return None
        if held.chances < CHANCES:
            held.chances += 1
        return held

    def put(self, key: str, held: Held, most: int) -> None:
        """Hold an entry, and let others go until all take `most` bytes or fewer; one that takes more is not held."""
        with self._lock:
            self._let_go(key)
            if held.size > most:
                return
            self._bytes += held.size
            spared = 0
            while self._bytes > most:
                first, oldest = self.held.popitem(last=False)
                if oldest.chances and spared < SPARED:
                    oldest.chances -= 1
                    spared += 1
                    self.held[first] = oldest
                else:
                    self._bytes -= oldest.size
            self.held[key] = held

    def drop(self, key: str) -> None:
        """Let go what is held under a key."""
        with self._lock:
            self._let_go(key)

    def clear(self, history: str = "") -> None:
        """Let all go; from here on it holds what belongs to a history of the store."""
        with self._lock:
            self.held.clear()
            self._bytes = 0
            self._history = history

    def _let_go(self, key: str) -> None:
        if (held := self.held.pop(key, None)) is not None:
            self._bytes -= held.size

    def __len__(self) -> int:
        return len(self.held)

    @property
    def size(self) -> int:
        """How many bytes all take."""
        return self._bytes


_all: WeakSet[Local] = WeakSet()


def _forked() -> None:
    """Begin anew in a child: a thread of the parent may have been in the midst of a change."""
    for local in _all:
        local._begin()  # noqa: SLF001 of the same module


os.register_at_fork(after_in_child=_forked)
