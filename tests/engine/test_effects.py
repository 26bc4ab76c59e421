"""Every effect does the same on a thread and on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse

from pagecache.announcing import announcer, site_names, site_store
from pagecache.core.vector import Plan, Watched
from pagecache.engine.effects import Announce, Fetch, Put, Render, Save
from pagecache.recording.recorder import recorder
from tests.caches import broken
from tests.engine.visits import visit_of

A, B = b"a" * 16, b"b" * 16


def owes() -> bool:
    return bool(announcer.owed)


def on_thread(effect: Any) -> Any:
    return effect.run(None)


def on_loop(effect: Any) -> Any:
    return asyncio.run(effect.arun(None))


pytestmark = pytest.mark.parametrize("run", [on_thread, on_loop])
Run = Callable[[Any], Any]


def test_what_was_put_is_fetched(run: Run) -> None:
    assert run(Put({"k": b"1"}, 60)) is None
    assert run(Fetch(["k", "absent"])) == [b"1", None]


def test_another_store_is_another_place(run: Run) -> None:
    run(Put({"k": b"1"}, 60, "other"))
    assert run(Fetch(["k"])) == [None]
    assert run(Fetch(["k"], "other")) == [b"1"]


def test_a_page_is_saved_if_its_data_held_still(run: Run) -> None:
    site_store().put({"*": A, "t": B}, 60)
    plan = Plan("*", A, B, 60, (Watched("t", B, A, 60),), "entry", b"<", b">", 60)
    assert run(Save(plan)) == (B,)
    assert site_store().fetch(["entry"]) == [b"<" + B + b">"]


def test_tags_are_announced_and_debts_are_paid(run: Run) -> None:
    with broken("set"):
        run(Announce(["a"]))
    assert owes()
    run(Announce(["b"]))
    assert not owes()
    assert None not in site_store().fetch(site_names().versions(("a", "b")))


def test_a_render_is_recorded(run: Run) -> None:
    visit = visit_of()
    seen: list[Any] = []

    def view() -> HttpResponse:
        seen.append(recorder())
        return HttpResponse()

    async def aview() -> HttpResponse:
        return view()

    if run is on_thread:
        Render(visit).run(view)
    else:
        asyncio.run(Render(visit).arun(aview))
    assert seen == [visit.recorder]
    assert recorder() is None
