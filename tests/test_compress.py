"""Pages that are stored compressed, in all lanes: who gets them so, and what else is said of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils.cache import patch_vary_headers
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import etag
from freezegun import freeze_time

from pagecache.announcing import site_store
from pagecache.core import codec
from pagecache.packing import coding
from pagecache.segments import anonymous
from tests import http_cases
from tests.http_cases import CODED, Coded, ids
from tests.lanes import (
    ALL,
    BEHIND_OTHERS,
    MEMORY,
    MIDDLEWARE,
    STOCK,
    Lane,
    status,
    text,
    through,
)

LANES, ON = ALL, (MEMORY,)
PAGE = "<p>The same words again.</p>" * 100
LONG = PAGE.encode()
GZIP = {"Accept-Encoding": "gzip"}
PLAIN: dict[str, str] = {}
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
COMPRESSING = "django.middleware.gzip.GZipMiddleware"


@pytest.fixture(autouse=True)
def _compressing(lane: Lane) -> None:
    lane.configure(COMPRESS=True)


def sending(lane: Lane, fields: dict[str, str] = PLAIN, body: str | bytes = PAGE) -> None:
    lane.show(lambda request: HttpResponse(body, headers=fields))


def body_of(answer: HttpResponse) -> bytes:
    """The body as it was made, whatever coding it came in."""
    return (
        coding(answer.get("Content-Encoding", "gzip")).expand(answer.content, 10**7)
        or answer.content
    )


def is_packed(answer: HttpResponse) -> bool:
    is_told = answer.has_header("Content-Encoding")
    assert is_told is (answer.content[:2] == b"\x1f\x8b")
    return is_told


def stored(key: str | None) -> bytes:
    (data,) = site_store().fetch([str(key)])
    assert data is not None
    return data


@through(*MIDDLEWARE)
@pytest.mark.parametrize("case", CODED, ids=ids(CODED))
def test_each_client_gets_the_page_as_it_likes(lane: Lane, case: Coded) -> None:
    sending(lane)
    asked = {} if case.field is None else {"Accept-Encoding": case.field}

    first, hit = lane.get(headers=asked), lane.get(headers=asked)

    assert (status(first).stored, status(hit).hit, lane.renders) == (True, True, 1)
    for answer in (first, hit):
        assert is_packed(answer) is case.is_taken
        assert body_of(answer) == LONG


VARYING = {"Cache-Status", "Age", "Content-Length"}


@pytest.mark.parametrize("asked", [GZIP, PLAIN], ids=["gzip", "plain"])
def test_the_first_answer_is_like_those_from_the_store(lane: Lane, asked: dict[str, str]) -> None:
    sending(lane)

    first, hit, again = (lane.get(headers=asked) for _ in range(3))

    for answer in (hit, again):
        assert answer.content == first.content
        assert {name: answer[name] for name in answer.headers if name not in VARYING} == {
            name: first[name] for name in first.headers if name not in VARYING
        }
    for answer in (first, hit):
        assert "Accept-Encoding" in answer["Vary"]
        assert int(answer.get("Content-Length", str(len(answer.content)))) == len(answer.content)


def test_each_coding_has_a_tag_of_its_own(lane: Lane) -> None:
    sending(lane)
    packed, plain = lane.get(headers=GZIP), lane.get()

    assert packed["ETag"] == f'{plain["ETag"][:-1]}-gzip"'
    for asked, own, other in ((GZIP, packed, plain), (PLAIN, plain, packed)):
        known = lane.get(headers=asked | {"If-None-Match": own["ETag"]})
        assert (known.status_code, known["ETag"], known["Vary"]) == (304, own["ETag"], own["Vary"])
        assert not known.has_header("Content-Encoding")
        assert lane.get(headers=asked | {"If-None-Match": other["ETag"]}).status_code == 200
    assert lane.renders == 1


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"'])
def test_the_first_client_that_knows_the_page_is_told_so(lane: Lane, etag: str) -> None:
    sending(lane, {"ETag": etag})
    known = GZIP | {"If-None-Match": f'{etag[:-1]}-gzip"'}

    answers = [lane.get(headers=known) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [304, 304]
    assert [answer["ETag"] for answer in answers] == [f'{etag[:-1]}-gzip"'] * 2
    assert body_of(lane.get(headers=GZIP)) == LONG


def test_head_tells_of_what_get_sends(lane: Lane) -> None:
    sending(lane)
    lane.get()

    for asked in (GZIP, PLAIN):
        whole, head = lane.get(headers=asked), lane.visitor().ask("head", headers=asked)
        assert (head.content, status(head).hit) == (b"", True)
        assert int(head["Content-Length"]) == len(whole.content)
        for name in ("ETag", "Content-Encoding", "Vary"):
            assert head.get(name) == whole.get(name)


def test_parts_are_cut_out_of_what_is_sent(lane: Lane) -> None:
    lane.configure(RANGES=True)
    sending(lane, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})
    part = {"Range": "bytes=2-9"}

    first = lane.get(headers=GZIP | part)

    assert status(first).stored
    packed, plain = lane.get(headers=GZIP), lane.get()
    for asked, own, other in ((GZIP, packed, plain), (PLAIN, plain, packed)):
        for unless in ({}, {"If-Range": own["ETag"]}):
            cut = lane.get(headers=asked | part | unless)
            assert (cut.status_code, cut.content) == (206, own.content[2:10])
            assert cut["Content-Range"] == f"bytes 2-9/{len(own.content)}"
            assert cut.get("Content-Encoding") == own.get("Content-Encoding")
        for unless in ({"If-Range": other["ETag"]}, {"If-Range": own["Last-Modified"]}):
            assert lane.get(headers=asked | part | unless).content == own.content
    assert (first.content, first["ETag"]) == (packed.content[2:10], packed["ETag"])


def test_a_page_is_compressed_once_and_takes_less_room(lane: Lane) -> None:
    sending(lane)
    key = status(lane.get()).key
    lane.get()
    entry, _ = codec.decode(stored(key)) or pytest.fail("no entry")

    assert (entry.coding, gzip.decompress(entry.body)) == ("gzip", LONG)
    assert len(entry.body) < len(LONG) / 10
    assert lane.get(headers=GZIP).content == entry.body


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_other_codings_are_there_with_their_packages(lane: Lane, name: str) -> None:
    lane.configure(COMPRESS=name)
    sending(lane)

    for _ in range(2):
        packed = lane.get(headers={"Accept-Encoding": f"gzip;q=0.5, {name}"})
        assert packed["Content-Encoding"] == name
        assert packed["ETag"].endswith(f'-{name}"')
        assert body_of(packed) == LONG
        assert lane.get(headers=GZIP).content == LONG
    assert lane.renders == 1


LEFT_ALONE: list[tuple[str, dict[str, str], bytes]] = [
    ("small", {}, b"x" * 199),
    ("image", {"Content-Type": "image/png"}, LONG),
    ("archive", {"Content-Type": "application/zip"}, LONG),
    ("no longer", {}, Random(5).randbytes(300)),
    ("no-transform", {"Cache-Control": "no-transform"}, LONG),
    ("digest", {"Content-Digest": "sha-256=:AA==:"}, LONG),
    ("own coding", {"Content-Encoding": "x-own"}, LONG),
]


@pytest.mark.parametrize("_name, fields, body", LEFT_ALONE, ids=[name for name, *_ in LEFT_ALONE])
def test_a_page_that_is_to_stay_as_it_is_does(
    lane: Lane, _name: str, fields: dict[str, str], body: bytes
) -> None:
    sending(lane, fields, body)

    answers = [lane.get(headers=GZIP) for _ in range(2)]

    assert status(answers[1]).hit
    for answer in answers:
        assert answer.content == body
        assert answer.get("Content-Encoding") == fields.get("Content-Encoding")
        assert "Accept-Encoding" not in answer.get("Vary", "")


def test_without_the_setting_nothing_is_compressed(lane: Lane) -> None:
    lane.configure(COMPRESS=False)
    sending(lane)

    for _ in range(2):
        answer = lane.get(headers=GZIP)
        assert (answer.content, "Accept-Encoding" in answer.get("Vary", "")) == (LONG, False)


def test_a_page_with_holes_is_not_compressed(lane: Lane) -> None:
    template = engines["django"].from_string("<form>{% csrf_token %}</form>" + PAGE)
    lane.show(lambda request: HttpResponse(template.render({}, request)))

    answers = [lane.get(headers=GZIP) for _ in range(3)]

    assert status(answers[2]).hit
    assert len({text(answer) for answer in answers}) == 3
    assert not any(map(is_packed, answers))


def everybody_alike(request: HttpRequest) -> str:
    return "everybody"


def nobody_known(request: HttpRequest) -> Any:
    return anonymous(request)


@pytest.mark.parametrize("segment, is_theirs", [(everybody_alike, True), (nobody_known, False)])
def test_the_length_of_a_page_of_a_segment_tells_nothing(
    lane: Lane, segment: Callable[..., Any], is_theirs: bool
) -> None:
    """What a link makes such a page show could be guessed at, beside what is theirs."""
    lane.configure(AUTHENTICATED="segment", SEGMENT=f"{__name__}.{segment.__name__}")
    sending(lane)

    answers = [lane.get(headers=GZIP) for _ in range(2)]

    assert status(answers[1]).hit
    assert [is_packed(answer) for answer in answers] == [not is_theirs] * 2


@pytest.mark.parametrize("way", ["declared", "varies"])
def test_the_length_of_a_page_of_a_cookie_tells_nothing(lane: Lane, way: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(PAGE + request.COOKIES.get("basket", ""))
        if way == "varies":
            patch_vary_headers(response, ["Cookie"])
        return response

    lane.configure(KEY_COOKIES=["basket"])
    lane.show(view)

    for cookies, is_theirs in ({"basket": "1"}, True), ({}, False):
        answers = [lane.get(headers=GZIP, cookies=cookies) for _ in range(2)]
        assert status(answers[1]).hit
        assert [is_packed(answer) for answer in answers] == [not is_theirs] * 2


def test_a_cookie_that_no_page_reads_is_in_the_way_of_nothing(lane: Lane) -> None:
    sending(lane)

    answers = [lane.get(headers=GZIP, cookies={"_ga": str(number)}) for number in range(2)]

    assert status(answers[1]).hit
    assert all(map(is_packed, answers))


def test_a_page_that_the_site_compresses_is_stored_for_each_field(lane: Lane) -> None:
    is_inside = not (lane.kind.decorated or lane.kind.last)
    lane.middleware(*STOCK, *[COMPRESSING][:is_inside])
    lane.show(lambda request: HttpResponse(PAGE), *[gzip_page][is_inside:])

    for asked in (GZIP, {"Accept-Encoding": "br"}, PLAIN):
        answers = [lane.get(headers=asked) for _ in range(3)]
        assert [status(answer).hit for answer in answers][1:] == [True, True]
        assert {is_packed(answer) for answer in answers} == {asked is GZIP}
        assert {body_of(answer) for answer in answers} == {LONG}
        assert answers[1]["Vary"].lower().count("accept-encoding") == 1


@through(*BEHIND_OTHERS)
def test_nothing_is_compressed_twice(lane: Lane) -> None:
    names = [COMPRESSING, *STOCK]
    if lane.kind.decorated or lane.kind.last:
        lane.middleware(*names)
    else:
        lane.settings.MIDDLEWARE = [names[0], *lane.settings.MIDDLEWARE]
    sending(lane)

    answers = [lane.get(headers=GZIP) for _ in range(3)]

    assert [status(answer).hit for answer in answers] == [False, True, True]
    for answer in answers:
        assert (answer["Content-Encoding"], gzip.decompress(answer.content)) == ("gzip", LONG)
        assert answer["ETag"] == answers[0]["ETag"]
    assert lane.get().content == LONG


def test_a_client_that_wants_no_change_gets_none_where_requests_are_obeyed(lane: Lane) -> None:
    sending(lane)
    asked = GZIP | {"Cache-Control": "no-transform"}
    lane.get()

    assert is_packed(lane.get(headers=asked))
    lane.configure(OBEY_REQUEST_DIRECTIVES=True)
    assert not is_packed(lane.get(headers=asked))


def test_a_page_is_sealed_compressed(lane: Lane) -> None:
    plain = status(lane_with(lane, {"ENCRYPT": []}).get()).key
    sealed = status(lane_with(lane, {"ENCRYPT": ["a secret of 32 letters or more!!"]}).get()).key

    assert 0 < len(stored(sealed)) - len(stored(plain)) < 64
    assert LONG[:20] not in stored(sealed)
    assert gzip.decompress(lane.get(headers=GZIP).content) == lane.get().content == LONG


def lane_with(lane: Lane, options: dict[str, Any]) -> Lane:
    lane.configure(KEY_PREFIX=uuid4().hex, **options)
    sending(lane)
    return lane


@pytest.mark.parametrize(
    "damage",
    [b"no gzip at all", gzip.compress(LONG)[:-9], gzip.compress(bytes(10**7))],
    ids=["not-compressed", "cut", "a-bomb"],
)
def test_a_page_that_cannot_be_opened_is_made_anew(lane: Lane, damage: bytes) -> None:
    sending(lane)
    key = status(lane.get()).key
    entry, vector = codec.decode(stored(key)) or pytest.fail("no entry")
    head, tail = codec.encode(entry._replace(body=damage), str(key))
    site_store().put({str(key): head + vector + tail}, 60)

    answer = lane.get()

    assert (answer.content, status(answer).stored) == (LONG, True)
    assert lane.get().content == LONG
    assert lane.see().hit


def test_a_page_in_a_coding_that_this_process_has_not_is_made_anew(lane: Lane) -> None:
    lane.configure(COMPRESS="br")
    sending(lane)
    lane.get()

    lane.configure(COMPRESS=True)
    answer = lane.get(headers={"Accept-Encoding": "br"})

    assert (answer.content, status(answer).stored) == (LONG, True)
    lane.configure(COMPRESS=False)
    assert (lane.get(headers=GZIP).content[:2], lane.see().hit) == (b"\x1f\x8b", True)


def test_a_page_that_was_compressed_is_what_its_view_answers(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    lane.configure(VERIFY=1)
    sending(lane)

    assert [is_packed(lane.get(headers=GZIP)) for _ in range(2)] == [True, False]
    assert lane.see().reason == "checked"
    assert "was not what the view answers" not in caplog.text
    lane.configure(VERIFY=0)
    assert lane.see().hit


def test_a_tag_of_the_coding_is_one_that_the_view_knows(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE)

    lane.show(etag(lambda request: '"abc"')(view))
    sent = lane.get(headers=GZIP)["ETag"]
    assert sent == '"abc-gzip"'

    put = lane.visitor()
    assert put.ask("put", headers={"If-Match": sent}).status_code == 200
    assert put.ask("put", headers={"If-Match": '"x-gzip"'}).status_code == 412
    lane.configure(COMPRESS=False)
    assert put.ask("put", headers={"If-Match": sent}).status_code == 412


def test_a_page_that_ended_stands_in_as_its_client_takes_it(lane: Lane) -> None:
    said = http_cases.cc("max-age=60, stale-if-error=300")

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE, headers=said, status=200 if lane.renders == 1 else 503)

    lane.show(view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(330)
        answers = [lane.get(headers=asked) for asked in (GZIP, PLAIN)]

    assert [is_packed(answer) for answer in answers] == [True, False]
    assert [(answer.status_code, body_of(answer)) for answer in answers] == [(200, LONG)] * 2
