"""A page is served only if what it was made from is proven to be as it was: numbered cases of data and versions."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse

from pagecache import depends_on, invalidate
from pagecache.announcing import site_names, site_store
from pagecache.recording.recorder import begin_request, end_request
from pagecache.stores import StoreError
from pagecache.tags import SITE, page_tag
from pagecache.versions import STAR
from tests.lanes import ALL, PATH, Lane, showing, status, text
from tests.site.factories import make_author
from tests.site.models import Author
from tests.test_threats_stores import evict

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def elsewhere(work: Callable[[], Any]) -> None:
    """Do something in another request, on a thread of its own, which is over when this returns."""

    def run() -> None:
        begin_request()
        work()
        end_request()
        connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def rename() -> None:
    Author.objects.update(name="new")


CHANGES: dict[str, Callable[[], Any]] = {
    "a write": rename,
    "a row of its own": lambda: Author.objects.get().save(),
    "a tag": lambda: invalidate("data"),
    "the address": lambda: invalidate(page_tag(PATH)),
    "the site": lambda: invalidate(SITE),
}


@pytest.mark.parametrize("when", ["before the read", "after the read"])
@pytest.mark.parametrize("change", CHANGES)
def test_h123_what_changed_while_a_page_was_made_keeps_it_from_being_stored(
    lane: Lane, change: str, when: str
) -> None:
    """Threat 123: the start versions are older than what the view read."""
    make_author("old")

    def view(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        is_first = lane.renders == 1
        if is_first and when == "before the read":
            elsewhere(CHANGES[change])
        name = Author.objects.get().name
        if is_first and when == "after the read":
            elsewhere(CHANGES[change])
        return HttpResponse(name)

    lane.show(view)
    first = lane.see()
    assert (first.stored, first.reason) == (False, "moved")
    assert lane.read() == Author.objects.get().name
    assert lane.see().hit


def depending(*names: str) -> Any:
    return showing(lambda request: depends_on(*names))


def key_of(name: str) -> str:
    """Return the key of a version."""
    return site_names().version(name)


def versions(*names: str) -> list[bytes | None]:
    return site_store().fetch([key_of(name) for name in names])


def lose(lane: Lane, *names: str) -> None:
    """Let the store evict versions."""
    for name in names:
        evict(lane, key_of(name))


def put(**kept: bytes | None) -> None:
    site_store().put({key_of(name): data or b"" for name, data in kept.items()}, 300)


@pytest.mark.parametrize("lost", [STAR, SITE, page_tag(PATH), "data"])
def test_h129_a_page_whose_version_was_lost_is_not_served(lane: Lane, lost: str) -> None:
    """Threat 129: absent equals nothing, not even absent; `*` is for pages that are being made alone."""
    lane.show(depending("data"))
    lane.get()
    assert lane.see().hit
    lose(lane, lost)
    assert versions(lost) == [None]
    assert [lane.see().hit for _ in range(2)] == [lost == STAR, True]


@pytest.mark.parametrize("lost", [(SITE,), ("data",), (SITE, page_tag(PATH), "data", STAR)])
def test_h129_a_version_that_is_made_anew_equals_none_before(
    lane: Lane, lost: tuple[str, ...]
) -> None:
    """Threat 129: a page that outlived the versions of its data comes back with no others."""
    lane.show(depending("data"))
    lane.get()
    page = lane.see().key
    assert page is not None
    (kept,) = site_store().fetch([page])
    assert kept is not None
    before = versions(*lost)
    lose(lane, *lost)
    assert not lane.see().hit  # it makes them anew
    assert not set(before) & set(versions(*lost))
    site_store().put({page: kept}, 300)
    answer = lane.see()
    assert (answer.forward, answer.hit) == ("stale", False)


@pytest.mark.parametrize("fault", [StoreError("away"), TimeoutError("slow"), ValueError("odd")])
def test_h129_nothing_is_served_unproven_where_versions_cannot_be_read(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Threat 129: also where the data changed meanwhile."""
    make_author("old")
    lane.show(showing(lambda request: Author.objects.get().name))
    lane.get()
    assert lane.see().hit

    def fetch(self: Any, keys: Any) -> Any:
        raise fault

    with monkeypatch.context() as away:
        away.setattr(type(site_store()), "_fetch", fetch)
        rename()
        answers = [lane.get() for _ in range(2)]
    assert [(text(answer), status(answer).hit) for answer in answers] == [("new", False)] * 2
    assert lane.read() == "new"


def test_h131_versions_are_compared_one_by_one(lane: Lane) -> None:
    """Threat 131: what adds up to the same, as a sum or as a set, is not the same."""
    lane.show(depending("a", "b"))
    lane.get()
    a, b = versions("a", "b")
    put(a=a, b=b)
    assert lane.see().hit  # as they were
    put(a=b, b=a)
    assert not lane.see().hit


@pytest.mark.parametrize("moved", [{"a": 1, "b": -1}, {"a": 1 << 64, "b": 0}, {"a": 0, "b": -1}])
def test_h131_versions_that_moved_against_each_other_are_others(
    lane: Lane, moved: dict[str, int]
) -> None:
    lane.show(depending("a", "b"))
    lane.get()
    assert lane.see().hit
    for name, by in moved.items():
        (version,) = versions(name)
        number = int.from_bytes(version or b"") + by
        put(**{name: number.to_bytes(16)})
    assert not lane.see().hit
