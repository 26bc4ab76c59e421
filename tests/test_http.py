"""HTTP by the book in all lanes: what the cases say happens on a site."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from freezegun import freeze_time

from pagecache import depends_on, invalidate
from tests import http_cases
from tests.http_cases import (
    AGED,
    ASKING,
    CHANGES,
    CONDITIONS,
    ENDED,
    FRESHNESS,
    GRACE,
    GUESSES,
    PARTS,
    STATUSES,
    STRONG,
    TARGETED,
    Asking,
    Change,
    Condition,
    Final,
    Freshness,
    Grace,
    Guess,
    Part,
    cc,
    ids,
)
from tests.lanes import (
    BEHIND_OTHERS,
    DECORATOR_SYNC,
    LAST_ASYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE,
    STOCK,
    Lane,
    showing,
    status,
    text,
    through,
)

ON = (MEMORY,)
STATING = (*MIDDLEWARE, LAST_SYNC, LAST_ASYNC)  # where the response says how long, not `cache_page`
PATIENCE = 15  # seconds that a test may take meanwhile


def sending(lane: Lane, fields: dict[str, str], body: str = "hello") -> float:
    """Show a page with these header fields, whose dates are counted from now; return when that is."""
    now = time.time()

    def view(request: HttpRequest) -> HttpResponse:
        said = {name: http_cases.dated(value, now) for name, value in fields.items()}
        return HttpResponse(body, headers=said)

    lane.show(view)
    return now


@through(*STATING)
@pytest.mark.parametrize("case", FRESHNESS, ids=ids(FRESHNESS))
def test_pages_are_kept_as_long_as_the_book_says(lane: Lane, case: Freshness) -> None:
    lane.configure(TIMEOUT=http_cases.SITE)
    sending(lane, case.fields)

    first, second = lane.get(), lane.get()

    assert status(first).stored is status(second).hit is (case.life > 0)
    if case.life:
        assert case.life - PATIENCE <= (status(first).ttl or 0) <= case.life
        assert case.age <= int(second["Age"]) <= case.age + PATIENCE
    assert case.fields.get("Cache-Control", "") in second.get("Cache-Control", "")


@through(*STATING)
@pytest.mark.parametrize("case", STATUSES, ids=ids(STATUSES))
def test_answers_of_any_status_are_kept_where_only_they_say_so(lane: Lane, case: Final) -> None:
    lane.configure(TIMEOUT=0)
    said = {name: http_cases.dated(value, time.time()) for name, value in case.fields.items()}
    lane.show(lambda request: HttpResponse("page", headers=said, status=case.status))

    first, second = lane.get(), lane.get()

    assert status(first).stored is status(second).hit is case.is_stored
    assert (second.status_code, second.content) == (case.status, b"page")


@pytest.mark.parametrize("options", [{}, {"STATUSES": [200], "TIMEOUT": 0}])
@through(*STATING)
def test_other_answers_are_not_kept_where_the_site_says_so_itself(
    lane: Lane, options: dict[str, Any]
) -> None:
    lane.configure(**options)
    lane.show(lambda request: HttpResponse(headers=http_cases.LASTING, status=500))

    assert [lane.see().reason for _ in range(2)] == ["status", "status"]


def test_what_a_targeted_field_allows_here_is_as_fresh_elsewhere_as_was_said(lane: Lane) -> None:
    sending(lane, http_cases.cdn("max-age=60") | cc("no-store"))

    assert [lane.get()["Cache-Control"] for _ in range(2)] == ["no-store", "no-store"]


@through(*STATING)
@pytest.mark.parametrize("case", GUESSES, ids=ids(GUESSES))
def test_how_long_is_guessed_where_the_site_asks_for_it(lane: Lane, case: Guess) -> None:
    lane.configure(TIMEOUT=0, NEGATIVE_TIMEOUT=None, HEURISTIC=0.1)
    said = dates_of(case.fields, time.time())
    lane.show(lambda request: HttpResponse("page", headers=said, status=case.status))

    first, second = lane.get(), lane.get()

    assert status(second).hit is (case.life > 0)
    if case.life:
        assert case.life - PATIENCE <= (status(first).ttl or 0) <= case.life


@through(*STATING)
def test_nothing_is_guessed_unless_asked_for(lane: Lane) -> None:
    lane.configure(TIMEOUT=0)
    sending(lane, http_cases.CHANGED_LATELY)

    assert [lane.see().ttl, lane.see().hit] == [0, False]  # kept only to ask the view about it


def dates_of(fields: dict[str, str], now: float) -> dict[str, str]:
    return {name: http_cases.dated(value, now) for name, value in fields.items()}


@pytest.mark.parametrize("case", CONDITIONS, ids=ids(CONDITIONS))
def test_conditions_are_answered_by_the_book(lane: Lane, case: Condition) -> None:
    now = sending(lane, case.fields)
    lane.get()

    answer = lane.get(headers=dates_of(case.asked, now))

    assert status(answer).hit
    assert answer.status_code == (304 if case.is_known else 200)
    assert answer.content == (b"" if case.is_known else b"hello")


ABOUT_CACHES = {
    "Cache-Control": "max-age=900",
    "CDN-Cache-Control": "max-age=90",
    "Content-Location": "/page/other/",
    "Date": "{-30}",
    "ETag": '"abc"',
    "Expires": "{+900}",
    "Vary": "X-Own",
}
REST = {"Last-Modified": "{-600}", "Content-Language": "de", "X-Own": "mine"}


def test_304_has_what_caches_go_by_and_nothing_about_the_body(lane: Lane) -> None:
    sending(lane, ABOUT_CACHES | REST)
    whole = lane.get()

    answer = lane.get(headers={"If-None-Match": '"abc"'})

    assert answer.status_code == 304
    assert all(answer[name] == whole[name] for name in ABOUT_CACHES)
    assert int(answer["Age"]) >= 30
    assert not answer.headers.keys() & {"Content-Type", *REST}


def test_304_tells_when_the_page_changed_where_nothing_else_does(lane: Lane) -> None:
    sending(lane, REST | {"Cache-Control": "private"})  # not stored, so that it gets no validator

    answer = lane.get(headers={"If-Modified-Since": http_cases.dated("{-60}", time.time())})

    assert (answer.status_code, status(answer).reason) == (304, "private")
    assert answer.has_header("Last-Modified")


def test_date_is_kept_and_the_age_counts_from_it(lane: Lane) -> None:
    sending(lane, {"Date": "{-30}", "Cache-Control": "max-age=900"})
    first = lane.get()

    second = lane.get()

    assert second["Date"] == first["Date"]
    assert 30 <= int(second["Age"]) <= 30 + PATIENCE


ONE_CONNECTION = {
    "Connection": "X-Hop, close, cache-control",
    "X-Hop": "1",
    "Keep-Alive": "timeout=5",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authentication-Info": "x",
    "Proxy-Connection": "close",
    "TE": "trailers",
    "Trailer": "X-Late",
    "Upgrade": "h2c",
}


def test_fields_of_one_connection_are_not_stored(lane: Lane) -> None:
    sending(lane, ONE_CONNECTION | {"X-End": "1", "Cache-Control": "max-age=60"})
    lane.get()

    answer = lane.get()

    assert status(answer).hit
    assert not answer.headers.keys() & ONE_CONNECTION.keys()
    assert (answer["X-End"], answer["Cache-Control"]) == ("1", "max-age=60")


def test_head_is_answered_from_a_stored_get(lane: Lane) -> None:
    sending(lane, {})
    whole = lane.get()

    answer: Any = lane.visitor().ask("head")

    assert (status(answer).hit, answer.content) == (True, b"")
    assert (answer["ETag"], answer["Content-Length"]) == (whole["ETag"], "5")


@through(*MIDDLEWARE)
def test_answer_without_content_has_no_length(lane: Lane) -> None:
    lane.configure(STATUSES=[204])
    lane.show(lambda request: HttpResponse(status=204))
    lane.get()

    answers: Any = [lane.visitor().ask(method) for method in ("get", "head")]

    assert all(status(answer).hit for answer in answers)
    assert not any(answer.has_header("Content-Length") for answer in answers)


def test_answer_to_head_is_not_stored(lane: Lane) -> None:
    sending(lane, {})

    assert status(lane.visitor().ask("head")).reason == "head"
    assert not lane.see().hit


OTHER = unquote(http_cases.OTHER)
UNSAFE = ("post", "put", "patch", "delete", "unheard-of")


def mount_both(lane: Lane, fields: dict[str, str], code: int) -> None:
    def change(request: HttpRequest) -> HttpResponse:
        is_asked = request.method == "GET"
        return HttpResponse("page") if is_asked else HttpResponse(headers=fields, status=code)

    lane.mount(
        path("page/", lane.page(change)),
        path("other/é/", lane.page(showing(lambda request: "other"))),
    )
    for url in ("/page/", OTHER):
        assert [lane.see(url).hit for _ in range(2)] == [False, True]


@pytest.mark.parametrize("case", CHANGES, ids=ids(CHANGES))
def test_pages_that_an_unsafe_request_names_are_dropped(lane: Lane, case: Change) -> None:
    mount_both(lane, case.fields, case.status)

    lane.visitor().ask("post")

    assert lane.see(OTHER).hit is not case.drops
    assert lane.see("/page/").hit is (case.status >= 400)


@through(DECORATOR_SYNC)
def test_request_that_was_made_by_hand_names_no_pages(lane: Lane) -> None:
    answered = HttpResponse(headers={"Location": http_cases.OTHER}, status=303)

    assert lane.page(lambda request: answered)(HttpRequest()) is answered


@pytest.mark.parametrize("method", UNSAFE)
def test_every_unsafe_method_drops_pages(lane: Lane, method: str) -> None:
    mount_both(lane, {"Location": http_cases.OTHER}, 201)

    lane.visitor().ask(method)

    assert not lane.see(OTHER).hit
    assert not lane.see("/page/").hit


def test_safe_method_drops_nothing(lane: Lane) -> None:
    mount_both(lane, {"Location": http_cases.OTHER}, 200)

    lane.visitor().ask("options")

    assert lane.see(OTHER).hit
    assert lane.see("/page/").hit


TEN = "0123456789"


@pytest.mark.parametrize("case", PARTS, ids=ids(PARTS))
def test_parts_are_cut_out_of_the_stored_page(lane: Lane, case: Part) -> None:
    lane.configure(RANGES=True)
    now = sending(lane, case.fields, TEN)
    whole = lane.get()

    answer = lane.get(headers=dates_of(case.asked, now))

    assert status(answer).hit
    if case.part is None:
        assert (answer.status_code, answer.content.decode()) == (200, TEN)
        assert not answer.has_header("Content-Range")
    elif not case.part:
        assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */10")
    else:
        assert (answer.status_code, answer.content.decode()) == (206, case.part)
        start = TEN.index(case.part)
        assert answer["Content-Range"] == f"bytes {start}-{start + len(case.part) - 1}/10"
        assert int(answer["Content-Length"]) == len(case.part)
        assert (answer["ETag"], answer["Accept-Ranges"]) == (whole["ETag"], "bytes")


def test_first_client_that_asks_for_a_part_gets_it_and_the_whole_page_is_stored(lane: Lane) -> None:
    lane.configure(RANGES=True)
    sending(lane, {}, TEN)

    answer = lane.get(headers={"Range": "bytes=2-3"})

    assert (answer.status_code, answer.content, status(answer).stored) == (206, b"23", True)
    assert (lane.read(), lane.renders) == (TEN, 1)


def test_part_of_a_response_that_its_view_sends_again_is_no_part_for_others(lane: Lane) -> None:
    lane.configure(RANGES=True)
    kept = HttpResponse("0123456789", headers=cc("max-age=60"))
    lane.show(lambda request: kept, tags=["data"])
    parts = []
    for _ in range(2):
        parts.append(lane.get(headers={"Range": "bytes=0-1"}))
        invalidate("data")
    assert [(part.status_code, text(part)) for part in parts] == [(206, "01")] * 2
    assert lane.read() == "0123456789"
    assert lane.see().hit


def test_response_that_its_view_sends_again_is_compressed_for_who_takes_it_alone(
    lane: Lane,
) -> None:
    lane.configure(COMPRESS=True)
    kept = HttpResponse(TEN * 1000, headers=cc("max-age=60"))
    lane.show(lambda request: kept, tags=["data"])
    first = lane.get(headers={"Accept-Encoding": "gzip"})
    assert first["Content-Encoding"] == "gzip"
    invalidate("data")
    assert [lane.read() for _ in range(2)] == [TEN * 1000] * 2
    assert lane.see().hit


def test_condition_comes_before_the_range(lane: Lane) -> None:
    lane.configure(RANGES=True)
    sending(lane, STRONG, TEN)
    lane.get()

    assert lane.get(headers={"Range": "bytes=0-1", "If-None-Match": '"abc"'}).status_code == 304
    assert lane.get(headers={"Range": "bytes=0-1", "If-None-Match": '"x"'}).status_code == 206


@through(*BEHIND_OTHERS)
def test_page_that_is_changed_outside_has_no_parts(lane: Lane) -> None:
    own = "tests.lanes_site.middleware.footer"
    lane.configure(RANGES=True, OUTSIDE=[own])
    if lane.kind.decorated or lane.kind.last:
        lane.middleware(own, *STOCK)
    else:
        lane.settings.MIDDLEWARE = [own, *lane.settings.MIDDLEWARE]
    sending(lane, {}, TEN)
    answers = [lane.get(headers={"Range": "bytes=0-1"}) for _ in range(2)]

    assert [text(answer) for answer in answers] == [f"{TEN}<footer>"] * 2
    lane.configure(OUTSIDE=[], OBSERVERS=[own])
    assert text(lane.get(headers={"Range": "bytes=0-1"})) == f"{TEN[:2]}<footer>", "it only looks"


def test_head_has_no_part(lane: Lane) -> None:
    lane.configure(RANGES=True)
    sending(lane, {}, TEN)
    lane.get()

    answer: Any = lane.visitor().ask("head", headers={"Range": "bytes=0-1"})

    assert (answer.status_code, status(answer).hit, answer["Content-Length"]) == (200, True, "10")


def test_range_is_the_views_unless_asked_for(lane: Lane) -> None:
    sending(lane, {}, TEN)
    lane.get()

    answer = lane.get(headers={"Range": "bytes=0-1"})

    assert (answer.status_code, status(answer).reason) == (200, "range")
    assert not lane.get().has_header("Accept-Ranges")


def test_view_that_looks_at_the_range_answers_it(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if request.headers.get("Range") != "bytes=0-1":
            return HttpResponse(TEN)
        return HttpResponse("01", headers={"Content-Range": "bytes 0-1/10"}, status=206)

    lane.configure(RANGES=True)
    lane.show(view)
    first = lane.get(headers={"Range": "bytes=0-1"})

    assert [lane.read(), lane.read(), lane.see().hit] == [TEN, TEN, True]
    again = lane.get(headers={"Range": "bytes=0-1"})
    for answer in (first, again):
        assert (answer.status_code, answer.content) == (206, b"01")
        assert not status(answer).stored


@through(*BEHIND_OTHERS)
def test_page_that_is_compressed_outside_has_no_parts(lane: Lane) -> None:
    names = ["django.middleware.gzip.GZipMiddleware", *STOCK]
    if lane.kind.decorated or lane.kind.last:
        lane.middleware(*names)
    else:
        lane.settings.MIDDLEWARE = [names[0], *lane.settings.MIDDLEWARE]
    lane.configure(RANGES=True)
    sending(lane, {}, TEN * 100)
    lane.get()

    answer = lane.get(headers={"Range": "bytes=0-500", "Accept-Encoding": "gzip"})

    assert (answer.status_code, status(answer).reason) == (200, "range")
    assert answer["Content-Encoding"] == "gzip"


def test_page_with_holes_has_no_parts(lane: Lane) -> None:
    template = engines["django"].from_string("{% csrf_token %}")
    lane.configure(RANGES=True)
    lane.show(lambda request: HttpResponse(template.render({}, request)))
    asked = {"Range": "bytes=0-1", "If-None-Match": "*"}

    answers = [lane.get(headers=asked) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [status(answer).stored for answer in answers] == [True, False]
    assert status(answers[1]).hit
    assert not any(answer.has_header("Accept-Ranges") for answer in answers)


@pytest.mark.parametrize("case", ASKING, ids=ids(ASKING))
def test_requests_are_obeyed_where_the_site_says_so(lane: Lane, case: Asking) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    sending(lane, AGED)
    lane.get()

    said = status(lane.get(headers=case.asked))

    assert said.hit is case.is_answered
    if not case.is_answered:
        assert (said.forward, said.stored) == ("request", True)
    assert lane.renders == (1 if case.is_answered else 2)


@pytest.mark.parametrize("case", ASKING, ids=ids(ASKING))
def test_requests_have_no_say_by_default(lane: Lane, case: Asking) -> None:
    sending(lane, AGED)
    lane.get()

    assert status(lane.get(headers=case.asked)).hit


def test_the_last_page_that_was_stored_is_used(lane: Lane) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    lane.show(lambda request: HttpResponse(str(lane.renders)))

    made = [lane.read(), text(lane.get(headers={"Cache-Control": "no-cache"})), lane.read()]

    assert made == ["1", "2", "2"]


def test_page_that_is_not_to_be_stored_is_not(lane: Lane) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    sending(lane, {})

    assert status(lane.get(headers={"Cache-Control": "no-store"})).reason == "request-no-store"
    assert lane.see().stored


def test_page_that_cannot_be_stored_any_more_is_dropped(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        said = "max-age=60" if lane.renders == 1 else "private"
        return HttpResponse("page", headers={"Cache-Control": said})

    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    lane.show(view)
    lane.get()

    assert status(lane.get(headers={"Cache-Control": "no-cache"})).reason == "private"
    assert not lane.see().hit


ONLY_STORED = {"Cache-Control": "only-if-cached"}


@pytest.mark.parametrize("segment", ["anonymous", "by_group"])
def test_client_that_wants_only_a_stored_page_gets_504_without_one(
    lane: Lane, segment: str
) -> None:
    lane.configure(
        OBEY_REQUEST_DIRECTIVES=True,
        AUTHENTICATED="segment",
        SEGMENT=f"pagecache.segments.{segment}",
    )
    sending(lane, {})

    answer = lane.get(headers=ONLY_STORED)

    assert (answer.status_code, lane.renders) == (504, 0)
    assert answer["Cache-Status"] == "pagecache; detail=only-if-cached"
    assert lane.see().stored
    assert lane.get(headers=ONLY_STORED).status_code == 200
    assert lane.renders == 1


def test_client_that_wants_only_a_stored_page_is_answered_in_the_shadow(lane: Lane) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True, SHADOW=True)
    sending(lane, {})
    lane.get()

    assert lane.get(headers=ONLY_STORED).status_code == 200


@pytest.mark.parametrize("method", ["post", "options"])
def test_other_methods_have_no_stored_pages(lane: Lane, method: str) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    sending(lane, {})

    assert lane.visitor().ask(method, headers=ONLY_STORED).status_code == 200


def test_word_of_caches_nearer_the_origin_is_kept_with_the_page(lane: Lane) -> None:
    sending(lane, {"Cache-Status": 'inner; fwd=uri-miss; detail="a pagecache"'})

    answers = [lane.get(), lane.get(), lane.get(headers={"If-None-Match": "*"})]

    assert [status(answer).hit for answer in answers] == [False, True, True]
    for answer in answers:
        assert answer["Cache-Status"].startswith('inner; fwd=uri-miss; detail="a pagecache", page')
        assert answer["Cache-Status"].count(", pagecache; ") == 1


def test_status_of_the_view_is_said_where_the_client_gets_another(lane: Lane) -> None:
    sending(lane, STRONG)

    answer = lane.get(headers={"If-None-Match": '"abc"'})

    assert answer.status_code == 304
    assert "; fwd=uri-miss; fwd-status=200; stored;" in answer["Cache-Status"]
    assert "fwd-status" not in lane.get("/page/?")["Cache-Status"]


SEARCHED = "key-order, params, except=("


def test_parameters_that_a_page_did_not_read_are_said(lane: Lane) -> None:
    lane.mount(
        path("none/", lane.page(showing(lambda request: "x"))),
        path("some/", lane.page(showing(lambda request: [request.GET.get(one) for one in "qp"]))),
        path("all/", lane.page(showing(lambda request: request.GET.urlencode()))),
    )

    for _ in range(2):
        assert lane.get("/none/?a=1")["No-Vary-Search"] == "key-order, params"
        assert lane.get("/some/?a=1")["No-Vary-Search"] == f'{SEARCHED}"p" "q")'
        assert not lane.get("/all/?a=1").has_header("No-Vary-Search")


def test_what_the_view_says_of_its_parameters_stays(lane: Lane) -> None:
    sending(lane, {"No-Vary-Search": "params=()"})

    assert [lane.get()["No-Vary-Search"] for _ in range(2)] == ["params=()", "params=()"]


def test_page_that_is_not_stored_says_nothing_of_parameters(lane: Lane) -> None:
    sending(lane, {"Cache-Control": "private"})

    assert not lane.get().has_header("No-Vary-Search")


@through(*STATING)
@pytest.mark.parametrize("case", TARGETED, ids=ids(TARGETED))
def test_targeted_fields_govern_how_long_pages_are_kept(lane: Lane, case: Freshness) -> None:
    lane.configure(TIMEOUT=http_cases.SITE)
    sending(lane, case.fields)

    first, second = lane.get(), lane.get()

    assert status(first).stored is status(second).hit is (case.life > 0)
    if case.life:
        assert case.life - PATIENCE <= (status(first).ttl or 0) <= case.life


def test_field_for_pagecache_alone_goes_no_further(lane: Lane) -> None:
    sending(lane, http_cases.own("max-age=60") | http_cases.cdn("max-age=9"))

    for _ in range(2):
        answer = lane.get()
        assert not answer.has_header("PageCache-Cache-Control")
        assert answer["CDN-Cache-Control"] == "max-age=9"


NOT_FOR_ALL = {"CDN-Cache-Control": "max-age=60", "Surrogate-Control": "max-age=60"}


def test_page_of_one_visitor_is_allowed_to_no_cache_further_down(lane: Lane) -> None:
    template = engines["django"].from_string("{% csrf_token %}")
    lane.show(lambda request: HttpResponse(template.render({}, request), headers=NOT_FOR_ALL))

    answers = [lane.get(), lane.get()]

    assert status(answers[1]).hit
    assert not any(answer.headers.keys() & NOT_FOR_ALL.keys() for answer in answers)


@through(*STATING)
def test_page_of_a_segment_is_allowed_to_no_cache_further_down(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="tests.test_http.everybody_alike")
    sending(lane, NOT_FOR_ALL)

    answers = [lane.get(), lane.get()]

    assert status(answers[1]).hit
    assert all("private" in answer["Cache-Control"] for answer in answers)
    assert not any(answer.headers.keys() & NOT_FOR_ALL.keys() for answer in answers)


def everybody_alike(request: HttpRequest) -> str:
    return "everybody"


NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def failing(
    lane: Lane, fields: dict[str, str], code: int = 503, failed: Callable[[], Any] | None = None
) -> None:
    """Show a page that is answered once, and then by an error."""

    def view(request: HttpRequest) -> HttpResponse:
        depends_on("data")
        if lane.renders == 1:
            return HttpResponse("page", headers=fields)
        if failed:
            failed()
        return HttpResponse("broken", status=code)

    lane.show(view)


@through(*STATING)
@pytest.mark.parametrize("case", GRACE, ids=ids(GRACE))
def test_page_that_ended_stands_in_for_an_error(lane: Lane, case: Grace) -> None:
    lane.configure(STALE_IF_ERROR=http_cases.SITE)
    failing(lane, case.fields)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(60 + max(0, case.seconds - 1))
        answers = [lane.get(), lane.get()]
        clock.tick(1)
        late = lane.get()

    assert [text(answer) for answer in answers] == ["page" if case.seconds else "broken"] * 2
    assert late.status_code == 503
    if case.seconds:
        said = status(answers[0])
        assert (said.forward, said.ttl, said.hit) == ("stale", 1 - case.seconds, False)
        assert int(answers[0]["Age"]) == 59 + case.seconds


@through(*STATING)
@pytest.mark.parametrize("said", ["stale-if-error", "stale-while-revalidate"])
def test_page_that_had_ended_when_it_came_is_used_no_longer_than_it_says(
    lane: Lane, said: str
) -> None:
    lane.configure(TIMEOUT=0)
    failing(lane, STRONG | cc(f"max-age=60, {said}=90") | {"Age": "100"})
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(49)
        early = lane.visitor().ask("head" if "while" in said else "get")
        clock.tick(2)
        late = lane.get()

    assert (early.status_code, late.status_code) == (200, 503)


ALLOWED = cc("max-age=60, stale-if-error=300")


def after_its_end(lane: Lane, **asked: Any) -> HttpResponse:
    """Return what somebody gets once a page has ended, also where its view raises then."""
    visitor = lane.visitor()
    visitor.client.raise_request_exception = False
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)  # past the timeout of `cache_page` too
        return visitor.get(**asked)


@pytest.mark.parametrize("code, stands", [(500, 1), (502, 1), (504, 1), (501, 0), (404, 0)])
def test_page_stands_in_for_what_the_rfc_calls_an_error(lane: Lane, code: int, stands: int) -> None:
    failing(lane, ALLOWED, code)

    assert after_its_end(lane).status_code == (200 if stands else code)


def raising(lane: Lane, error: Exception) -> HttpResponse:
    def failed() -> None:
        raise error

    failing(lane, ALLOWED, failed=failed)
    return after_its_end(lane)


def test_page_stands_in_for_a_view_that_raises(lane: Lane) -> None:
    answer = raising(lane, ZeroDivisionError())

    assert text(answer) == "page"
    assert "; fwd=stale; fwd-status=500; " in answer["Cache-Status"]


@pytest.mark.parametrize("error, code", [(Http404(), 404), (PermissionDenied(), 403)])
def test_page_stands_in_for_no_answer_that_is_raised(
    lane: Lane, error: Exception, code: int
) -> None:
    assert raising(lane, error).status_code == code


class Redirecting:
    """Middleware that answers for what a view raises."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse(status=302) if isinstance(error, ZeroDivisionError) else None


def test_page_stands_in_for_no_error_that_middleware_answers(lane: Lane) -> None:
    lane.middleware_inside(f"{__name__}.Redirecting")
    lane.configure(OUTSIDE=[f"{__name__}.Redirecting"])

    assert raising(lane, ZeroDivisionError()).status_code == 302


def test_page_without_grace_stands_in_for_nothing_that_is_raised(lane: Lane) -> None:
    lane.show(lambda request: 1 / 0)
    visitor = lane.visitor()
    visitor.client.raise_request_exception = False

    assert visitor.get().status_code == 500


def test_page_whose_data_changed_stands_in_for_nothing_that_is_raised(lane: Lane) -> None:
    class BrokenError(Exception):
        def __init__(self) -> None:
            invalidate("data")

    def failed() -> None:
        raise BrokenError

    failing(lane, ALLOWED, failed=failed)
    assert after_its_end(lane).status_code == 500


def test_a_page_that_is_stored_for_others_is_no_page_of_the_request(lane: Lane) -> None:
    sending(lane, {"Vary": "X-Own"})
    asked = [("/page/", "a"), ("/page/", "b"), ("/page/", "b"), ("/page/?q=1", "c")]

    said = [status(lane.get(url, headers={"X-Own": value})) for url, value in asked]

    assert [one.hit for one in said] == [False, False, True, False]
    assert [said[at].forward for at in (0, 1, 3)] == ["uri-miss", "vary-miss", "uri-miss"]


def test_a_page_that_ended_for_others_is_none(lane: Lane) -> None:
    sending(lane, {"Vary": "X-Own", "Cache-Control": "max-age=60"})
    with freeze_time(NOON) as clock:
        lane.get(headers={"X-Own": "a"})
        clock.tick(330)
        assert status(lane.get(headers={"X-Own": "b"})).forward == "uri-miss"


def test_page_whose_data_changed_stands_in_for_nothing(lane: Lane) -> None:
    failing(lane, ALLOWED, failed=lambda: invalidate("data"))

    assert after_its_end(lane).status_code == 503


def test_page_that_was_dropped_stands_in_for_nothing(lane: Lane) -> None:
    failing(lane, ALLOWED)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        invalidate("data")
        assert lane.get().status_code == 503


def test_page_stands_in_for_nothing_where_the_request_wants_a_new_one(lane: Lane) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    failing(lane, ALLOWED)

    assert after_its_end(lane, headers={"Cache-Control": "no-cache"}).status_code == 503


@through(*STATING)
@pytest.mark.parametrize("case", ENDED, ids=ids(ENDED))
def test_page_that_ended_stands_in_where_the_request_does_not_mind(
    lane: Lane, case: Asking
) -> None:
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    failing(lane, cc("max-age=70, stale-if-error=900"))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(100)
        answer = lane.get(headers=case.asked)

    assert answer.status_code == (200 if case.is_answered else 503)


def test_no_page_stands_in_for_an_error_in_the_shadow(lane: Lane) -> None:
    lane.configure(SHADOW=True)
    failing(lane, ALLOWED)

    assert after_its_end(lane).status_code == 503


def test_page_that_ended_is_made_anew_where_its_view_works(lane: Lane) -> None:
    sending(lane, ALLOWED)

    assert status(after_its_end(lane)).stored


def test_cookies_of_an_error_are_sent_with_the_page_that_stands_in_for_it(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            return HttpResponse("page", headers=ALLOWED)
        answer = HttpResponse("broken", status=503, headers={"Vary": "Cookie"})
        answer.set_cookie("number", str(lane.renders))
        return answer

    lane.show(view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        answers = [lane.get(), lane.get()]
    assert [text(answer) for answer in answers] == ["page"] * 2
    assert [answer.cookies["number"].value for answer in answers] == ["2", "3"]
    assert all("private" in answer["Cache-Control"] for answer in answers)
    assert all("Cookie" in answer["Vary"] for answer in answers)


@pytest.mark.parametrize("beside", ["", '{% pagecache_hole "tests.lanes_site.holes.agent" %}'])
def test_form_of_a_page_that_stands_in_for_an_error_can_be_sent(lane: Lane, beside: str) -> None:
    form = engines["django"].from_string("{% load pagecache %}{% csrf_token %}" + beside)

    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return HttpResponse("sent")
        if lane.renders == 1:
            return HttpResponse(form.render({}, request), headers=ALLOWED)
        return HttpResponse("broken", status=503)

    lane.show(view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        visitor = lane.visitor()
        visitor.client.handler.enforce_csrf_checks = True
        page = visitor.get()
        token = re.search(r'value="(\w{64})"', text(page))
        assert (page.status_code, token is None) == (200, False)
        sent = visitor.ask("post", data={"csrfmiddlewaretoken": token and token[1]})
    assert text(sent) == "sent"


def test_page_with_holes_stands_in_filled(lane: Lane) -> None:
    template = engines["django"].from_string("<p>{% csrf_token %}</p>")

    def view(request: HttpRequest) -> HttpResponse:
        broken = lane.renders > 1
        return HttpResponse(
            "broken" if broken else template.render({}, request),
            headers=ALLOWED,
            status=503 if broken else 200,
        )

    lane.show(view)

    answer = after_its_end(lane)

    assert answer.status_code == 200
    assert "csrfmiddlewaretoken" in text(answer)
    assert len(answer.cookies) == 1
