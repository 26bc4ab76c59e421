"""A reader, a writer and more, step by step, in every order.

The reader is the real flow, the writer the real announcement. A step is one trip to the store, the render, or the
commit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from django.core.cache import caches
from django.http import HttpResponse

from pagecache import depends_on
from pagecache.core.keys import digest
from pagecache.engine.drive import drive
from pagecache.engine.effects import Announce, Render, Save
from pagecache.engine.flow import examine, page
from pagecache.engine.visit import forget, key_material
from pagecache.invalidation import announcer, site_names, site_store
from pagecache.recording.recorder import recording
from pagecache.stores import StoreError
from pagecache.tags import SITE, page_tag
from pagecache.versions import STAR
from tests.engine.visits import answer, data, get, visit_of

Steps = Generator[None, None, Any]
Actor = Callable[[], Steps]
Flow = Generator[Any, Any, Any]


def in_steps(flow: Flow, visit: Any, *, fused: bool = False) -> Steps:
    """Carry out a flow; stop before each step: each trip, or (fused) each verb of the store, as on Redis."""
    result: Any = None
    try:
        while True:
            effect = flow.send(result)
            if isinstance(effect, Save) and not fused:
                result = yield from on_the_store(site_store()._save(effect.plan))
            elif isinstance(effect, Announce) and not fused:
                result = yield from announcing(effect.tags)
            else:
                yield
                result = effect.run(answer(visit))
    except StopIteration as stop:
        return stop.value


def on_the_store(verb: Flow) -> Steps:
    """Carry out a verb of the store; stop before each trip."""
    own: Any = site_store()
    backend, result = own._handler.create_connection("default"), None
    try:
        while True:
            call = verb.send(result)
            yield
            result = getattr(backend, call.method)(*call.arguments)
    except StopIteration as stop:
        return stop.value


def announcing(tags: Any) -> Steps:
    with announcer._attempt(frozenset(tags)) as (star, fresh):
        yield from on_the_store(site_store()._announce(star, fresh, 60.0))


def reader(*, fused: bool = False) -> Steps:
    visit = visit_of()
    return (yield from in_steps(page(visit), visit, fused=fused))


def writer() -> Steps:
    yield
    data["value"] = "new"
    yield from announcing({"data"})


def fused_writer() -> Steps:
    yield
    data["value"] = "new"
    yield
    announcer.announce({"data"})


def flush() -> Steps:
    yield
    caches["default"].clear()


def evicting(name: str) -> Actor:
    """Return who evicts one key: of a version, of the recipe, or of the page."""

    def evict() -> Steps:
        yield
        caches["default"].delete(_keys()[name])

    return evict


KEYS = ("star", "site", "path", "data", "recipe", "page")


def _keys() -> dict[str, str]:
    names, visit = site_names(), visit_of()
    versions = names.versions((STAR, SITE, page_tag(visit.path), "data"))
    visit.found.key = names.entry(digest(key_material(visit, ())))
    return dict(zip(KEYS, (*versions, names.recipe(visit.path), visit.found.key), strict=True))


def failing_writer() -> Steps:
    """A write whose announcement breaks off after its first trip; a later request of the process repeats it."""
    yield
    data["value"] = "new"
    with suppress(StoreError), announcer._attempt(frozenset({"data"})) as (star, fresh):
        steps = on_the_store(site_store()._announce(star, fresh, 60.0))
        next(steps)
        yield
        next(steps)
        raise StoreError


def both_writer(*, fused: bool = False) -> Steps:
    """A write to two tables in one transaction."""
    yield
    data["value"] = data["other"] = "new"
    if fused:
        yield
        announcer.announce({"data", "other"})
    else:
        yield from announcing({"data", "other"})


def _rendered(visit: Any) -> Steps:
    shown = []
    for tag, name in (("data", "value"), ("other", "other")):
        yield
        with recording(visit.recorder):
            depends_on(tag)
            shown.append(data[name])
    return answer(visit, lambda _: HttpResponse(" ".join(shown)))()


def both_reader(*, fused: bool = False) -> Steps:
    """A reader of two tables, with time between them."""
    visit = visit_of()
    flow, result = page(visit), None
    try:
        while True:
            effect = flow.send(result)
            if isinstance(effect, Render):
                result = yield from _rendered(visit)
            elif isinstance(effect, Save) and not fused:
                result = yield from on_the_store(site_store()._save(effect.plan))
            else:
                yield
                result = effect.run(answer(visit))
    except StopIteration as stop:
        return stop.value


def cold() -> None:
    """Nobody has seen the page."""


def known() -> None:
    """The page was there, and its tags are known; it was evicted."""
    get()
    visit = visit_of()
    drive(examine(visit))
    site_store().delete([visit.found.key])


def known_elsewhere() -> None:
    """Another process has stored the page."""
    known()
    forget()


def stale() -> None:
    """The page is there, and it was invalidated."""
    get()
    announcer.announce({"data"})


def current() -> None:
    """The page is there, and current."""
    get()


class Search:
    """Every order of the steps of some actors."""

    def __init__(self, start: Callable[[], None], *actors: Actor) -> None:
        self.start, self.actors = start, actors
        self.orders = 0
        self.stale: list[tuple[int, ...]] = []
        self.stored = 0

    def run(self) -> Search:
        waiting: list[tuple[int, ...]] = [()]
        while waiting:
            prefix = waiting.pop()
            order, choices = self._one(prefix)
            self.orders += 1
            for place in range(len(prefix), len(order)):
                others = (actor for actor in choices[place] if actor != order[place])
                waiting += [(*order[:place], actor) for actor in others]
        return self

    def _one(self, prefix: tuple[int, ...]) -> tuple[tuple[int, ...], list[list[int]]]:
        """Run in one order: the given steps, and then the first actor that is not done."""
        caches["default"].clear()
        forget()
        announcer._failed.clear()
        data["value"] = data["other"] = "old"
        self.start()
        live = {number: actor() for number, actor in enumerate(self.actors)}
        for number in list(live):
            self._step(live, number)
        order: list[int] = []
        choices: list[list[int]] = []
        while live:
            choices.append(list(live))
            order.append(prefix[len(order)] if len(order) < len(prefix) else choices[-1][0])
            self._step(live, order[-1])
        self._judge(tuple(order))
        return tuple(order), choices

    def _step(self, live: dict[int, Steps], number: int) -> None:
        try:
            next(live[number])
        except StopIteration:
            del live[number]

    def _judge(self, order: tuple[int, ...]) -> None:
        body, status, _ = get()
        if status.startswith("hit"):
            self.stored += 1
            if "old" in body and data["value"] != "old":
                self.stale.append(order)
