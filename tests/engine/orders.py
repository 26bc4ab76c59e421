"""A reader, a writer and more, step by step, in every order.

The reader is the real flow, the writer the real announcement. A step is one trip to the store, the render, or the
commit. Where two steps next to each other touch different things, one of their orders is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from django.core.cache import caches
from django.http import HttpResponse

from pagecache import depends_on
from pagecache.announcing import Due, announcer, site_names, site_store
from pagecache.core.keys import digest
from pagecache.engine.drive import drive
from pagecache.engine.effects import Announce, Fetch, Lease, Pause, Put, Render, Save, Wait
from pagecache.engine.flow import examine, page
from pagecache.engine.visit import forget, key_material, local
from pagecache.recording.recorder import recording
from pagecache.stores import StoreError
from pagecache.tags import SITE, page_tag
from pagecache.versions import STAR
from tests.engine.visits import View, answer, data, get, show, visit_of

Touched = (
    str | Callable[[], bool] | None
)  # what a step touches, None for anything; or when it can be taken
Steps = Generator[Touched, None, Any]  # before each step
Actor = Callable[[], Steps]
Flow = Generator[Any, Any, Any]
taken = [0]  # steps, of all actors


def in_steps(flow: Flow, visit: Any, *, fused: bool = False, view: View = show) -> Steps:
    """Carry out a flow; stop before each step: each trip, or (fused) each verb of the store, as on Redis."""
    result: Any = None
    proceed: Callable[[Any], Any] = flow.send
    try:
        while True:
            effect, proceed = proceed(result), flow.send
            if isinstance(effect, Save) and not fused:
                result = yield from on_the_store(site_store()._save(effect.plan))
            elif isinstance(effect, Lease) and not fused:
                taking = effect.key, effect.token, effect.seconds, effect.beside
                result = yield from on_the_store(site_store()._lease(*taking))
            elif isinstance(effect, Announce) and not fused:
                result = yield from announcing(effect.tags)
            else:
                yield _touched(effect)
                if isinstance(effect, Pause | Wait):
                    result = None
                    continue
                try:
                    result = effect.run(answer(visit, view))
                except StoreError as error:
                    result, proceed = error, flow.throw
    except StopIteration as stop:
        return stop.value


def _touched(effect: Any) -> Touched:
    """Return what an effect touches; who waits goes on when that is over, who pauses when another took a step."""
    if isinstance(effect, Wait):
        return effect.over.done
    if isinstance(effect, Pause):
        then = taken[0]
        return lambda: taken[0] > then
    if isinstance(effect, Render):
        return "read"
    return "store" if isinstance(effect, Announce | Fetch | Put | Save) else None


def on_the_store(verb: Flow) -> Steps:
    """Carry out a verb of the store; stop before each trip."""
    own: Any = site_store()
    backend, result = own._handler.create_connection("default"), None
    try:
        while True:
            call = verb.send(result)
            yield "store"
            result = getattr(backend, call.method)(*call.arguments)
    except StopIteration as stop:
        return stop.value


def announcing(tags: Any) -> Steps:
    with announcer._attempt(Due(frozenset(tags))) as announcement:
        yield from on_the_store(site_store()._announce(*announcement))


def reader(*, fused: bool = False, view: View = show) -> Steps:
    visit = visit_of()
    return (yield from in_steps(page(visit), visit, fused=fused, view=view))


def writer() -> Steps:
    yield "write"
    data["value"] = "new"
    yield from announcing({"data"})


def fused_writer() -> Steps:
    yield "write"
    data["value"] = "new"
    yield "store"
    announcer.announce({"data"})


def flush() -> Steps:
    yield "store"
    caches["default"].clear()


def evicting(name: str) -> Actor:
    """Return who evicts one key: of a version, of the recipe, or of the page."""

    def evict() -> Steps:
        yield "store"
        site_store().delete([_keys()[name]])

    return evict


KEYS = ("star", "site", "path", "data", "recipe", "page")


def _keys() -> dict[str, str]:
    names, visit = site_names(), visit_of()
    versions = names.versions((STAR, SITE, page_tag(visit.path), "data"))
    visit.found.key = names.entry(digest(key_material(visit, ())))
    return dict(zip(KEYS, (*versions, names.recipe(visit.path), visit.found.key), strict=True))


def failing_writer() -> Steps:
    """A write whose announcement breaks off after its first trip; a later request of the process repeats it."""
    yield "write"
    data["value"] = "new"
    with suppress(StoreError), announcer._attempt(Due(frozenset({"data"}))) as announcement:
        steps = on_the_store(site_store()._announce(*announcement))
        next(steps)
        yield None
        next(steps)
        raise StoreError


def both_writer(*, fused: bool = False) -> Steps:
    """A write to two tables in one transaction."""
    yield "write"
    data["value"] = data["other"] = "new"
    if fused:
        yield "store"
        announcer.announce({"data", "other"})
    else:
        yield from announcing({"data", "other"})


def _rendered(visit: Any) -> Steps:
    shown = []
    for tag, name in (("data", "value"), ("other", "other")):
        yield "read"
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
                yield _touched(effect)
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
    local.clear()


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


Choices = dict[int, Touched]  # the actors that can step next, and what they touch


def _can_swap(before: int, then: int, choices: Choices) -> bool:
    """Whether the same comes of the steps in the other order, which is searched too."""
    pair = [choices[before], choices.get(then)]
    apart = pair == ["read", "read"] or ("store" in pair and not {"read", "write"}.isdisjoint(pair))
    return then < before and then in choices and apart


def _can_step(what: Touched) -> bool:
    return what() if callable(what) else True


class Search:
    """Every order of the steps of some actors."""

    def __init__(
        self,
        start: Callable[[], None],
        *actors: Actor,
        view: View = show,
        later: Callable[[], None] | None = None,
    ) -> None:
        self.start, self.actors = start, actors
        self.view, self.later = (
            view,
            later,
        )  # what is looked at in the end, and again after what comes later
        self.orders = 0
        self.stale: list[tuple[int, ...]] = []
        self.stored = self.hits_later = 0

    def run(self) -> Search:
        waiting: list[tuple[int, ...]] = [()]
        while waiting:
            prefix = waiting.pop()
            order, choices = self._one(prefix)
            self.orders += 1
            for place in range(len(prefix), len(order)):
                others = (actor for actor in choices[place] if actor != order[place])
                waiting += [
                    (*order[:place], actor)
                    for actor in others
                    if place == 0 or not _can_swap(order[place - 1], actor, choices[place - 1])
                ]
        return self

    def _one(self, prefix: tuple[int, ...]) -> tuple[tuple[int, ...], list[Choices]]:
        """Run in one order: the given steps, and then the first actor that is not done."""
        caches["default"].clear()
        forget()
        announcer.owed.clear()
        data["value"] = data["other"] = "old"
        self.start()
        live = {number: actor() for number, actor in enumerate(self.actors)}
        touched: Choices = {}
        for number in list(live):
            self._step(live, touched, number)
        order: list[int] = []
        choices: list[Choices] = []
        while live:
            choices.append({actor: what for actor, what in touched.items() if _can_step(what)})
            first = next(iter(choices[-1]))
            order.append(prefix[len(order)] if len(order) < len(prefix) else first)
            self._step(live, touched, order[-1])
        self._judge(tuple(order))
        return tuple(order), choices

    def _step(self, live: dict[int, Steps], touched: Choices, number: int) -> None:
        taken[0] += 1
        try:
            touched[number] = next(live[number])
        except StopIteration:
            del live[number]
            touched.pop(number, None)

    def _judge(self, order: tuple[int, ...]) -> None:
        self.stored += self._is_hit(order)
        if self.later is not None:
            self.later()
            self.hits_later += any(self._is_hit(order) for _ in range(3))

    def _is_hit(self, order: tuple[int, ...]) -> bool:
        body, status, _ = get(view=self.view)
        is_hit, shown = status.startswith("hit"), body.split()
        if is_hit and shown != [data["value"], data["other"]][: len(shown)]:
            self.stale.append(order)
        return is_hit
