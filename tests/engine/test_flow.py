"""One request from its arrival to its answer, whatever happens on the way."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from pagecache.announcing import announcer, site_store
from pagecache.core.reasons import Reason
from pagecache.engine.drive import drive
from pagecache.engine.flow import examine, keep, page
from pagecache.engine.leasing import WAITS
from pagecache.engine.visit import Flow
from pagecache.invalidation import invalidate
from tests.caches import broken, watched
from tests.engine.visits import STORED, answer, data, get, key_of, reason, visit_of


def raising(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def test_a_page_is_stored_and_served() -> None:
    assert get()[:2] == ("old", STORED)
    data["value"] = "new, but nobody said so"
    body, status, _ = get()
    assert body == "old"
    assert status.startswith("hit; ttl=")


def test_a_page_is_served_until_its_data_changes() -> None:
    get()
    data["value"] = "new"
    invalidate("data")
    assert get()[:2] == ("new", "fwd=stale; stored; ttl=300")


def test_a_page_is_served_until_it_is_stale() -> None:
    with freeze_time() as clock:
        get()
        clock.tick(timedelta(seconds=299))
        assert get()[1] == "hit; ttl=1"
        key = key_of(get()[2])
        site_store().put({key: site_store().fetch([key])[0] or b""}, None)
        clock.tick(timedelta(seconds=1))
        assert get()[1] == "fwd=stale; stored; ttl=300", "also if the store still has it"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_unsafe_method_drops_the_pages_of_its_path(method: str) -> None:
    get()
    assert get(method=method)[1] == "fwd=method"
    assert get()[1].startswith("fwd=stale; stored")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_a_safe_method_drops_nothing(method: str) -> None:
    get()
    assert get(method=method)[1] == "fwd=method"
    assert get()[1].startswith("hit")


def test_an_unsafe_method_that_failed_drops_nothing() -> None:
    get()
    get(method="POST", view=lambda _request: HttpResponse(status=400))
    assert get()[1].startswith("hit")


def test_a_bypass_asks_the_store_nothing() -> None:
    with watched() as trips:
        body, status, visit = get(headers={"Authorization": "x"})
    assert (body, status, reason(visit)) == ("old", "fwd=bypass", Reason.AUTHORIZATION)
    assert trips == []


def test_what_the_view_raises_is_raised() -> None:
    visit = visit_of()
    with pytest.raises(ZeroDivisionError):
        drive(page(visit), answer(visit, raising))
    assert get()[1] == STORED


@pytest.mark.parametrize("verb", ["get", "add"])
def test_the_view_answers_where_the_store_fails(
    verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    with broken(verb):
        body, status, visit = get()
    assert (body, reason(visit)) == ("old", Reason.STORE)
    assert status == "fwd=bypass"
    (record,) = caplog.records
    verb_of = {"get": "Reading from", "add": "Writing to"}
    assert record.getMessage().startswith(f"{verb_of[verb]} cache 'default' fails, so views answer")


def test_the_view_answers_where_only_saving_fails() -> None:
    announcer.announce()
    with broken("set"):
        body, status, visit = get()
    assert (body, status, reason(visit)) == ("old", "fwd=uri-miss", Reason.STORE)


def test_the_view_answers_where_pagecache_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visit = visit_of()
    monkeypatch.setattr(visit, "fields", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "pagecache"):
        response = drive(page(visit), answer(visit))
    assert response.content == b"old"
    assert reason(visit) is Reason.ERROR
    assert "ZeroDivisionError" in caplog.text


def test_examining_serves_and_stores_nothing() -> None:
    visit = visit_of()
    drive(examine(visit))
    assert (visit.found.entry, visit.found.has_recipe) == (None, False)
    assert get()[1] == STORED
    visit = visit_of()
    drive(examine(visit))
    assert visit.found.entry is not None
    assert visit.found.entry.body == b"old"


def test_a_page_that_is_still_to_be_made_goes_on_later() -> None:
    visit = visit_of()
    drive(examine(visit))
    visit._behind = True
    unrendered: Any = HttpResponse("later")
    unrendered.is_rendered = False
    assert drive(keep(visit, unrendered)) is unrendered
    assert not unrendered.has_header("Cache-Status")


def test_whoever_waited_in_vain_for_two_others_is_answered_by_the_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = []

    def in_vain(_visit: Any, until: float) -> Flow:
        waits.append(until)
        yield from ()
        return True

    monkeypatch.setattr("pagecache.engine.flow.take", in_vain)
    assert get()[0] == "old"
    assert len(waits) == WAITS
