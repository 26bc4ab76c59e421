"""One reader and one writer in every order of their steps: nothing stale is served afterwards.

With one rule of the protocol taken away the same search finds a stale page, so it would find others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.core.cache import caches

from pagecache import versions
from pagecache.announcing import announcer, site_names
from pagecache.core.vector import held_still, is_version
from pagecache.engine.effects import Fetch, Render, Save
from pagecache.engine.flow import keep, page
from pagecache.engine.looking import look_up
from pagecache.stores import generic
from tests.engine.orders import (
    KEYS,
    Flow,
    Search,
    Steps,
    announcing,
    both_reader,
    both_writer,
    cold,
    current,
    evicting,
    failing_writer,
    flush,
    fused_writer,
    in_steps,
    known,
    known_elsewhere,
    on_the_store,
    reader,
    stale,
    writer,
)
from tests.engine.visits import answer, data, visit_of


@pytest.fixture(autouse=True)
def _memory(settings: Any) -> None:
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "orders"}
    settings.CACHES = {"default": memory}
    settings.PAGECACHE = {**settings.PAGECACHE, "WAIT_SECONDS": 0}
    caches["default"].clear()


STARTS = [cold, known, known_elsewhere, stale, current]


@pytest.mark.parametrize("start", STARTS)
def test_nothing_stale_is_served_after_a_write(start: Callable[[], None]) -> None:
    search = Search(start, reader, writer).run()
    assert search.stale == []
    assert search.orders > 3
    assert search.stored, "some orders store the page"


@pytest.mark.parametrize("start", [cold, known, current])
def test_nothing_stale_is_served_after_a_write_and_a_flush(start: Callable[[], None]) -> None:
    search = Search(start, reader, writer, flush).run()
    assert search.stale == []
    assert search.orders > 100


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("start", [cold, known, current])
def test_nothing_stale_is_served_after_a_write_and_an_eviction(
    start: Callable[[], None], key: str
) -> None:
    search = Search(start, reader, writer, evicting(key)).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 2


@pytest.mark.parametrize("start", [cold, known, current])
def test_nothing_stale_is_served_after_an_announcement_that_failed(
    start: Callable[[], None],
) -> None:
    search = Search(start, reader, failing_writer).run()
    assert search.stale == []
    assert search.orders > 1


@pytest.mark.parametrize("start", [cold, known])
def test_a_page_of_two_tables_has_both_as_they_are(start: Callable[[], None]) -> None:
    search = Search(start, both_reader, both_writer).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 10
    assert search.stored, "some orders store the page"


def test_two_readers_of_two_tables_leave_nothing_stale_where_a_verb_is_one_trip() -> None:
    fused = partial(both_reader, fused=True)
    writes = partial(both_writer, fused=True)
    search = Search(announcer.announce, fused, fused, writes).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 500


def test_two_readers_and_a_write_leave_nothing_stale_where_a_verb_is_one_trip() -> None:
    search = Search(
        announcer.announce, partial(reader, fused=True), partial(reader, fused=True), fused_writer
    )
    assert search.run().stale == []
    assert search.orders > 300


def late_start(visit: Any) -> Flow:
    """The rule taken away: start versions are read before the render."""
    response = yield Render(visit)
    yield from look_up(visit)
    return (yield from keep(visit, response))


def test_teeth_start_versions_read_after_the_render() -> None:
    def careless() -> Steps:
        visit = visit_of()
        return (yield from in_steps(late_start(visit), visit))

    assert Search(cold, careless, writer).run().stale


def test_teeth_the_star_written_last() -> None:
    def careless() -> Steps:
        yield None
        data["value"] = "new"
        keys = site_names().versions(("data", versions.STAR))
        for key in keys:
            yield from on_the_store(generic._write({key: versions.fresh()}, 60.0))

    assert Search(cold, reader, careless).run().stale


def test_teeth_the_star_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def star_first(_self: Any, plan: Any) -> Flow:
        (star_end,) = yield from generic._read((plan.star,))
        ends = yield from generic._created(plan)
        held = held_still(plan, ends, star_end)
        if held:
            yield from generic._write({plan.key: plan.head + b"".join(ends) + plan.tail}, 60.0)
        return ends if held else None

    monkeypatch.setattr(generic.GenericStore, "_save", star_first)
    assert Search(cold, reader, writer).run().stale


def test_teeth_the_star_not_compared_for_newly_met_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    def still(plan: Any, ends: Any, _star: Any) -> bool:
        pairs = zip(plan.tags, ends, strict=True)
        return all(tag.start in {None, end} and is_version(end) for tag, end in pairs)

    monkeypatch.setattr(generic, "held_still", still)
    assert Search(cold, reader, writer).run().stale


def test_teeth_the_star_read_before_missing_versions_are_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def created_last(_self: Any, plan: Any) -> Flow:
        found = yield from generic._read([tag.key for tag in plan.tags])
        (star_end,) = yield from generic._read((plan.star,))
        ends = [version or tag.fresh for tag, version in zip(plan.tags, found, strict=True)]
        yield from generic._write({t.key: t.fresh for t in plan.tags if t.fresh in ends}, 60.0)
        held = held_still(plan, ends, star_end)
        if held:
            yield from generic._write({plan.key: plan.head + b"".join(ends) + plan.tail}, 60.0)
        return tuple(ends) if held else None

    monkeypatch.setattr(generic.GenericStore, "_save", created_last)
    assert Search(cold, reader, writer).run().stale


def test_teeth_an_absent_star_that_equals_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagecache.engine.looking.is_version", lambda _star: True)
    monkeypatch.setattr("pagecache.core.vector.same", lambda before, after: before == after)
    assert Search(cold, reader, writer, evicting("star")).run().stale


def test_teeth_versions_that_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("versions", "announcing"):
        monkeypatch.setattr(f"pagecache.{module}.fresh", lambda: b"the same for all")
    monkeypatch.setattr("pagecache.versions.several", [b"the same for all"].__mul__)
    assert Search(current, reader, writer).run().stale


def test_teeth_the_write_announced_before_it_is_committed() -> None:
    def careless() -> Steps:
        yield from announcing({"data"})
        yield None
        data["value"] = "new"

    assert Search(known, reader, careless).run().stale


def test_the_reader_takes_the_steps_of_the_protocol() -> None:
    announcer.announce()
    visit = visit_of()
    flow = page(visit)
    effects, result = [], None
    with suppress(StopIteration):
        while True:
            effects.append(flow.send(result))
            result = effects[-1].run(answer(visit))
    assert [type(effect) for effect in effects] == [Fetch, Render, Save]
