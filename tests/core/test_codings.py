"""Content codings: who gets which, what gains by one, and that what was compressed comes back or is none."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.codings import (
    GZIP,
    LEAST,
    LONGEST,
    Coding,
    also_plain,
    etag_in,
    gains,
    takes,
)
from pagecache.packing import coding
from tests import http_cases

CODINGS = [coding(name) for name in ("gzip", "br", "zstd")]
EACH = pytest.mark.parametrize("coding", CODINGS, ids=[one.name for one in CODINGS])


@pytest.mark.parametrize("case", http_cases.CODED, ids=http_cases.ids(http_cases.CODED))
def test_a_client_gets_the_coding_that_it_likes(case: http_cases.Coded) -> None:
    assert takes(case.field, "gzip") is case.is_taken


def test_a_long_field_is_read_alike() -> None:
    assert takes("a," * LONGEST + "gzip", "gzip")
    assert not takes("a," * LONGEST + "gzip;q=0", "gzip")


@given(st.text('gzipbr*,;q=0.1 "\t', max_size=30))
def test_no_field_raises(field: str) -> None:
    assert takes(field, "gzip") in {True, False}


@EACH
@given(body=st.one_of(st.binary(), st.binary(min_size=1).map(lambda part: part * 500)))
def test_a_body_comes_back(coding: Coding, body: bytes) -> None:
    packed = coding.compress(body)
    assert coding.compress(body) == packed
    assert coding.expand(packed, len(body)) == body
    if body:
        assert coding.expand(packed, len(body) - 1) is None


PAGE = b"<p>page</p>" * 100


@EACH
def test_a_damaged_body_is_none(coding: Coding) -> None:
    packed = coding.compress(PAGE)
    assert not any(coding.expand(packed[:length], 10**6) for length in range(len(packed)))
    assert coding.expand(b"\xff" + packed[1:], 10**6) is None
    assert coding.expand(PAGE, 10**6) is None


@EACH
def test_a_bomb_is_not_set_off(coding: Coding) -> None:
    assert coding.expand(coding.compress(bytes(10**7)), 1000) is None


def test_gzip_is_gzip_without_name_or_time() -> None:
    packed = GZIP.compress(PAGE)
    assert gzip.decompress(packed) == PAGE
    assert packed[:8] == b"\x1f\x8b\x08" + bytes(5)


HTML = {"content-type": "text/html; charset=utf-8"}


def test_a_page_gains() -> None:
    assert gains(HTML, LEAST)
    assert gains({}, LEAST)
    assert not gains(HTML, LEAST - 1)


TYPES = """
    application/javascript application/json application/ld+json application/octet-stream application/rss+xml
    application/wasm application/xhtml+xml font/ttf image/bmp image/svg+xml image/x-icon text/css text/plain
""".split()
DENSE = """
    application/epub+zip application/font-woff application/gzip application/pdf application/zip audio/mpeg
    application/vnd.oasis.opendocument.text application/vnd.openxmlformats-officedocument.wordprocessingml.document
    application/x-7z-compressed application/zstd font/woff2 IMAGE/PNG image/jpeg image/webp video/mp4
""".split()


@pytest.mark.parametrize("name", TYPES)
def test_types_that_are_not_compressed_by_nature_gain(name: str) -> None:
    assert gains({"content-type": name}, LEAST)


@pytest.mark.parametrize("name", DENSE)
def test_types_that_are_compressed_by_nature_do_not(name: str) -> None:
    assert not gains({"content-type": f" {name};x=1"}, LEAST)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"content-encoding": "identity"},
        {"content-encoding": ""},
        {"cache-control": "max-age=60, No-Transform"},
        {"cdn-cache-control": "no-transform"},
        {"pagecache-cache-control": "no-transform"},
        {"content-digest": "sha-256=:AA==:"},
        {"content-md5": "x"},
        {"digest": "x"},
        {"repr-digest": "x"},
    ],
    ids=str,
)
def test_what_is_to_stay_as_it_is_does_not(headers: dict[str, str]) -> None:
    assert not gains(HTML | headers, 10_000)


@pytest.mark.parametrize(
    "etag, other", [('"a"', '"a-br"'), ('W/"a"', 'W/"a-br"'), ('""', '"-br"'), ("a", "a")]
)
def test_a_page_has_another_tag_in_another_coding(etag: str, other: str) -> None:
    assert etag_in(etag, "br") == other


@pytest.mark.parametrize(
    "tags, named",
    [
        ('"a-gzip"', '"a-gzip", "a"'),
        ('"a-gzip", "b", W/"c-gzip"', '"a-gzip", "b", W/"c-gzip", "a", W/"c"'),
        ('"a"', '"a"'),
        ('"a-br"', '"a-br"'),
        ("*", "*"),
        ("a-gzip", "a-gzip"),
    ],
)
def test_a_tag_of_a_coding_names_the_plain_page_too(tags: str, named: str) -> None:
    assert also_plain(tags, "gzip") == named
