"""`ATOMIC_REQUESTS`: what a request writes is announced when it commits, and before its visitor has the answer.

On whatever database this runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from freezegun import freeze_time

from tests.announced import AUTHOR, UNRELATED, Announced
from tests.lanes import DECORATOR_SYNC, MEMORY, Lane, status, through
from tests.site.factories import make_author
from tests.site.models import Author, Unrelated

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


class OopsError(Exception):
    """Something of the site's own."""


def names(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(Author.objects.values_list("name", flat=True)))


def write(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(make_author("Willy").name)


def write_and_raise(request: HttpRequest) -> HttpResponse:
    write(request)
    raise OopsError


def write_with_a_hook_that_raises(request: HttpRequest) -> HttpResponse:
    def oops() -> None:
        raise OopsError

    transaction.on_commit(oops)
    return write(request)


def write_in_part(request: HttpRequest) -> HttpResponse:
    """Take the one back, and keep the other."""
    with transaction.atomic():
        Unrelated.objects.create(note="x")
        transaction.set_rollback(True)
    return write(request)


def give_up(request: HttpRequest) -> HttpResponse:
    response = write(request)
    transaction.set_rollback(True)
    return response


def write_durably(_request: HttpRequest) -> HttpResponse:
    with transaction.atomic(durable=True):
        make_author("Willy")
    return HttpResponse()


@transaction.non_atomic_requests
def write_by_itself(request: HttpRequest) -> HttpResponse:
    Unrelated.objects.create(note="x")
    write_durably(request)
    raise OopsError


VIEWS: dict[Callable[[HttpRequest], HttpResponse], set[str]] = {
    write: {AUTHOR},
    write_and_raise: set(),
    write_with_a_hook_that_raises: {AUTHOR},
    write_in_part: {AUTHOR},
    give_up: set(),
    write_durably: set(),
    write_by_itself: {AUTHOR, UNRELATED},
}
urlpatterns = [path("names/", names), *(path(f"{view.__name__}/", view) for view in VIEWS)]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_what_a_request_writes_is_announced_if_it_commits(
    view: Callable[..., Any], method: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    client.raise_request_exception = False
    announced = Announced()
    client.get("/names/")
    assert status(client.get("/names/")).hit

    getattr(client, method)(f"/{view.__name__}/")

    assert announced() == VIEWS[view]
    page = client.get("/names/")
    assert page.content.decode() == ("Willy" if AUTHOR in VIEWS[view] else "")
    assert status(page).hit is (AUTHOR not in VIEWS[view])


@through(DECORATOR_SYNC, stores=(MEMORY,))
@pytest.mark.parametrize("is_atomic, code, kept", [(False, 200, 1), (True, 500, 0)])
def test_no_page_stands_in_for_an_error_that_takes_a_transaction_back(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, code: int, kept: int, *, is_atomic: bool
) -> None:
    def half_done(_request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            return HttpResponse("page")
        Unrelated.objects.create(note="x")
        raise OopsError

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
    lane.configure(STALE_IF_ERROR=60)
    lane.show(half_done)
    visitor = lane.visitor()
    visitor.client.raise_request_exception = False
    with freeze_time("2026-11-26 12:00") as clock:
        assert status(visitor.get()).stored
        clock.tick(310)
        assert visitor.get().status_code == code

    assert Unrelated.objects.count() == kept
