"""Storing: keys that widen, data that moves, and answers that are refused."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from pagecache import depends_on
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core import codec
from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, QUERY, Input
from pagecache.engine.drive import drive
from pagecache.engine.flow import examine
from pagecache.engine.looking import look_up, look_up_again
from pagecache.engine.visit import decode_recipe, encode_recipe, forget, recipes, unsaved
from pagecache.invalidation import invalidate, purge
from pagecache.tags import page_tag
from pagecache.versions import STAR
from tests.caches import BROKEN, broken
from tests.engine.visits import STORED, data, get, key_of, reason, show, visit_of


def by_name(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.GET.get("name", "nobody"))


def by_name_and_mood(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.GET.get("name", "") + request.GET.get("mood", ""))


def with_cookie(request: HttpRequest) -> HttpResponse:
    depends_on("data")
    response = HttpResponse(data["value"])
    if data["value"] != "old":
        response.set_cookie("a", "b")
    return response


def keep_recipe(inputs: tuple[Input, ...]) -> None:
    """Do as another process that found out what the path reads."""
    name = site_names().recipe("/x/")
    site_store().put({name: encode_recipe(inputs, name)}, 60)


def test_a_page_that_reads_an_input_for_the_first_time_is_stored_from_the_next_on() -> None:
    get("/x/", view=show)
    purge()
    _, status, visit = get("/x/?name=ann", view=by_name)
    assert (status, reason(visit)) == ("fwd=stale", Reason.WIDENED)
    assert get("/x/?name=ann", view=by_name)[:2] == ("ann", STORED)
    assert get("/x/?name=bob", view=by_name)[:2] == ("bob", STORED)
    assert get("/x/?name=ann&utm=1", view=by_name)[1].startswith("hit")


def test_what_another_process_found_out_about_a_path_is_kept() -> None:
    get("/x/", view=show)
    purge()
    other = (Input(COOKIE, "promo"), Input(QUERY, "name"))
    keep_recipe(other)
    assert get("/x/?name=ann&mood=sad", view=by_name_and_mood)[1] == "fwd=stale"
    assert set(recipes["/x/"]) == {*other, Input(QUERY, "mood")}


def test_what_another_process_found_out_suffices() -> None:
    get("/x/", view=show)
    purge()
    other = (Input(QUERY, "mood"), Input(QUERY, "name"))
    keep_recipe(other)
    _, status, visit = get("/x/?name=ann", view=by_name)
    assert (status, reason(visit)) == ("fwd=stale; stored; ttl=300", None)
    assert get("/x/?name=ann", view=by_name)[1].startswith("hit")
    assert get("/x/?name=ann&mood=sad", view=by_name)[1] == STORED


def test_widening_drops_what_was_stored_for_the_path_in_every_process() -> None:
    get("/x/", view=show)
    (page_version,) = site_store().fetch([site_names().version(page_tag("/x/"))])
    purge("/nothing/")
    data["value"] = "x"
    invalidate("data")
    get("/x/?name=ann", view=by_name)
    assert site_store().fetch([site_names().version(page_tag("/x/"))]) != [page_version]


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_page_is_not_stored_over_an_announcement_that_is_owed(is_paid: bool) -> None:
    """The store knows only the versions from before it."""
    with ExitStack() as outage:

        def changing(request: HttpRequest) -> HttpResponse:
            shown = show(request)
            outage.enter_context(broken("set"))
            data["value"] = "new"
            invalidate("data")
            if is_paid:
                outage.close()
            return shown

        body, status, visit = get(view=changing)
    assert (body, status) == ("old", "fwd=uri-miss")
    assert reason(visit) is (Reason.MOVED if is_paid else Reason.OWED)
    assert bool(announcer.owed) is not is_paid
    assert get()[0] == "new"


def test_a_page_with_too_many_inputs_is_not_stored(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MAX_INPUTS": 1}
    _, status, visit = get("/x/", view=by_name_and_mood)
    assert (status, reason(visit)) == ("fwd=uri-miss", Reason.TOO_MANY_INPUTS)
    assert "/x/" not in recipes
    assert get("/x/", view=by_name)[1].startswith("fwd=uri-miss; stored")


def test_a_flood_of_values_stores_so_many_pages_and_no_more(settings: Any) -> None:
    settings.CACHES = {"default": {**BROKEN, "OPTIONS": {"MAX_ENTRIES": 10_000}}}
    flood = [get(f"/x/?name={number}", view=by_name)[1] for number in range(2000)]
    assert flood == [STORED] * 1000 + ["fwd=uri-miss"] * 1000
    _, _, visit = get("/x/?name=new", view=by_name)
    assert reason(visit) is Reason.TOO_MANY_VARIANTS
    assert get("/x/?name=999", view=by_name)[1].startswith("hit")
    assert get("/y/?name=new", view=by_name)[1] == STORED


def test_pages_of_a_full_path_are_stored_again_and_make_room_when_they_end(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MAX_VARIANTS": 2}
    with freeze_time() as clock:
        assert get("/x/?name=ann", view=by_name)[1] == STORED
        clock.tick(timedelta(seconds=100))
        assert get("/x/?name=bob", view=by_name)[1] == STORED
        assert get("/x/?name=eve", view=by_name)[1] == "fwd=uri-miss"
        purge("/x/")
        assert get("/x/?name=bob", view=by_name)[1] == "fwd=stale; stored; ttl=300"
        clock.tick(timedelta(seconds=200))
        assert get("/x/?name=eve", view=by_name)[1] == STORED
        assert get("/x/?name=ann", view=by_name)[1] == "fwd=uri-miss"


def test_a_page_that_another_process_stored_takes_no_room_of_a_full_path(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MAX_VARIANTS": 1}
    get("/x/?name=ann", view=by_name)
    forget()
    get("/x/?name=bob", view=by_name)
    purge("/x/")
    assert get("/x/?name=ann", view=by_name)[1] == "fwd=stale; stored; ttl=300"
    assert get("/x/?name=eve", view=by_name)[1] == "fwd=uri-miss"


def test_a_page_that_was_not_stored_takes_no_room(settings: Any) -> None:
    def moving(request: HttpRequest) -> HttpResponse:
        invalidate("data")
        return show(request)

    settings.PAGECACHE = {"ENABLED": True, "MAX_VARIANTS": 1}
    assert reason(get("/x/", view=moving)[2]) is Reason.MOVED
    assert get("/x/?name=ann", view=by_name)[1] == "fwd=uri-miss"
    assert get("/x/?name=ann", view=by_name)[1] == STORED


def test_a_render_that_cannot_be_stored_widens_nothing() -> None:
    def by_cookie(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.COOKIES.get("a", ""))

    _, _, visit = get("/x/", view=by_cookie, headers={"Cookie": "a=b"})
    assert reason(visit) is Reason.UNDECLARED_COOKIE
    assert "/x/" not in recipes


def test_an_answer_that_is_refused_takes_the_stale_page_with_it() -> None:
    _, _, visit = get(view=with_cookie)
    (stored,) = site_store().fetch([key_of(visit)])
    assert stored
    data["value"] = "new"
    invalidate("data")
    _, status, visit = get(view=with_cookie)
    assert status == "fwd=stale"
    assert site_store().fetch([key_of(visit)]) == [b""]


def test_a_refused_answer_where_nothing_was_stored_announces_nothing() -> None:
    data["value"] = "new"
    announcer.announce()
    star = site_store().fetch([site_names().version(STAR)])
    assert get(view=with_cookie)[1] == "fwd=uri-miss"
    assert site_store().fetch([site_names().version(STAR)]) == star


def test_data_that_moved_while_the_page_was_made_is_not_stored() -> None:
    def slow(request: HttpRequest) -> HttpResponse:
        response = show(request)
        data["value"] = "new"
        invalidate("data")
        return response

    body, status, visit = get(view=slow)
    assert (body, status, reason(visit)) == ("old", "fwd=uri-miss", Reason.MOVED)
    assert get()[:2] == ("new", STORED)


def test_the_recipe_of_a_page_that_was_not_stored_is_remembered() -> None:
    def slow(request: HttpRequest) -> HttpResponse:
        invalidate("data")
        return by_name(request)

    get("/x/?name=ann", view=slow)
    forget()
    drive(examine(visit := visit_of("/x/?name=ann")))
    assert visit.found.recipe == (Input(QUERY, "name"),)


def test_a_page_in_another_cache_is_proved_current_by_the_sites_versions() -> None:
    _, status, visit = get("/elsewhere/")
    assert status == "fwd=uri-miss; stored; ttl=60"
    assert site_store().fetch([key_of(visit)]) == [None]
    assert site_store("other").fetch([key_of(visit)]) != [None]
    assert get("/elsewhere/")[1].startswith("hit")
    forget()
    assert get("/elsewhere/")[1].startswith("hit")
    invalidate("data")
    assert get("/elsewhere/")[1] == "fwd=stale; stored; ttl=60"


def test_a_page_in_another_cache_is_sealed_too(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": ["a secret of thirty-two letters or more"]}
    _, _, visit = get("/elsewhere/")
    (stored,) = site_store("other").fetch([key_of(visit)])
    assert stored is not None
    assert stored[0] == codec.SEALED
    assert b"old" not in stored
    assert get("/elsewhere/")[1].startswith("hit")


def test_a_page_in_another_cache_whose_data_moved_is_not_stored() -> None:
    def slow(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        invalidate("data")
        return HttpResponse("old")

    _, _, visit = get("/elsewhere/", view=slow)
    assert reason(visit) is Reason.MOVED
    assert site_store("other").fetch([key_of(visit)]) == [None]


def test_who_waited_for_another_request_counts_once(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 3}
    get("/x/?name=ann", view=by_name)
    visit = visit_of("/x/?name=ann")
    drive(look_up(visit))
    drive(look_up_again(visit))
    assert reason(get("/x/?name=ann", view=by_name)[2]) is None
    assert get("/x/?name=ann", view=by_name)[1].startswith("hit")


def test_a_page_that_is_there_is_made_anew_however_seldom_and_quickly(settings: Any) -> None:
    get()
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 9, "MIN_COST": 1000}
    invalidate("data")
    assert get()[1] == "fwd=stale; stored; ttl=300"


def test_a_page_that_ended_and_is_often_asked_for_is_stored_at_once(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 5}
    assert [get()[1] == STORED for _ in range(9)] == [False] * 4 + [True] + [False] * 4
    site_store().delete([key_of(visit_of())])
    assert get()[1] == STORED


def test_cost_is_what_the_view_took(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_COST": 2}
    with freeze_time() as clock:

        def slow(request: HttpRequest) -> HttpResponse:
            clock.tick(float(request.GET["name"]))
            return show(request)

        assert reason(get("/x/?name=1.5", view=slow)[2]) is Reason.TOO_CHEAP
        assert get("/x/?name=2", view=slow)[1] == STORED


def test_a_flood_of_pages_that_nobody_asks_for_again_leaves_nothing_in_the_store(
    settings: Any,
) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 2}
    kept: Any = caches["default"]
    get("/a/", view=show)
    there = len(kept._cache)
    for number in range(100):
        get(f"/{number}/?name={number}", view=by_name)
    assert len(kept._cache) == there


def test_the_recipe_of_a_path_is_kept_with_its_first_page(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 2}
    name = site_names().recipe("/x/")
    assert reason(get("/x/?name=ann", view=by_name)[2]) is Reason.TOO_FEW_HITS
    assert recipes["/x/"] == (Input(QUERY, "name"),)
    assert site_store().fetch([name]) == [None]
    assert get("/x/?name=ann", view=by_name)[1] == STORED
    assert decode_recipe(site_store().fetch([name])[0], name) == (Input(QUERY, "name"),)
    assert not unsaved
