"""The word of pagecache in Cache-Status (RFC 9211)."""

from __future__ import annotations

import pytest

from pagecache.core import status
from pagecache.core.reasons import Reason


@pytest.mark.parametrize(
    "member, text",
    [
        (status.hit(None), "pagecache; hit"),
        (status.hit(59.9), "pagecache; hit; ttl=59"),
        (status.hit(1e300), "pagecache; hit; ttl=999999999999999"),
        (status.hit(-2.5, key="k"), 'pagecache; hit; ttl=-2; key="k"'),
        (status.generated(None), "pagecache"),
        (status.generated(Reason.ONLY_IF_CACHED), "pagecache; detail=only-if-cached"),
        (status.forwarded("uri-miss"), "pagecache; fwd=uri-miss"),
        (status.forwarded("uri-miss", ttl=5), "pagecache; fwd=uri-miss"),
        (status.forwarded("request", status=200), "pagecache; fwd=request; fwd-status=200"),
        (status.forwarded("stale", stored=True), "pagecache; fwd=stale; stored"),
        (status.forwarded("stale", stored=True, ttl=5), "pagecache; fwd=stale; stored; ttl=5"),
        (
            status.forwarded("bypass", detail=Reason.METHOD, key="k"),
            'pagecache; fwd=bypass; key="k"; detail=method',
        ),
    ],
)
def test_what_happened_is_said(member: str, text: str) -> None:
    assert member == text


@pytest.mark.parametrize("existing", [None, ""])
def test_our_word_stands_alone_where_nobody_spoke(existing: str | None) -> None:
    assert status.append(existing, "pagecache; hit") == "pagecache; hit"


def test_our_word_stands_behind_that_of_caches_nearer_the_origin() -> None:
    assert status.append("origin; hit", "pagecache; hit") == "origin; hit, pagecache; hit"


@pytest.mark.parametrize(
    "field, expected",
    [
        (None, False),
        ("", False),
        ("pagecache", True),
        ("pagecache; hit", True),
        ("origin; hit, pagecache; fwd=bypass", True),
        ("origin; detail=pagecache", False),
        ("pagecaches; hit", False),
        (r'origin; detail="a\", pagecache"', False),
        ('origin; detail="a", pagecache; hit', True),
    ],
)
def test_our_word_is_found(field: str | None, expected: bool) -> None:
    assert status.has_member(field) is expected


def test_a_page_in_place_of_an_error_is_no_hit() -> None:
    field = status.append("inner; hit", status.hit(-5))
    expected = "inner; hit, pagecache; fwd=stale; fwd-status=503; ttl=-5"
    assert status.in_place(field, 503) == expected
