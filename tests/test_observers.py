"""Middleware that only looks on: what it reads splits and bars nothing, what the view reads counts as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse

from pagecache.checks.middleware import check_middleware, check_observers
from tests.lanes import ALL, MIDDLEWARE, PAGECACHE, STOCK, Lane, showing, status, text, through
from tests.lanes_site import observers

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
HERE = "tests.lanes_site.observers."
OBSERVERS = ("traces", "Logs", "Async", "Times", "made")

hello = showing(lambda request: "hello")


@pytest.fixture(autouse=True)
def _told() -> None:
    observers.told.clear()


def observe(lane: Lane, *names: str, behind: tuple[str, ...] = ()) -> None:
    """Let these look on, last in line or before some others."""
    paths = [HERE + name for name in names]
    lane.configure(OBSERVERS=paths, OUTSIDE=behind)
    lane.middleware(*STOCK, *behind, *paths)


def client(number: int) -> dict[str, Any]:
    """Return what differs between two browsers."""
    return {
        "headers": {"User-Agent": f"agent {number}", "Accept": "text/html, */*"},
        "cookies": {"_ga": str(number)},
    }


@pytest.mark.parametrize("name", OBSERVERS)
def test_what_an_observer_reads_splits_and_bars_nothing(lane: Lane, name: str) -> None:
    observe(lane, name)
    lane.show(hello)
    assert [lane.see(**client(number)).hit for number in range(3)] == [False, True, True]
    assert lane.renders == 1
    assert any("agent 0" in told for told in observers.told)


@pytest.mark.parametrize("name", OBSERVERS)
@through(*MIDDLEWARE)
def test_positive_control_what_other_middleware_reads_counts(lane: Lane, name: str) -> None:
    observe(lane, name)
    lane.configure(OBSERVERS=[])
    lane.show(hello)
    assert not any(lane.see(**client(number)).stored for number in range(2))


def test_observers_may_look_at_observers(lane: Lane) -> None:
    observe(lane, *OBSERVERS[:3])
    lane.show(hello)
    assert [lane.see(**client(number)).hit for number in range(3)] == [False, True, True]


READS: dict[str, Callable[[Any], Any]] = {
    "header": lambda r: r.headers.get("User-Agent"),
    "header in META": lambda r: r.META.get("HTTP_USER_AGENT"),
    "cookie": lambda r: r.COOKIES.get("_ga"),
    "cookies": lambda r: dict(r.COOKIES),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", OBSERVERS)
def test_what_the_view_reads_inside_counts(lane: Lane, name: str, read: str) -> None:
    observe(lane, name)
    lane.show(showing(READS[read]))
    for number in (1, 2, 1):
        assert str(number) in lane.read(**client(number))


@pytest.mark.parametrize("name", OBSERVERS)
def test_accepted_types_that_an_observer_found_out_are_read_by_the_view(
    lane: Lane, name: str
) -> None:
    observe(lane, name)
    lane.show(showing(lambda request: request.accepts("application/json")))
    for accepted, shown in (("text/html", "False"), ("application/json", "True")) * 2:
        assert lane.read(headers={"Accept": accepted}) == shown


@pytest.mark.parametrize("name", OBSERVERS)
def test_a_cart_that_an_observer_found_out_is_read_by_the_view(lane: Lane, name: str) -> None:
    observe(lane, name, behind=("tests.lanes_site.middleware.has_cart",))
    lane.show(showing(lambda request: list(request.cart)))
    for cart in ("apple", "pear") * 2:
        assert lane.read(cookies={"cart": cart}) == f"['{cart}']"
    assert lane.read() == "['']"


PEOPLE: dict[str, Callable[[Any], Any]] = {
    "user": lambda r: r.user.get_username(),
    "user in vars": lambda r: vars(r)["user"].get_username(),
    "user by Django's own way": lambda r: get_user(r).get_username(),
    "session": lambda r: r.session.get("_auth_user_id"),
    "session in vars": lambda r: vars(r)["session"].get("_auth_user_id"),
}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", ["traces", "Logs"])
def test_who_an_observer_found_out_is_read_by_the_view(lane: Lane, name: str, who: str) -> None:
    lane.configure(AUTHENTICATED="unread")
    observe(lane, name)
    lane.show(showing(PEOPLE[who]))
    alice, bob = (lane.visitor().log_in(User.objects.create_user(one)) for one in ("alice", "bob"))
    nobody = lane.read()
    seen = [[text(one.get()) for _ in range(2)] for one in (alice, bob)]
    assert seen[0][0] == seen[0][1] != nobody
    assert seen[1][0] == seen[1][1] not in {nobody, seen[0][0]}
    assert lane.read() == nobody


@pytest.mark.parametrize("name", ["traces", "Logs"])
def test_pages_about_nobody_are_kept_although_an_observer_looks_who_asks(
    lane: Lane, name: str
) -> None:
    lane.configure(AUTHENTICATED="unread")
    observe(lane, name)
    lane.show(hello)
    alice, bob = (lane.visitor().log_in(User.objects.create_user(one)) for one in ("alice", "bob"))
    assert [status(one.get()).hit for one in (alice, bob)] == [False, True]
    assert lane.see().hit


@through(*MIDDLEWARE)
def test_who_the_view_found_out_stays_found_out(lane: Lane) -> None:
    observe(lane, "Logs", behind=("tests.lanes_site.middleware.knows_members",))
    lane.show(showing(lambda request: request.user.is_authenticated))
    assert [lane.see().reason, lane.see().reason] == ["authenticated"] * 2


@pytest.mark.parametrize("name", OBSERVERS)
def test_what_a_late_template_reads_counts(lane: Lane, name: str) -> None:
    template = engines["django"].from_string("{{ request.COOKIES.theme }}")
    observe(lane, name)
    lane.show(lambda request: TemplateResponse(request, template))
    for theme in ("light", "dark") * 2:
        assert lane.read(cookies={"theme": theme}) == theme
    assert lane.read() == ""


@pytest.mark.parametrize("name", OBSERVERS)
def test_what_an_observer_has_to_do_with_a_view_that_fails(lane: Lane, name: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            raise LookupError("of the view")
        return HttpResponse("well")

    observe(lane, name)
    lane.show(view)
    with pytest.raises(LookupError, match="of the view"):
        lane.get()
    assert [lane.read(**client(number)) for number in range(2)] == ["well", "well"]
    assert lane.see().hit


@through(*MIDDLEWARE)
def test_what_an_observer_writes_onto_the_response_counts(lane: Lane) -> None:
    observe(lane, "Varies")
    lane.show(hello)
    for value in ("a", "b") * 2:
        assert lane.get(headers={"X-Own": value})["X-Seen"] == value
    assert lane.see(headers={"X-Own": "a"}).hit

    observe(lane, "Greets")
    assert [lane.see().reason, lane.see().reason] == ["set-cookie"] * 2


@through(*MIDDLEWARE)
def test_what_an_observer_writes_onto_the_request_is_there(lane: Lane) -> None:
    observe(lane, "Marks")
    lane.show(showing(lambda request: request.agent))
    assert lane.read(headers={"User-Agent": "long"}) == "4"


@through(*MIDDLEWARE)
def test_a_class_derived_from_an_observer_is_none(lane: Lane) -> None:
    observe(lane, "Logs")
    lane.middleware(*STOCK, HERE + "Logs", HERE + "DerivedLogs")
    lane.show(hello)
    assert not any(lane.see(**client(number)).stored for number in range(2))


@through(*MIDDLEWARE)
def test_a_request_that_is_left_to_its_view_is_looked_at_as_ever(
    lane: Lane, django_assert_num_queries: Any
) -> None:
    """A session and a user are found out once."""
    observe(lane, "Logs")
    lane.show(showing(lambda request: request.user.get_username()))
    alice = lane.visitor().log_in(User.objects.create_user("alice"))
    with django_assert_num_queries(2):
        assert text(alice.get()) == "alice"


WRONG = {
    "tests.nowhere.Logs": "which cannot be imported: No module named 'tests.nowhere'.",
    HERE + "Nothing": "which cannot be imported: ",
    HERE + "told": "which is no function of a request.",
    HERE + "Varies": "which is not in MIDDLEWARE.",
}


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_path_is_told_at_start_up(settings: Any, path: str) -> None:
    settings.MIDDLEWARE = [PAGECACHE, *STOCK, HERE + "Logs"]
    settings.PAGECACHE = {"ENABLED": True, "OBSERVERS": [path]}
    with pytest.raises(ImproperlyConfigured, match="OBSERVERS") as raised:
        BaseHandler().load_middleware()
    (found,) = check_observers()
    assert (found.id, found.msg) == ("pagecache.E013", str(raised.value))
    assert WRONG[path] in found.msg
    assert found.hint


def test_an_observer_may_stand_before_pagecache(settings: Any) -> None:
    settings.MIDDLEWARE = [HERE + "Logs", PAGECACHE, *STOCK]
    settings.PAGECACHE = {"ENABLED": True, "OBSERVERS": [HERE + "Logs"]}
    assert [*check_observers(), *check_middleware()] == []
