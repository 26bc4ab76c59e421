"""One behavior in all lanes: what was kept of one class of visitors, such as one person, is dropped by its name."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path

from pagecache import ainvalidate, invalidate, segment_by
from pagecache.engine.visit import forget
from pagecache.segments import by_group, by_user, combine
from tests.lanes import Lane, Visitor, showing, status, text
from tests.lanes_site import access

pytestmark = pytest.mark.django_db(transaction=True)

who = showing(lambda request: request.user.get_username() or "nobody")
PATHS = ("/page/", "/other/")


def show(lane: Lane, segment: Any) -> None:
    lane.configure(AUTHENTICATED="segment", KEY_HEADERS=["X-Country"])
    pages = [lane.page(who, segment_by(segment)) for _ in PATHS]
    lane.mount(*(path(url[1:], page) for url, page in zip(PATHS, pages, strict=True)))


def members(lane: Lane, *names: str) -> list[Visitor]:
    return [lane.visitor().log_in(User.objects.create_user(name)) for name in names]


def hits(*visitors: Visitor) -> list[bool]:
    return [status(visitor.get(url)).hit for visitor in visitors for url in PATHS]


def is_kept(*visitors: Visitor) -> bool:
    hits(*visitors)
    return all(hits(*visitors))


def pk(name: str) -> int:
    return User.objects.get(username=name).pk


def test_pages_of_one_person_are_dropped_and_no_others(lane: Lane) -> None:
    show(lane, by_user)
    alice, bob = members(lane, "alice", "bob")
    nobody = lane.visitor()
    assert is_kept(alice, bob, nobody)

    invalidate(f"segment:user:{pk('alice')}")

    assert hits(bob, nobody) == [True] * 4
    assert hits(alice) == [False] * 2
    assert hits(alice) == [True] * 2


def test_they_are_dropped_for_a_process_that_did_not_store_them(lane: Lane) -> None:
    show(lane, by_user)
    (alice,) = members(lane, "alice")
    assert is_kept(alice)

    invalidate(f"segment:user:{pk('alice')}")
    forget()

    assert hits(alice) == [False] * 2


@pytest.mark.parametrize(
    "segment",
    [combine(by_user, access.by_country), combine(by_group, combine(access.by_country, by_user))],
    ids=["combined", "combined twice"],
)
def test_pages_of_a_person_are_dropped_wherever_the_person_is_a_part(
    lane: Lane, segment: Any
) -> None:
    show(lane, segment)
    alice, bob = members(lane, "alice", "bob")
    assert is_kept(alice, bob)

    invalidate(f"segment:user:{pk('alice')}")

    assert hits(bob) == [True] * 2
    assert hits(alice) == [False] * 2


def test_a_class_that_is_a_number_is_dropped_by_it(lane: Lane) -> None:
    show(lane, lambda request: request.user.pk or 0)
    alice, bob = members(lane, "alice", "bob")
    assert is_kept(alice, bob)

    invalidate(f"segment:{pk('alice')}")

    assert hits(alice) == [False] * 2
    assert hits(bob) == [True] * 2


@pytest.mark.parametrize("name", ["x" * 300, "two\nlines", "ü&:\0"])
def test_a_class_of_any_name_is_dropped_by_it(lane: Lane, name: str) -> None:
    show(lane, lambda request: name)
    visitor = lane.visitor()
    assert is_kept(visitor)
    invalidate(f"segment:{name}")
    assert hits(visitor) == [False] * 2


def test_a_page_that_is_being_made_meanwhile_is_not_kept(lane: Lane) -> None:
    names: list[str] = []

    async def view(request: HttpRequest) -> HttpResponse:
        user = await request.auser()
        if not names:
            await ainvalidate(f"segment:user:{user.pk}")
        names.append(user.get_username())
        return HttpResponse(user.get_username())

    lane.configure(AUTHENTICATED="segment")
    lane.show(view, segment_by(by_user))
    (alice,) = members(lane, "alice")

    first = alice.get()
    assert (text(first), status(first).reason) == ("alice", "moved")
    assert [status(alice.get()).hit for _ in range(2)] == [False, True]
