"""Pages that this process holds: proved current as those of the store are, and gone as soon as those."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition
from freezegun import freeze_time

from pagecache import depends_on
from pagecache.announcing import Due, announcer, site_names, site_store
from pagecache.core.reasons import Reason
from pagecache.engine.drive import drive
from pagecache.engine.flow import page
from pagecache.engine.visit import forget, local
from pagecache.invalidation import invalidate, purge
from pagecache.stores import open_store
from pagecache.stores.heard import Heard
from pagecache.versions import STAR, fresh
from pagecache.writes import writes
from tests.caches import Watched, broken, watched
from tests.engine.orders import Search, evicting, fused_writer, reader, writer
from tests.engine.visits import STORED, View, answer, data, get, reason, show, visit_of
from tests.lanes import REDIS, cache
from tests.servers import Server
from tests.until import until

LIFE, SECRET = 300, "a secret of thirty-two letters or more"


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    early = 1e-9  # none is due before its end, unless a test says so
    settings.PAGECACHE = {
        **settings.PAGECACHE,
        "TIMEOUT": LIFE,
        "LOCAL": "validate",
        "EARLY_REFRESH": early,
    }


def held() -> str:
    """Let this process hold a page; return its key."""
    get()
    assert get()[1].startswith("hit")
    assert len(local) == 1
    (key,) = local.held
    return key


def asked() -> tuple[str, list[list[str]]]:
    """Return what happened to a request, and the keys of each trip that read."""
    with watched() as trips:
        status = get()[1]
        return status, [
            keys for verb, keys in zip(trips, Watched.asked, strict=True) if verb == "get"
        ]


def test_a_hit_asks_for_the_versions_only() -> None:
    held()
    status, trips = asked()
    assert status.startswith("hit")
    assert trips == [list(site_names().versions((STAR, "data", "page:/page/", "site")))]


def test_only_what_was_intact_in_the_store_is_held() -> None:
    get()
    assert len(local) == 0


def test_nothing_is_held_unless_the_site_wants_it(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL": None}
    get()
    assert get()[1].startswith("hit")
    assert len(local) == 0


def test_a_page_beyond_the_room_is_served_from_the_store(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL_BYTES": 100}
    get()
    assert [get()[1].startswith("hit") for _ in range(2)] == [True, True]
    assert len(local) == 0


def test_a_page_that_the_view_keeps_elsewhere_is_not_held() -> None:
    """Who clears that cache drops its pages, and no versions."""
    get("/elsewhere/")
    assert get("/elsewhere/")[1].startswith("hit")
    caches["other"].clear()
    assert get("/elsewhere/")[1].startswith("fwd=uri-miss; stored")


def drop_by_write() -> None:
    data["value"] = "new"
    invalidate("data")


@pytest.mark.parametrize(
    "drop",
    [drop_by_write, lambda: purge("/page/"), purge],
    ids=["write", "purge", "purge all"],
)
def test_what_is_dropped_in_the_store_is_dropped_here(drop: Callable[[], None]) -> None:
    held()
    drop()
    body, status, _ = get()
    assert (body, status[:9]) == (data["value"], "fwd=stale")
    assert len(local) == 0


def test_a_page_that_another_process_made_anew_takes_the_place_of_the_old_one() -> None:
    key = held()
    old = local.held.pop(key)
    drop_by_write()
    get()
    local.held[key] = old  # as in a process that did not make the page
    assert get()[:2] == ("new", f"hit; ttl={LIFE - 1}")
    assert local.held[key].entry.body == b"new"


def test_a_page_that_the_view_refuses_now_is_dropped_here_too(settings: Any) -> None:
    held()
    settings.PAGECACHE = {**settings.PAGECACHE, "SHADOW": True}
    get()
    assert get()[1].startswith("hit") or get()  # filled again: settings were read anew
    get(view=lambda _request: HttpResponse("secret", headers={"Cache-Control": "private"}))
    assert len(local) == 0


def test_a_held_page_that_the_client_wants_anew_costs_no_trip_more(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "OBEY_REQUEST_DIRECTIVES": True}
    held()
    data["value"] = "new"
    with watched() as trips:
        assert get(HTTP_CACHE_CONTROL="no-cache")[:2] == ("new", "fwd=request; stored; ttl=300")
        assert trips == ["get", "get", "get", "set"]  # the versions once, and what storing takes


@pytest.mark.parametrize("tag", ["data", "site", "page:/page/", STAR])
def test_a_lost_version_is_a_miss_but_for_the_star(tag: str) -> None:
    held()
    site_store().delete([site_names().version(tag)])
    assert get()[1].startswith("hit" if tag == STAR else "fwd=stale; stored")


def test_a_page_ends_here_when_it_ends() -> None:
    with freeze_time("2026-01-01 12:00:00"):
        held()
    with freeze_time("2026-01-01 12:04:59"):
        assert get()[1] == "hit; ttl=1"
    data["value"] = "new"
    with freeze_time("2026-01-01 12:05:00"):
        assert get()[0] == "new"


def test_an_entry_whose_key_material_differs_is_not_served() -> None:
    key = held()
    found = local.held[key]
    found.entry = found.entry._replace(material=b"of another request", body=b"not yours")
    assert get()[0] == "old"


def test_nothing_is_served_while_an_announcement_is_owed() -> None:
    held()
    announcer.owed[object()] = Due(frozenset({"data"}))
    with broken("set"):
        assert reason(get()[2]) is Reason.OWED


def test_nothing_is_served_that_the_connection_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    held()
    monkeypatch.setattr(writes, "unannounced", lambda: frozenset({"data"}))
    assert reason(get()[2]) is Reason.UNANNOUNCED


def test_nothing_is_served_where_the_versions_cannot_be_asked_for() -> None:
    held()
    with broken("get"):
        assert reason(get()[2]) is Reason.STORE


def test_settings_that_are_read_anew_empty_it(settings: Any) -> None:
    held()
    settings.PAGECACHE = {**settings.PAGECACHE, "RELEASE": "2"}
    assert len(local) == 0
    assert get()[1] == STORED


def test_another_history_of_the_store_empties_it() -> None:
    held()
    site_store().history = "another server"
    status, trips = asked()
    assert status.startswith("hit")
    assert len(trips[0]) == 5
    assert len(local) == 1


@pytest.mark.parametrize("secrets", [[], [SECRET]], ids=["plain", "sealed"])
def test_a_sealed_page_is_held_open(secrets: list[str], settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "ENCRYPT": secrets}
    key = held()
    assert local.held[key].entry.body == b"old"
    assert get()[1].startswith("hit")


def test_each_client_gets_a_compressed_page_as_it_takes_it(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "COMPRESS": True}

    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("page " * 1000)

    get(view=view)
    for _ in range(2):
        plain = get(view=view)
        assert plain[0] == "page " * 1000
        assert plain[1].startswith("hit")
    (one,) = local.held.values()
    assert one.entry.coding == "gzip"
    visit = visit_of(HTTP_ACCEPT_ENCODING="gzip")
    packed = drive(page(visit), answer(visit, view))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == one.entry.body


def current_and_held() -> None:
    get()
    get()
    assert len(local) == 1


def held_by_one_that_stores_no_more() -> None:
    """A page that was invalidated; this process holds it yet."""
    current_and_held()
    announcer.announce({"data"})


@pytest.fixture
def _searched(settings: Any) -> None:
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "orders"}
    settings.CACHES = {"default": memory}
    settings.PAGECACHE = {**settings.PAGECACHE, "WAIT_SECONDS": 0}
    caches["default"].clear()
    forget()


@pytest.mark.usefixtures("_searched")
@pytest.mark.parametrize("start", [current_and_held, held_by_one_that_stores_no_more])
def test_nothing_stale_is_served_after_a_write_in_whatever_order(start: Callable[[], None]) -> None:
    search = Search(start, reader, writer).run()
    assert search.stale == []
    assert search.orders > 3
    assert search.stored, "some orders store the page"


@pytest.mark.usefixtures("_searched")
def test_two_readers_and_a_write_leave_nothing_stale_where_a_verb_is_one_trip() -> None:
    fused = partial(reader, fused=True)
    search = Search(current_and_held, fused, fused, fused_writer).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 50


@pytest.mark.usefixtures("_searched")
def test_nothing_stale_is_served_after_a_write_and_an_eviction() -> None:
    for key in ("star", "path", "data", "page"):
        assert Search(current_and_held, reader, writer, evicting(key)).run().stale == []


@pytest.mark.usefixtures("_searched")
def test_teeth_a_held_page_whose_vector_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagecache.engine.looking.is_current", lambda *_: True)
    assert Search(current_and_held, reader, writer).run().stale


def make_anew(value: str = "new") -> tuple[str, str]:
    """Ask for a page that is due, by a request that makes it itself."""
    data["value"] = value
    visit = visit_of()
    visit.again = None
    response = drive(page(visit), answer(visit))
    return response.content.decode(), response.headers["Cache-Status"].split("; ", 1)[1]


def test_a_page_is_made_anew_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    held()
    monkeypatch.setattr("pagecache.engine.flow.is_due_early", lambda *_: True)
    assert make_anew() == ("new", "fwd=stale; stored; ttl=300")
    assert len(local) == 0


def test_a_page_of_many_tags_is_made_anew_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a lease gives back of an entry."""

    def of_many(request: HttpRequest) -> HttpResponse:
        depends_on(*(f"data-{number}" for number in range(260)))
        return show(request)

    statuses = [get(view=of_many)[1] for _ in range(2)]
    assert statuses[-1].startswith("hit")
    monkeypatch.setattr("pagecache.engine.flow.is_due_early", lambda *_: True)
    assert get(view=of_many)[1] == "fwd=stale; stored; ttl=300"


def test_a_page_that_another_process_made_anew_is_not_made_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = held()
    old = local.held[key]
    monkeypatch.setattr("pagecache.engine.flow.is_due_early", lambda *_: True)
    make_anew()
    local.held[key] = old
    assert make_anew("newer")[1].startswith("hit"), "somebody else was faster"
    assert len(local) == 0, "the page is asked for anew"
    monkeypatch.undo()
    assert get()[0] == "new"


# Without a trip


@pytest.fixture
def _push(settings: Any, redis_server: Server) -> None:
    settings.CACHES = {"default": cache(REDIS, redis_server.url)}
    settings.PAGECACHE = {**settings.PAGECACHE, "LOCAL": "push"}
    forget()


def pushed() -> str:
    """Let this process hold a page whose versions stand; return its key."""
    get()

    def all_stand() -> bool:
        get()
        held = list(local.held.values())
        return bool(held) and all(map(site_store().vouch, held))

    until(all_stand, "the server does not tell of changes")
    (key,) = local.held
    return key


def effects(visit: Any, view: View = show) -> list[str]:
    """Carry out a flow; return what it asked for."""
    flow, result, found = page(visit), None, []
    with suppress(StopIteration):
        while True:
            effect = flow.send(result)
            found.append(type(effect).__name__)
            result = effect.run(answer(visit, view))
    return found


@pytest.mark.usefixtures("_push")
def test_a_hit_asks_nobody_while_the_versions_stand() -> None:
    pushed()
    assert effects(visit_of()) == []
    assert get()[1].startswith("hit")


@pytest.mark.usefixtures("_push")
def test_what_this_process_writes_is_seen_at_once() -> None:
    for number in range(20):
        pushed()
        data["value"] = str(number)
        invalidate("data")
        assert get()[0] == str(number)


@pytest.mark.usefixtures("_push")
def test_what_another_process_writes_is_seen_when_the_server_has_told() -> None:
    key = pushed()
    held = local.held[key]
    data["value"] = "new"
    elsewhere = open_store("default", budget=1)
    elsewhere.put({site_names().version("data"): fresh()}, 60)
    elsewhere.close()
    until(lambda: site_store().vouch(held) is False, "it is told")
    assert effects(visit_of())[:2] == ["Fetch", "Lease"], "the held page is not asked about"
    assert get()[0] == "new"


@pytest.mark.usefixtures("_push")
def test_the_store_is_asked_where_nobody_tells_any_more() -> None:
    pushed()
    store: Any = site_store()
    store._listener.hold_to("another server")
    assert effects(visit_of()) == ["Fetch"]
    assert get()[1].startswith("hit")


@pytest.mark.usefixtures("_push")
@pytest.mark.parametrize("how", ["VERIFY", "SHADOW"])
def test_a_page_that_is_compared_has_start_versions(how: str, settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, how: how == "SHADOW" or 1}
    pushed()
    assert effects(visit_of()) == ["Fetch", "Render"]
    data["value"] = "not announced"
    assert get()[:2] == ("not announced", "fwd=bypass")
    assert reason(get()[2]) is Reason.BARRED


@pytest.mark.usefixtures("_push")
def test_a_page_that_the_client_wants_anew_is_stored(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "OBEY_REQUEST_DIRECTIVES": True}
    pushed()
    data["value"] = "new"
    assert get(HTTP_CACHE_CONTROL="no-cache")[:2] == ("new", "fwd=request; stored; ttl=300")
    assert get()[0] == "new"


@pytest.mark.usefixtures("_push")
def test_what_is_not_told_yet_is_nothing_to_ask_the_view_about(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "OBEY_REQUEST_DIRECTIVES": True}
    data["value"] = "old"
    by_hand = condition(etag_func=lambda _request: '"1"')(show)  # does not know of all data
    get(view=by_hand)
    pushed()
    with monkeypatch.context() as patch:
        patch.setattr(Heard, "moved", lambda *_: None)  # word of it is on its way
        data["value"] = "new"
        invalidate("data")
        assert get()[0] == "old"
        assert get(view=by_hand, HTTP_CACHE_CONTROL="no-cache")[0] == "new"
    forget()
    assert get()[0] == "new"


@pytest.mark.usefixtures("_push")
def test_a_page_is_made_anew_before_it_ends_without_a_trip_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pushed()
    monkeypatch.setattr("pagecache.engine.flow.is_due_early", lambda *_: True)
    assert make_anew() == ("new", "fwd=stale; stored; ttl=300")
