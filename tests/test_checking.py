"""A share of hits, or all in the shadow, are compared with what the view answers."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from pagecache import depends_on, invalidate
from pagecache.core.types import Found, Outcome
from pagecache.engine.checking import BAR_SECONDS, Tally, tally
from tests.lanes import MEMORY, MIDDLEWARE, MIDDLEWARE_SYNC, Lane, showing, status, text, through
from tests.test_holes import FORM, hole, template

pytestmark = pytest.mark.django_db(transaction=True)

hello = showing(lambda request: f"hello {request.GET.get('name')}")


def counting() -> Any:
    """Return a view that shows what nobody declared."""
    numbers = count(1)
    return showing(lambda request: (request.GET.get("name"), next(numbers)))


@pytest.fixture(params=[{"VERIFY": 1}, {"SHADOW": True}], ids=["verify", "shadow"])
def checked(request: pytest.FixtureRequest, lane: Lane) -> Lane:
    lane.configure(**request.param)
    return lane


def test_a_page_that_is_the_views_is_stored_and_goes_on_to_be_compared(
    checked: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    checked.show(hello)
    assert checked.see().stored
    assert [checked.see().reason for _ in range(3)] == ["checked"] * 3
    assert checked.renders == 4
    assert not caplog.records


def test_a_page_that_is_not_the_views_is_never_sent_and_its_path_is_barred(
    checked: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    checked.show(counting())
    assert [checked.read("/page/?name=secret") for _ in range(4)] == [
        f"('secret', {number})" for number in range(1, 5)
    ]
    assert checked.see("/page/?name=secret").reason == "barred"
    (said,) = [record.getMessage() for record in caplog.records]
    assert "/page/" in said
    assert "Differing: body." in said
    assert said.count("[query name]") == 2
    assert "page:/page/" in said
    assert "secret" not in said


def test_a_barred_path_is_stored_anew_after_a_while(lane: Lane) -> None:
    with freeze_time() as clock:
        lane.configure(VERIFY=1)
        lane.show(counting())
        for _ in range(3):
            lane.get()
        lane.configure(VERIFY=0)
        assert lane.see().stored
        assert lane.see().hit
        lane.configure(VERIFY=1)
        lane.get()
        assert lane.see().reason == "barred"
        clock.tick(timedelta(seconds=BAR_SECONDS + 1))
        assert lane.see().stored


@pytest.mark.parametrize("name", ["status", "content-type", "location", "content-language"])
def test_what_differs_is_named(checked: Lane, caplog: pytest.LogCaptureFixture, name: str) -> None:
    numbers = count(200)
    checked.configure(STATUSES=[200, 203])

    def view(_request: HttpRequest) -> HttpResponse:
        number = next(numbers)
        if name == "status":
            return HttpResponse(status=200 if number % 2 else 203)
        return HttpResponse(headers={name: f"text/x{number}"})

    checked.show(view)
    checked.get()
    checked.get()
    assert f"Differing: {name}." in caplog.text


def test_what_is_said_of_one_delivery_is_no_difference(
    checked: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = count()
    checked.show(lambda _request: HttpResponse(headers={"X-Request-ID": str(next(numbers))}))
    assert [checked.see().reason for _ in range(3)] == [None, "checked", "checked"]
    assert not caplog.records


def test_what_fills_holes_is_no_difference(checked: Lane, caplog: pytest.LogCaptureFixture) -> None:
    checked.show(template(FORM + hole("agent")))
    answers = [checked.get(headers={"User-Agent": agent}) for agent in ("one", "two", "three")]
    assert [text(answer).rpartition(">")[2] for answer in answers] == ["one", "two", "three"]
    assert [status(answer).reason for answer in answers] == [None, "checked", "checked"]
    assert not caplog.records


def test_what_a_write_changed_meanwhile_is_no_difference(
    checked: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = count()

    def view(_request: HttpRequest) -> HttpResponse:
        depends_on("numbers")
        number = next(numbers)
        if number:
            invalidate("numbers")
        return HttpResponse(str(number))

    checked.show(view)
    checked.get()
    assert checked.see().reason == "checked"
    assert not caplog.records


def test_a_page_that_may_not_be_stored_any_more_is_dropped(lane: Lane) -> None:
    private: list[bool] = []

    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("x", headers={"Cache-Control": "private"} if private else {})

    lane.show(view)
    lane.get()
    private.append(True)
    assert lane.see().hit
    lane.configure(VERIFY=1)
    assert lane.see().reason == "private"
    private.clear()
    lane.configure(VERIFY=0)
    assert lane.see().stored


@through(*MIDDLEWARE)
def test_head_is_not_compared(checked: Lane, caplog: pytest.LogCaptureFixture) -> None:
    checked.show(hello)
    checked.get()
    checked.visitor().ask("head")
    assert checked.see().reason == "checked"
    assert not caplog.records


@through(MIDDLEWARE_SYNC, stores=(MEMORY,))
@pytest.mark.parametrize("draw, is_checked", [(0.0, True), (0.0099, True), (0.01, False)])
def test_only_a_share_is_compared(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, draw: float, is_checked: bool
) -> None:
    lane.configure(VERIFY=0.01)
    lane.show(hello)
    lane.get()
    monkeypatch.setattr("random.random", lambda: draw)
    assert lane.see().reason == ("checked" if is_checked else None)


def test_the_shadow_tells_how_requests_would_have_been_answered(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    lane.configure(SHADOW=True)
    lane.show(hello)
    with caplog.at_level(logging.INFO, "pagecache"):
        lane.get()
        lane.get()
        lane.get(headers={"Authorization": "x"})
        tally.tell()
    assert (
        "In the shadow: stored 1, hit 1, authorization 1; 0 stored pages differed." in caplog.text
    )


def test_what_was_compared_is_counted(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    lane.configure(VERIFY=1)
    lane.show(counting())
    with caplog.at_level(logging.INFO, "pagecache"):
        for _ in range(3):
            lane.get()
        tally.tell()
    assert "Compared: hit 1; 1 stored pages differed." in caplog.text


def test_it_is_told_each_so_many_requests(caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    settings.PAGECACHE = {"SHADOW": True}
    counted = Tally(each=2)
    with caplog.at_level(logging.INFO, "pagecache"):
        for _ in range(5):
            counted.note(Found(), Outcome("uri-miss", stored=True))
    assert [record.getMessage() for record in caplog.records] == [
        "In the shadow: stored 2; 0 stored pages differed."
    ] * 2
