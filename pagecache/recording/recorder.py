"""The recorder of one render, and how code that runs inside the render finds it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from enum import Enum, auto
from typing import Generic, TypeVar

from pagecache import conf
from pagecache.core.holes import Given
from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, META, Input, Policy
from pagecache.rows import Shape

T = TypeVar("T")

_ticks = itertools.count(1)


def tick() -> int:
    """Return a number larger than all before, to tell what began before what."""
    return next(_ticks)


class Recorder:
    """What one render read, and what speaks against storing it."""

    __slots__ = (
        "_rows",
        "_tags",
        "addressed",
        "asked_time",
        "began",
        "encoding",
        "epoch",
        "expires",
        "given",
        "inputs",
        "is_over",
        "lapses",
        "policy",
        "refusals",
        "routed",
        "understood_vary",
    )

    def __init__(self) -> None:
        self.epoch = tick()  # start versions are read before it; what a transaction sees is not
        self.began = time.time()  # in seconds since the epoch
        self.is_over = True  # but while the page is being made
        self.inputs: set[Input] = set()
        self.given: list[Given] = []  # for the holes of the page
        self._tags: set[str] = set()
        self._rows: dict[Shape, set[str]] = {}
        self.refusals: dict[Reason, None] = {}
        self.expires: float | None = None  # seconds since the epoch
        self.lapses: float | None = None  # likewise: whatever else is said, it holds no longer
        self.asked_time = False  # or chance, through SQL
        self.policy: Policy | None = None  # what a decorator inside the render stated
        self.encoding: str | None = None  # of the request at the look-up
        self.routed: tuple[object, ...] = ()  # what route and language are found by, at the look-up
        self.addressed: tuple[object, ...] = ()  # what scheme and host are made of, at the look-up
        self.understood_vary: set[str] = set()  # names that stock middleware added to Vary

    def read(self, kind: str, name: str = "") -> None:
        """Record that the page looked at one input of its request."""
        aside = muted.get()
        if aside is True or kind == implied.get():
            return
        (self.inputs if aside is False else aside).add(Input(kind, name))

    def refuse(self, reason: Reason) -> None:
        """Record that the page must not be stored."""
        self.refusals[reason] = None

    def refuse_read(self, reason: Reason) -> None:
        """Record that the page looked at something of its request that no key can hold."""
        match muted.get():
            case False:
                self.refuse(reason)
            case set() as aside:
                aside.add(Input(COOKIE if reason is Reason.ALL_COOKIES else META, "*"))

    @property
    def tags(self) -> set[str]:
        """The tags of the data that the page depends on: of single rows as long as they are few, else of tables."""
        rows = {shape: tags for shape, tags in self._rows.items() if shape.tag not in self._tags}
        most = conf.get().options.MAX_ROWS
        while sum(map(len, rows.values())) > most:
            rows[max(rows, key=lambda shape: len(rows[shape]))] = set()
        return self._tags.union(
            *(tags | {shape.rows} if tags else {shape.tag} for shape, tags in rows.items())
        )

    @property
    def possible_tags(self) -> set[str]:
        """All tags that may come to stand for the data that was read, when more is."""
        if not self._rows:
            return self._tags
        rows = (tags | {shape.tag, shape.rows} for shape, tags in self._rows.items())
        return self._tags.union(*rows)

    def depend(self, tags: Iterable[str]) -> None:
        """Record what data the page depends on."""
        self._tags.update(tags)

    def depend_on_rows(self, shape: Shape, tags: set[str]) -> None:
        """Record on which rows of a table the page depends; its own tag among theirs stands for all."""
        if shape.tag in tags:
            self._tags.add(shape.tag)
        elif tags:
            self._rows.setdefault(shape, set()).update(tags)

    def expire(self, when: float) -> None:
        """Record that the page ends at a time, in seconds since the epoch; the earliest wins."""
        self.expires = when if self.expires is None else min(self.expires, when)

    def lapse(self, when: float) -> None:
        """Record that what the page went by holds until a time, in seconds since the epoch; the earliest wins."""
        self.lapses = when if self.lapses is None else min(self.lapses, when)


class Bystander:
    """Stands for a request whose page is not recorded."""

    __slots__ = ("is_over", "outer")

    def __init__(self, outer: Recorder | Bystander | None = None) -> None:
        self.is_over = False
        self.outer = outer  # what the code belonged to that made this request


class Unrecorded(Bystander):
    """Stands for a request that pagecache leaves to its view."""

    __slots__ = ()


# What the running code belongs to. Threads and tasks that outlive a request keep it, and then belong to none.
current: ContextVar[Recorder | Bystander | None] = ContextVar("pagecache_recorder", default=None)
# What is read now: recorded (False), known without recording (True), or written down elsewhere (a set).
muted: ContextVar[bool | set[Input]] = ContextVar("pagecache_muted", default=False)
# The kind of input that is read only to find another one, which is recorded.
implied: ContextVar[str | None] = ContextVar("pagecache_implied", default=None)
active: set[Recorder] = set()


class CacheCall(Enum):
    """Whose call of a cache backend the running code is a part of."""

    SITE = auto()
    OWN = auto()  # the store's, or a session's


cache_call: ContextVar[CacheCall | None] = ContextVar("pagecache_cache_call", default=None)


def recorder() -> Recorder | None:
    """Return the recorder of the render that the running code belongs to."""
    render = current.get()
    return render if isinstance(render, Recorder) else None


def listener() -> Recorder | None:
    """Return the recorder that hears of data which the running code reads.

    Code of no request may have been asked by any: no page that is being made is stored then.
    """
    render = current.get()
    if render is None or render.is_over:
        refuse_all(Reason.FOREIGN)
        return None
    return render if isinstance(render, Recorder) else None


class recording(AbstractContextManager[None]):  # noqa: N801 read in a `with`
    """Record what runs inside; with None, run it as part of a request that is not recorded.

    Code that is not recorded itself may have made the request: what it asks for is.
    """

    __slots__ = ("_belongs", "_current", "_implied", "_muted", "_render")

    def __init__(self, render: Recorder | None) -> None:
        self._render = render
        self._belongs = Unrecorded() if render is None else render

    def __enter__(self) -> None:
        self._current = current.set(self._belongs)
        self._belongs.is_over = False
        if self._render is not None:
            active.add(self._render)
        self._muted, self._implied = muted.set(False), implied.set(None)

    def __exit__(self, *_error: object) -> None:
        implied.reset(self._implied)
        muted.reset(self._muted)
        if self._render is not None:
            active.discard(self._render)
        self._belongs.is_over = True
        current.reset(self._current)


def begin_request() -> None:
    """What runs from here on belongs to a request, recorded or not; a page that asked for another is not stored."""
    outer = current.get()
    if isinstance(outer, Recorder):
        outer.refuse(Reason.NESTED)
    elif outer is not None:
        outer.outer = None  # where ends are not told, the chain must not grow
    current.set(Bystander(outer))


def end_request() -> None:
    """What runs from here on belongs to who made the request that ends."""
    ended = current.get()
    if isinstance(ended, Bystander):
        ended.is_over = True
        current.set(ended.outer)


class holding(AbstractContextManager[None], Generic[T]):  # noqa: N801 read in a `with`
    """Let a variable of the context have a value inside."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_error: object) -> None:
        self._variable.reset(self._token)


def quietly(aside: set[Input] | None = None) -> AbstractContextManager[None]:
    """Do not record the request inputs read inside: what they lead to is known or keyed in another way.

    They are written down aside, as `*` what was read as a whole.
    """
    return holding(muted, True if aside is None else aside)


def implying(kind: str | None) -> AbstractContextManager[None]:
    """Do not record one kind of input inside: it is read only to find another one, which is recorded."""
    return holding(implied, kind)


def refuse_all(reason: Reason) -> None:
    """Something happened that no render can be told from: none that is under way is stored."""
    for render in active.copy():
        render.refuse(reason)
