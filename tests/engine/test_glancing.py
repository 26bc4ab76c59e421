"""A glance finds what a look-up would find, and leaves to that whatever is not as it is for most requests."""

from __future__ import annotations

from collections.abc import Callable
from inspect import GEN_CLOSED, GEN_SUSPENDED, getgeneratorstate
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync

from pagecache.announcing import Due, announcer, site_store
from pagecache.core.codec import Entry
from pagecache.core.reasons import Reason
from pagecache.core.types import Found, Way
from pagecache.engine.drive import drive
from pagecache.engine.flow import examine
from pagecache.engine.glancing import Glance, glance
from pagecache.invalidation import invalidate
from pagecache.stores import StoreError
from pagecache.stores.base import Store
from tests.caches import broken
from tests.engine.visits import get, visit_of

Look = Callable[[Glance], Entry | None]


@pytest.fixture(params=["run", "arun"])
def look(request: pytest.FixtureRequest) -> Look:
    """On a thread, and on an event loop."""
    return run if request.param == "run" else async_to_sync(Glance.arun)


def run(found: Glance) -> Entry | None:
    found.ask()
    return found.page()


def led() -> Glance | None:
    """Return a glance at a page that is stored."""
    get()
    visit = visit_of()
    drive(examine(visit))
    found = visit.found
    assert found.entry is not None
    return glance(*led_by(visit.path, found))


def led_by(path: str, found: Found) -> tuple[str, Way]:
    """Return the path and the way to a page that was found."""
    assert found.entry is not None
    return path, Way(found.recipe, found.entry.material, found.key, is_plain=True)


def some(found: Glance | None) -> Glance:
    assert found is not None
    return found


def hold(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL": "validate"}


def stands(monkeypatch: pytest.MonkeyPatch, answer: bool | None) -> None:
    """Let the store know of versions without a question, as one that is told of changes does."""
    monkeypatch.setattr(type(site_store()), "vouch", lambda *_args: answer)


def test_a_page_that_stands_is_found(look: Look) -> None:
    found = some(led())
    entry = look(found)
    assert entry is not None
    assert entry.body == b"old"
    assert found.values_of(found.keys) is not None
    assert found.values_of(found.keys[1:]) is None


def test_a_page_that_is_held_is_found_by_its_versions(look: Look, settings: Any) -> None:
    hold(settings)
    found, later = some(led()), some(led())
    assert found.held is not None
    assert look(found) is found.held.entry
    invalidate("data")
    assert look(later) is None


def test_nobody_is_asked_for_what_is_known_to_stand(
    look: Look, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(settings)
    stands(monkeypatch, True)
    found = some(led())
    assert found.keys == ()
    assert look(found) is not None


def test_there_is_no_glance_where_the_store_fails(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_args: object) -> None:
        raise LookupError

    hold(settings)
    get()
    visit = visit_of()
    drive(examine(visit))
    monkeypatch.setattr(type(site_store()), "vouch", failing)
    assert glance(*led_by(visit.path, visit.found)) is None


def test_what_is_known_to_be_gone_is_looked_up(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(settings)
    found = some(led())
    assert glance("/page/", found.way) is not None
    stands(monkeypatch, False)
    assert glance("/page/", found.way) is None


def test_what_a_store_raises_is_raised_where_a_look_up_asks_for_the_same(look: Look) -> None:
    found = some(led())
    with broken("get"):
        assert look(found) is None
    with pytest.raises(StoreError):
        found.values_of(found.keys)
    assert found.values_of(()) is None


class Slow:
    """A store whose answer takes its time, and then is an error."""

    def fetching(self, _keys: Any) -> Any:
        yield
        raise StoreError


def slow() -> Glance:
    """Return a glance at a page in such a store."""
    found, store = some(led()), cast(Store, Slow())
    return Glance(found.way, store, found.tags, found.keys)


def test_what_a_store_raises_instead_of_an_answer_is_raised_where_a_look_up_asks_for_the_same() -> (
    None
):
    found = slow()

    assert found.ask()
    assert found.page() is None
    with pytest.raises(StoreError):
        found.values_of(found.keys)


def test_an_answer_that_is_left_is_not_waited_for() -> None:
    found = slow()
    found.leave()
    assert found.ask()
    found.leave()

    assert getgeneratorstate(cast(Any, found._awaited)) == GEN_CLOSED


def test_an_answer_that_another_thread_waits_for_is_left_to_it() -> None:
    def awaited() -> Any:
        found.leave()  # while this runs
        yield

    found: Any = slow()
    found._awaited = awaited()
    next(found._awaited)

    assert getgeneratorstate(found._awaited) == GEN_SUSPENDED


def test_a_page_is_held_back_where_an_announcement_fails_while_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    get()
    fetch = type(site_store()).fetch

    def others_fail(self: Any, keys: Any) -> Any:
        values = fetch(self, keys)
        announcer.owed[object()] = Due(frozenset({"site"}))
        return values

    monkeypatch.setattr(type(site_store()), "fetch", others_fail)
    visit = visit_of()
    drive(examine(visit))
    assert visit.found.reason is Reason.OWED
    assert visit.found.entry is None
