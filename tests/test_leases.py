"""One render for a crowd that comes at once, in every lane; and a lease is never left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from freezegun import freeze_time

from pagecache import depends_on, invalidate
from pagecache.engine.leasing import turns
from tests.lanes import ALL, DECORATOR_SYNC, LAST_ASYNC, LAST_SYNC, SIX, Lane, status, text, through

LANES = ALL
CROWD = 6

pytestmark = pytest.mark.django_db(transaction=True)


def others() -> int:
    """Return how many wait for the page that is made now, on threads and on event loops."""
    waiting: list[Any] = [turn.over for turn in turns._turns.values()]
    return sum(len(over._waiters) + len(over._done_callbacks) for over in waiting)


def slow(number: int = CROWD) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that takes until so many wait, the first time."""
    made: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        made.append(1)
        end = time.monotonic() + 30
        while len(made) == 1 and others() < number - 1:
            assert time.monotonic() < end, "they do not wait"
            time.sleep(0.001)
        return HttpResponse(f"{len(made)} {request.GET.get('q', '')}")

    return view


def come(lane: Lane, **asked: Any) -> list[HttpResponse]:
    visitors = [lane.visitor() for _ in range(CROWD)]
    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(lambda visitor: visitor.get(**asked), visitors))


def test_a_crowd_gets_one_render(lane: Lane) -> None:
    lane.configure(WAIT_SECONDS=30)
    lane.show(slow())
    assert {text(response) for response in come(lane)} == {"1 "}
    assert lane.renders == 1
    assert not turns._turns


def by_moon(request: HttpRequest) -> str | None:
    return request.headers.get("X-Moon", "new")


@through(*SIX)
def test_a_crowd_of_one_class_of_visitors_gets_one_render(lane: Lane) -> None:
    lane.configure(WAIT_SECONDS=30, SEGMENT=f"{__name__}.by_moon")
    lane.show(slow())
    answers = come(lane, headers={"X-Moon": "full"})
    assert {text(response) for response in answers} == {"1 "}
    assert lane.renders == 1
    assert not turns._turns


def test_whoever_waits_for_a_private_page_is_given_one_of_their_own(lane: Lane) -> None:
    lane.configure(WAIT_SECONDS=30)
    view = slow()

    def private(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response["Cache-Control"] = "private"
        response.content += str(id(response)).encode()
        return response

    lane.show(private)
    assert len({text(response) for response in come(lane)}) == CROWD
    assert lane.renders == CROWD
    assert not turns._turns


def renewing(lane: Lane, **fields: str) -> tuple[Event, Event]:
    """Show a page that is made at once the first time; later it tells that it is made, and waits to be let go on."""
    begun, go = Event(), Event()

    def view(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        number = lane.renders
        if number > 1:
            begun.set()
            assert go.wait(30)
        return HttpResponse(str(number), headers=fields)

    lane.show(view)
    return begun, go


NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SAYING = {"Cache-Control": "max-age=60, stale-while-revalidate=30"}


BEFORE = through(LAST_SYNC, LAST_ASYNC)  # for whom one visitor makes the page anew


@BEFORE
def test_a_page_that_ended_is_served_while_it_is_made_anew(lane: Lane) -> None:
    begun, go = renewing(lane, **SAYING)
    with freeze_time(NOON) as clock, ThreadPoolExecutor(1) as pool:
        lane.get()
        clock.tick(70)
        unlucky = pool.submit(lane.visitor().get)
        assert begun.wait(30)
        meanwhile = [lane.get(), lane.visitor().ask("head")]
        go.set()
        assert text(unlucky.result()) == "2"
        assert text(lane.get()) == "2"
        clock.tick(91)
        assert not lane.see().hit
    for response in meanwhile:
        assert (status(response).hit, status(response).ttl) == (True, -10)
        assert response["Age"] == "70"
    assert text(meanwhile[0]) == "1"
    assert lane.renders == 3


@BEFORE
def test_a_page_whose_data_changed_is_not_served_while_it_is_made_anew(lane: Lane) -> None:
    lane.configure(WAIT_SECONDS=0.05)
    begun, go = renewing(lane, **SAYING)
    with freeze_time(NOON) as clock, ThreadPoolExecutor(2) as pool:
        lane.get()
        clock.tick(70)
        unlucky = pool.submit(lane.visitor().get)
        assert begun.wait(30)
        invalidate("data")
        other = pool.submit(lane.visitor().get)
        go.set()
        assert text(unlucky.result()) != "1"
        assert text(other.result()) != "1"


@through(DECORATOR_SYNC)
def test_a_template_that_fails_after_the_view_returned_leaves_no_lease(lane: Lane) -> None:
    broken = engines["django"].from_string("{{ oops }}")

    class OopsError(Exception):
        pass

    def oops() -> None:
        raise OopsError

    def view(request: HttpRequest) -> HttpResponse:
        return TemplateResponse(request, broken, {"oops": oops})

    lane.show(view)
    with pytest.raises(OopsError):
        lane.get()
    assert not turns._turns
