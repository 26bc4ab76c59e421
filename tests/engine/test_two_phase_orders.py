"""Two-phase invalidation in every order of the steps of a reader, two writers, a kill, lost keys, and time.

On a real Redis, where each verb is one step. Time is a step too: it lets the marks of transactions lapse that have
ended, for none lasts longer than its mark.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

from pagecache import depends_on
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core.vector import ID_BYTES
from pagecache.engine.visit import forget
from pagecache.stores import redis as redis_store
from pagecache.stores.scripts import SAVE, Script
from pagecache.tags import SITE
from pagecache.versions import STAR, fresh
from tests.engine import orders
from tests.engine.orders import Actor, Search, Steps
from tests.engine.visits import data, get
from tests.stores.instances import Instance, let_marks_lapse

DATA = frozenset({"data"})
open_transactions: set[bytes] = set()


def show_both(_request: HttpRequest) -> HttpResponse:
    depends_on("data")
    return HttpResponse(f"{data['value']} {data['other']}")


@pytest.fixture(scope="module")
def instance() -> Generator[Instance]:
    with Instance() as instance:
        yield instance


@pytest.fixture(autouse=True)
def _two_phases(settings: Any, instance: Instance) -> Generator[None]:
    settings.CACHES = {"default": instance.backend}
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 10, "TWO_PHASE": True, "WAIT_SECONDS": 0}
    yield None
    site_store().close()


reader = partial(orders.reader, fused=True, view=show_both)


def transaction(field: str, *, is_killed: bool = False) -> Steps:
    """A transaction with one write: it marks, commits, and settles, unless it is killed before."""
    yield "store"
    own = os.urandom(ID_BYTES)
    open_transactions.add(own)
    announcer.mark(DATA, own)
    yield "write"
    data[field] = "new"
    open_transactions.discard(own)
    if not is_killed:
        yield "store"
        announcer.announce(DATA, frozenset({own}))


writer = partial(transaction, "other")
killed = partial(transaction, "value", is_killed=True)


def flush() -> Steps:
    yield "store"
    caches["default"].clear()


@pytest.fixture
def time_passes(instance: Instance) -> Actor:
    def lapse() -> Steps:
        yield None
        later(instance)

    return lapse


def later(instance: Instance) -> None:
    """Let the marks lapse of transactions that ended; one of nobody stands for any that is open."""
    if not open_transactions:
        let_marks_lapse(instance.admin)


def settled() -> None:
    """All versions have been there for long; nobody has seen the page."""
    open_transactions.clear()
    names = site_names()
    keys = names.versions((STAR, SITE, "data"))
    site_store().announce(names.version(STAR), {key: fresh() for key in keys}, 3600.0)


def known() -> None:
    """The page was there, and its tags are known; it was evicted."""
    settled()
    get(view=show_both)
    orders.known()


def current() -> None:
    """The page is there, and current."""
    settled()
    get(view=show_both)


def known_elsewhere() -> None:
    """Another process has stored the page."""
    current()
    forget()


def searched(
    instance: Instance, start: Callable[[], None], *actors: Actor, looks_again: bool = True
) -> Search:
    again = partial(later, instance) if looks_again else None
    search = Search(start, *actors, view=show_both, later=again).run()
    print(f"{search.orders} orders, {search.stored} pages stored, {search.hits_later} later")
    return search


@pytest.mark.parametrize("start", [settled, known, known_elsewhere, current])
def test_a_writer_that_is_killed_leaves_nothing_stale(
    instance: Instance, time_passes: Actor, start: Callable[[], None]
) -> None:
    search = searched(instance, start, reader, killed, time_passes)
    assert search.stale == []
    assert search.orders > 15
    assert search.hits_later == search.orders, "it is stored again when the mark has lapsed"


def test_another_writer_settles_only_its_own_mark(instance: Instance, time_passes: Actor) -> None:
    actors = (reader, killed, writer, time_passes)
    search = searched(instance, settled, *actors, looks_again=False)
    assert search.stale == []
    assert search.orders > 1000


def test_two_readers_and_a_writer_that_is_killed(instance: Instance, time_passes: Actor) -> None:
    actors = (reader, reader, killed, time_passes)
    search = searched(instance, settled, *actors, looks_again=False)
    assert search.stale == []
    assert search.orders > 1000


@pytest.mark.parametrize("key", ["star", "site", "path", "data"])
@pytest.mark.parametrize("start", [settled, current])
def test_marks_that_are_lost_leave_nothing_stale(
    instance: Instance, time_passes: Actor, start: Callable[[], None], key: str
) -> None:
    search = searched(instance, start, reader, killed, orders.evicting(key), time_passes)
    assert search.stale == []
    assert search.orders > 100


@pytest.mark.parametrize("start", [settled, current])
def test_a_flush_leaves_nothing_stale(
    instance: Instance, time_passes: Actor, start: Callable[[], None]
) -> None:
    search = searched(instance, start, reader, killed, flush, time_passes)
    assert search.stale == []
    assert search.orders > 100


def finds(instance: Instance, *actors: Actor) -> bool:
    return bool(searched(instance, settled, *actors).stale)


def test_teeth_a_kill_without_marks(instance: Instance) -> None:
    def careless() -> Steps:
        yield None
        data["value"] = "new"

    assert finds(instance, reader, careless)


def test_teeth_a_commit_that_settles_the_marks_of_others(instance: Instance) -> None:
    def careless() -> Steps:
        yield "store"
        names = site_names()
        keys = names.versions((STAR, "data"))
        site_store().announce(names.version(STAR), {key: fresh() for key in keys}, 3600.0)

    assert finds(instance, reader, killed, careless)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Take a rule out of the script that saves."""

    def without(rule: str, instead: str) -> None:
        assert rule in SAVE.text
        monkeypatch.setattr(redis_store, "SAVE", Script(SAVE.text.replace(rule, instead)))

    return without


def test_teeth_a_lapsed_mark_that_does_not_move_the_star(
    instance: Instance, time_passes: Actor, without: Any
) -> None:
    without("lapsed = lapsed or #value > 16", "")
    assert finds(instance, reader, killed, time_passes)


def test_teeth_a_mark_that_is_taken_for_a_missing_version(instance: Instance, without: Any) -> None:
    without("if #value > 16 and marks(value, {}, now()) ~= '' then", "if false then")
    assert finds(instance, reader, reader, killed)


def test_teeth_a_missing_version_without_doubt(instance: Instance, without: Any) -> None:
    without("if value == '' and doubt > 0 then", "if false then")
    assert finds(instance, reader, killed, orders.evicting("data"))
