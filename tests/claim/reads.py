"""Single reads of a view: of which surface, where, by which way to the request, and on what condition."""

from __future__ import annotations

import copy
import random
import zlib
from asyncio import create_task, get_running_loop
from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable
from threading import Thread
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.utils.functional import SimpleLazyObject

from tests.claim.surfaces import SURFACES, is_hole
from tests.claim.ways import TOKEN, Use

VIEW, LATE = "view", "late template"
BEFORE, IN_VIEW, AFTER, LAZY = "before", "process_view", "after", "lazy attribute"
INSIDE = (BEFORE, IN_VIEW, AFTER, LAZY)  # of the site's middleware


@dataclass(frozen=True)
class When:
    """A condition: the read with a number showed a text of this parity."""

    number: int
    parity: int

    def holds(self, shown: dict[int, str]) -> bool:
        text = TOKEN.sub("", shown.get(self.number, "")).encode("utf-8", "replace")
        return self.number in shown and zlib.crc32(text) % 2 == self.parity

    def __str__(self) -> str:
        return f" if the text of #{self.number} has parity {self.parity}"


@dataclass(frozen=True)
class Read:
    """One read; its number is its name."""

    number: int
    surface: str
    use: str
    name: str
    via: str = "itself"
    place: str = VIEW
    when: When | None = None

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        via = "" if self.via == "itself" else f", via {self.via}"
        condition = self.when or ""
        return f"#{self.number} {self.place}: {self.surface}: {self.use}{name}{via}{condition}"

    @property
    def about(self) -> dict[str, tuple[Any, ...]]:
        """The dimensions in which visitors may differ for it, with the values that matter."""
        of = SURFACES[self.surface]
        return {prefix.format(self.name): of.values.get(prefix, ()) for prefix in of.about}

    def found(self, request: Any) -> Any:
        """Return what it finds: a value, or what will be one."""
        use = SURFACES[self.surface].uses[self.use]
        return VIAS[self.via](use, request, self.name)


class Wrapper:
    """Stands for a request and hands on what it does not know, as those of REST frameworks do."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def __repr__(self) -> str:
        return f"Wrapper({self._request!r})"


def text_of(read: Callable[[], Any]) -> str:
    """Return what a read finds as text, or the name of what it raises."""
    try:
        return str(read())
    except Exception as error:  # noqa: BLE001 a view may handle whatever it is
        return type(error).__name__


async def text_soon(read: Callable[[], Any]) -> str:
    """Return the same of what is to be awaited."""
    try:
        found = read()
        return str(await found if isawaitable(found) else found)
    except Exception as error:  # noqa: BLE001 the same
        return type(error).__name__


def _elsewhere(use: Use, request: Any, name: str) -> str:
    """Read on a thread that ends."""
    try:
        return text_of(lambda: use(request, name))
    finally:
        connections.close_all()


def _in_thread(use: Use, request: Any, name: str) -> str:
    found: list[str] = []
    thread = Thread(target=lambda: found.append(_elsewhere(use, request, name)))
    thread.start()
    thread.join()
    return found[0]


def _lazily(use: Use, request: Any, name: str) -> Any:
    return SimpleLazyObject(lambda: text_of(lambda: use(request, name)))


def _in_executor(use: Use, request: Any, name: str) -> Any:
    return get_running_loop().run_in_executor(None, _elsewhere, use, request, name)


async def _soon(use: Use, request: Any, name: str) -> Any:
    return use(request, name)


VIAS: dict[str, Callable[[Use, Any, str], Any]] = {
    "itself": lambda use, request, name: use(request, name),
    "copy": lambda use, request, name: use(copy.copy(request), name),
    "wrapper": lambda use, request, name: use(Wrapper(request), name),
    "thread": _in_thread,
    "lazy": _lazily,
    "sync_to_async": lambda use, request, name: sync_to_async(use)(request, name),
    "executor": _in_executor,
    "task": lambda use, request, name: create_task(_soon(use, request, name)),
}
FROM_LOOP = ("sync_to_async", "executor", "task")


def read_of(dice: random.Random, name: str, reads: list[Read], places: list[str]) -> Read:
    """Return a random read of a surface, which follows others, in one of some places."""
    surface, place, vias = SURFACES[name], dice.choice(places), ["itself"]
    if is_hole(name):
        vias = ["sync_to_async"] if place == VIEW_ON_LOOP else ["itself", "copy", "wrapper", "lazy"]
    elif not surface.on_loop and "written over" not in name:
        vias += [*vias * 4, "copy", "wrapper", "thread", "lazy"]
        vias += FROM_LOOP * 2 * (place == VIEW_ON_LOOP)
    when = None
    known = [read for read in reads if not SURFACES[read.surface].own]
    if known and dice.random() < 0.3:
        when = When(dice.choice(known).number, dice.randrange(2))
    use, named = dice.choice(list(surface.uses)), dice.choice(surface.names)
    place = VIEW if place == VIEW_ON_LOOP else place
    return Read(len(reads), name, use, named, dice.choice(vias), place, when)


VIEW_ON_LOOP = "view on the loop"
