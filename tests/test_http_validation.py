"""A page that has ended is not made anew where its view says that it is as it was (RFC 9111 4.3)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.views.decorators.http import condition
from freezegun import freeze_time

from pagecache import depends_on, expire_at, invalidate
from pagecache.stores.base import Refused
from pagecache.stores.generic import GenericStore
from tests import http_cases
from tests.http_cases import (
    ANSWERING,
    ASKED,
    REVALIDATED,
    STRONG,
    UPDATED,
    Answering,
    Asked,
    Revalidated,
    Updated,
    cc,
    ids,
)
from tests.lanes import LAST_ASYNC, LAST_SYNC, MEMORY, MIDDLEWARE, Lane, status, text, through

ON = (MEMORY,)
STATING = (*MIDDLEWARE, LAST_SYNC, LAST_ASYNC)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
CONDITIONAL = ("If-None-Match", "If-Modified-Since")
LASTING = cc("max-age=300")
ANOTHER = {"ETag": '"another"'}


def dated(fields: dict[str, str]) -> dict[str, str]:
    return {name: http_cases.dated(value, NOON.timestamp()) for name, value in fields.items()}


class Site:
    """A page that its view makes once; after that it says 304 to whoever asks it."""

    def __init__(
        self,
        lane: Lane,
        fields: dict[str, str],
        said: dict[str, str] | None = None,
        **policy: Any,
    ) -> None:
        self.asked: list[dict[str, str]] = []
        self.fields, self.said = dated(fields), dated(said or {})
        self.cookie = ""
        self.meanwhile: Any = lambda: None
        lane.show(self.view, **policy)

    def view(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(
            {name: request.headers[name] for name in CONDITIONAL if name in request.headers}
        )
        self.meanwhile()
        if not self.asked[-1]:
            depends_on("data")
            return HttpResponse("hello", headers=self.fields)
        answer = HttpResponseNotModified(headers=self.said)
        if self.cookie:
            answer.set_cookie("own", self.cookie)
        return answer


def after_its_end(lane: Lane, **asked: Any) -> list[HttpResponse]:
    """Ask for the page, again after its end, and once more."""
    with freeze_time(NOON) as clock:
        first = lane.get()
        clock.tick(330)  # the timeout of `cache_page` too
        return [first, lane.get(**asked), lane.get(**asked)]


@through(*STATING)
@pytest.mark.parametrize("case", ASKED, ids=ids(ASKED))
def test_the_view_is_asked_by_what_it_gave_the_page(lane: Lane, case: Asked) -> None:
    site = Site(lane, LASTING | case.fields)

    after_its_end(lane)

    assert site.asked[:2] == [{}, dated(case.asked)]


@through(*STATING)
@pytest.mark.parametrize("case", UPDATED, ids=ids(UPDATED))
def test_page_is_what_was_stored_with_what_the_view_says_now(lane: Lane, case: Updated) -> None:
    lane.configure(TIMEOUT=http_cases.SITE)
    Site(lane, STRONG | LASTING | case.fields, case.said)

    _, second, third = after_its_end(lane)

    for answer in (second, third) if case.life else (second,):
        assert (answer.status_code, answer.content) == (200, b"hello")
        assert {name: answer.get(name) for name in case.then} == dated_then(case.then)
    assert "; fwd=stale; fwd-status=304" in second["Cache-Status"]
    assert status(second).stored is status(third).hit is (case.life > 0)
    if case.life:
        assert status(second).ttl == case.life


def dated_then(then: dict[str, str | None]) -> dict[str, str | None]:
    return {
        name: value and http_cases.dated(value, NOON.timestamp()) for name, value in then.items()
    }


@through(*STATING)
@pytest.mark.parametrize("case", REVALIDATED, ids=ids(REVALIDATED))
def test_the_view_is_asked_each_time(lane: Lane, case: Revalidated) -> None:
    lane.configure(TIMEOUT=0)
    site = Site(lane, case.fields)
    with freeze_time(NOON):
        answers = [lane.get() for _ in range(3)]

    assert [(answer.content, status(answer).hit) for answer in answers] == [(b"hello", False)] * 3
    assert [bool(asked) for asked in site.asked] == [False, case.is_asked, case.is_asked]
    assert [status(answer).stored for answer in answers] == [case.is_asked] * 3


@through(*STATING)
@pytest.mark.parametrize("told, hits", [("max-age=0", True), ("no-cache", False)])
def test_the_view_is_asked_each_time_whatever_timeout_it_has_and_however_often_it_was(
    lane: Lane, told: str, *, hits: bool
) -> None:
    lane.configure(TIMEOUT=0)
    site = Site(lane, STRONG | cc(told), timeout=300)

    answers = [lane.get() for _ in range(4)]

    assert [status(answer).hit for answer in answers] == [False, hits, hits, hits]
    assert len(site.asked) == (1 if hits else 4)


@through(*STATING)
@pytest.mark.parametrize("told, hit", [("", True), ("no-cache", False)])
def test_page_that_was_stale_at_once_is_kept_where_the_view_says_that_it_expires_later(
    lane: Lane, told: str, *, hit: bool
) -> None:
    lane.configure(TIMEOUT=0)
    Site(lane, STRONG | cc(told) | {"Expires": "{-9}"}, {"Expires": "{+900}"})
    with freeze_time(NOON):
        lane.get()
        lane.get()
        assert lane.see().hit is hit


@through(*STATING)
@pytest.mark.parametrize("told, hit", [("no-cache", False), ("max-age=60", True)])
def test_the_view_is_asked_by_a_machine_whose_clock_is_behind(
    lane: Lane, told: str, *, hit: bool
) -> None:
    lane.configure(TIMEOUT=0)
    Site(lane, STRONG | cc(told))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(-1)
        assert lane.see().hit is hit


@through(*STATING)
@pytest.mark.parametrize("told, stays", [("", True), ("must-revalidate", False)])
def test_what_a_page_forbids_after_its_end_is_forbidden_where_the_view_says_no_more_of_it(
    lane: Lane, told: str, *, stays: bool
) -> None:
    lane.configure(STALE_WHILE_REVALIDATE=60)
    Site(lane, STRONG | cc(f"max-age=300, {told}"))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(370)  # when nobody is served it any more
        lane.get()  # whose view says that it is as it was
        clock.tick(330)
        last = lane.visitor().ask("head")

    assert status(last).hit is stays


@through(*STATING)
def test_the_view_is_not_asked_each_time_where_the_site_says_how_long(lane: Lane) -> None:
    site = Site(lane, STRONG | cc("no-cache"))

    assert [lane.see().reason for _ in range(2)] == ["no-cache", "no-cache"]
    assert site.asked == [{}, {}]


def test_page_is_kept_again_in_every_lane(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)

    answers = after_its_end(lane)

    assert [text(answer) for answer in answers] == ["hello"] * 3
    assert [status(answer).hit for answer in answers] == [False, False, True]
    assert len(site.asked) == 2


def test_page_of_a_segment_is_kept_again_in_every_lane(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="tests.test_http.everybody_alike")
    site = Site(lane, STRONG | LASTING)

    answers = after_its_end(lane, headers={"If-None-Match": '"other"'})

    assert [text(answer) for answer in answers] == ["hello"] * 3
    assert [status(answer).hit for answer in answers] == [False, False, True]
    assert site.asked == [{}, {"If-None-Match": '"abc"'}]


def test_page_whose_timeout_is_the_sites_is_kept_again_for_as_long(lane: Lane) -> None:
    Site(lane, STRONG)

    _, second, third = after_its_end(lane)

    assert (status(second).ttl, status(third).hit) == (300, True)
    assert second["Cache-Control"] == third["Cache-Control"] == "max-age=0, must-revalidate"


@through(*STATING)
@pytest.mark.parametrize("said, stored", [({"Expires": "{+690}"}, True), ({}, False)])
def test_page_that_had_expired_is_kept_again_only_if_it_expires_later(
    lane: Lane, said: dict[str, str], stored: bool
) -> None:
    Site(lane, STRONG | {"Expires": "{+300}"}, said)

    second = after_its_end(lane)[1]

    assert (second.content, status(second).stored) == (b"hello", stored)


def test_page_without_end_is_asked_about_where_the_request_wants_it(lane: Lane) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True, TIMEOUT=None)
    lane.show(Site(lane, STRONG).view, timeout=None)
    lane.get()

    second = lane.get(headers={"Cache-Control": "no-cache"})

    assert second["Cache-Status"].startswith("pagecache; fwd=request; fwd-status=304; stored")
    assert text(second) == "hello"


def test_page_is_as_it_was_for_a_client_that_has_it(lane: Lane) -> None:
    Site(lane, STRONG | LASTING)

    _, second, third = after_its_end(lane, headers={"If-None-Match": '"abc"'})

    assert [second.status_code, third.status_code] == [304, 304]
    assert (status(second).stored, status(third).hit) == (True, True)


@through(*STATING)
@pytest.mark.parametrize("case", ANSWERING, ids=ids(ANSWERING))
def test_an_answer_for_another_page_says_nothing_of_this_one(lane: Lane, case: Answering) -> None:
    site = Site(lane, LASTING | case.fields, case.said)

    answers = after_its_end(lane)

    assert [text(answer) for answer in answers] == ["hello"] * 3
    assert [status(answer).hit for answer in answers] == [False, False, True]
    assert [bool(asked) for asked in site.asked] == [False, True, False][: 3 - case.is_for_it]


@pytest.mark.parametrize("segment", ["anonymous", "by_group"])
def test_view_that_answers_for_another_page_is_asked_once_more(lane: Lane, segment: str) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT=f"pagecache.segments.{segment}")
    site = Site(lane, STRONG | LASTING, ANOTHER)

    answers = after_its_end(lane)

    assert [text(answer) for answer in answers] == ["hello"] * 3
    assert [status(answer).stored for answer in answers] == [True, True, False]
    assert site.asked == [{}, {"If-None-Match": '"abc"'}, {}]


def test_view_that_says_304_to_whoever_asks_nothing_says_so_to_the_client(lane: Lane) -> None:
    answers = [HttpResponse("hello", headers=STRONG | LASTING)]
    lane.show(
        lambda request: answers.pop() if answers else HttpResponseNotModified(headers=ANOTHER)
    )

    second = after_its_end(lane)[1]

    assert (second.status_code, status(second).stored) == (304, False)


def test_page_that_is_as_it_was_still_depends_on_its_data(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        lane.get()
        assert lane.see().hit
        invalidate("data")
        assert not lane.see().hit
    assert site.asked[-1] == {}


def test_page_whose_data_changed_is_not_asked_about(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        invalidate("data")
        clock.tick(330)
        lane.get()
    assert site.asked == [{}, {}]


def test_page_whose_data_changes_while_the_view_is_asked_is_not_kept(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        site.meanwhile = lambda: invalidate("data")
        assert lane.see().reason == "moved"
        assert not lane.see().hit


@pytest.mark.parametrize("when", ["page", "answer"])
def test_page_that_time_ends_is_not_asked_about(lane: Lane, when: str) -> None:
    site = Site(lane, STRONG | LASTING)
    asks = {"page": [{}, {}, {}], "answer": [{}, {"If-None-Match": '"abc"'}, {}]}
    site.meanwhile = lambda: expire_at(timezone.now() + timedelta(seconds=30))
    with freeze_time(NOON) as clock:
        if when == "answer":
            ending, site.meanwhile = site.meanwhile, lambda: None
            lane.get()
            site.meanwhile = ending
        else:
            lane.get()
        for _ in range(2):
            clock.tick(330)
            lane.get()
    assert site.asked == asks[when]


def test_cookie_that_comes_with_the_answer_is_for_one_visitor(lane: Lane) -> None:
    site = Site(lane, STRONG | cc("public, max-age=300"))
    site.cookie = "one"

    _, second, third = after_its_end(lane)

    assert (text(second), second.cookies["own"].value) == ("hello", "one")
    assert "private" in second["Cache-Control"]
    assert (status(second).reason, status(third).hit) == ("set-cookie", False)


def test_page_is_not_asked_about_in_the_shadow(lane: Lane) -> None:
    lane.configure(SHADOW=True)
    site = Site(lane, STRONG | LASTING)

    after_its_end(lane)

    assert site.asked == [{}, {}, {}]


def test_head_for_a_page_that_ended_drops_it(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        lane.visitor().ask("head")
        lane.get()
    assert site.asked == [{}, {}, {}]


def test_page_is_forgotten_long_after_its_end(lane: Lane) -> None:
    site = Site(lane, STRONG | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(601)
        lane.get()
    assert site.asked == [{}, {}]


def test_view_with_a_condition_of_djangos_makes_its_page_once(lane: Lane) -> None:
    made = []

    def view(request: HttpRequest) -> HttpResponse:
        made.append(time.time())
        return HttpResponse("hello", headers=LASTING)

    lane.show(condition(etag_func=lambda request: '"abc"')(view))

    answers = after_its_end(lane)

    assert [text(answer) for answer in answers] == ["hello"] * 3
    assert (len(made), status(answers[2]).hit) == (1, True)


@through(*STATING)
@pytest.mark.parametrize("targeted", [http_cases.own, http_cases.cdn])
def test_page_that_a_targeted_field_speaks_for_is_made_anew(lane: Lane, targeted: Any) -> None:
    """A 304 of Django's own has Cache-Control, and leaves such a field out."""
    lane.middleware_inside("django.middleware.http.ConditionalGetMiddleware")
    fields = targeted("max-age=60") | cc("max-age=900")
    lane.show(lambda request: HttpResponse("hello", headers=fields))
    with freeze_time(NOON) as clock:
        hits = []
        for seconds in (0, 30, 60, 30, 60, 30):
            clock.tick(seconds)
            hits.append(lane.see().hit)

    assert hits == [False, True, False, True, False, True]


@through(*MIDDLEWARE, stores=ON)
@pytest.mark.parametrize("writes, code", [(True, 200), (False, 304)])
def test_what_the_view_says_to_its_client_is_not_said_of_what_is_stored(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, code: int, *, writes: bool
) -> None:
    """A store that takes no writes, as one that is full: the view gets what its client asks."""

    def refused(*_arguments: Any) -> Any:
        yield from ()
        raise Refused("full")

    site = Site(lane, {"Last-Modified": "{-900}"} | LASTING)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        if not writes:
            monkeypatch.setattr(GenericStore, "_lease", refused)
        answer = lane.get(headers={"If-None-Match": '"newer"'})

    assert answer.status_code == code
    assert ("If-None-Match" in site.asked[-1]) is not writes
