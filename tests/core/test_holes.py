"""Holes: what was cut out of a body is nowhere in it, and what is filled in stands in its place."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.holes import (
    CSRF,
    MOST,
    NONCE,
    NOWHERE,
    Cut,
    Given,
    Hole,
    Uncovering,
    cut,
    fill,
    has_nonce,
    mark,
    uncovered,
)

TOKEN = b"Zx81mQ0pLkJh77AbcD3fGh1jKlMnOpQrStUvWxYz0123456789abcdefghijkLmN"
NUMBER = b"271828182845904523536028747135266249775"
MARK = mark(NUMBER)


def named(text: bytes, number: bytes = NUMBER, *, personal: bool = False) -> Given:
    return Given("site.name", text, number, is_personal=personal)


FORM = Given(CSRF, TOKEN)
NONCED = Given(NONCE, b"0123456789abcdef==", is_shown=False)
TEXT = st.binary(max_size=30)


def test_a_value_is_cut_out_wherever_it_stands() -> None:
    body, holes, _ = cut(b"<" + TOKEN + b"|" + TOKEN + b">", [FORM])

    assert (body, holes) == (b"<|>", (Hole(1, CSRF), Hole(2, CSRF)))


def test_what_stands_between_marks_is_cut_out() -> None:
    name = named(b"Anna\nB.")
    body, holes, lost = cut(b"Hello %b!" % name.whole, [name])

    assert (body, holes, lost) == (b"Hello !", (Hole(6, "site.name"),), ())


def test_two_holes_of_one_function_are_apart() -> None:
    one, other = named(b"a"), named(b"a", b"31415926535897932384626433832795028841")
    body, holes, _ = cut(one.whole + b"-" + other.whole, [one, other])

    assert (body, holes) == (b"-", (Hole(0, "site.name"), Hole(1, "site.name")))


def test_a_token_in_a_hole_goes_with_it() -> None:
    name = named(b"a form with " + TOKEN)
    token = Given(CSRF, TOKEN, is_shown=False)
    assert cut(b"<%b>" % name.whole, [name, token]) == (b"<>", (Hole(1, "site.name"),), ())


def test_without_anything_given_there_are_no_holes() -> None:
    assert cut(b"page", []) == Cut(b"page")
    assert cut(b"page", [Given(CSRF, TOKEN, is_shown=False)]) == Cut(b"page")


@given(st.lists(TEXT, min_size=1, max_size=5), TEXT)
def test_what_is_filled_in_stands_where_the_value_stood(texts: list[bytes], value: bytes) -> None:
    body, holes, _ = cut(TOKEN.join(texts), [FORM])

    assert TOKEN not in body
    assert fill(body, holes, {CSRF: value}) == value.join(texts)


@given(st.lists(TEXT, min_size=1, max_size=4), TEXT, TEXT)
def test_marks_are_taken_off_for_the_client_and_cut_out_for_others(
    texts: list[bytes], mine: bytes, yours: bytes
) -> None:
    name = named(mine)
    made = name.whole.join(texts)
    body, holes, _ = cut(made, [name])

    assert uncovered(made, [name, FORM]) == mine.join(texts)
    assert fill(body, holes, {"site.name": yours}) == yours.join(texts)


def escaped_twice(text: str) -> str:
    return json.dumps(json.dumps(html.escape(html.escape(text))))


@pytest.mark.parametrize("escape", [html.escape, json.dumps, repr, str.upper, quote, escaped_twice])
def test_an_escaped_mark_is_none_and_is_taken_off_all_the_same(
    escape: Callable[[str], str],
) -> None:
    name = named(b"Anna")
    made = escape(name.whole.decode()).encode()

    assert cut(made, [name]).lost or escape is str.upper
    assert NUMBER not in uncovered(made, [name])
    assert b"anna" in uncovered(made, [name]).lower()


@pytest.mark.parametrize("length", [16, 30, 39, 41, 60, 82])
def test_no_digit_of_a_mark_that_is_cut_off_reaches_the_client(length: int) -> None:
    name = named(b"Anna")
    made = b"Hi " + name.whole[:length]
    stream = Uncovering([name])
    streamed = b"".join([*(stream.feed(bytes([one])) for one in made), stream.rest()])
    assert not re.search(rb"\d", uncovered(made, [name]))
    assert streamed == uncovered(made, [name])


def test_a_long_number_of_the_page_stays() -> None:
    name = named(b"Anna")
    made = b"4111111111111111 %b 12345678901234567890" % name.whole
    assert uncovered(made, [name]) == b"4111111111111111 Anna 12345678901234567890"


@pytest.mark.parametrize(
    "body, expected",
    [
        (b'<script nonce="abc">', True),
        (b"<SCRIPT src=x\nNONCE=abc>", True),
        (b"<link rel='preload' nonce='abc'>", True),
        (b'<style nonce="">', False),
        (b"<script nonce=''></script><p nonce>", False),
        (b"&lt;script nonce=&quot;abc&quot;&gt;", False),
        (b'<script>let nonce="abc"</script>', False),
        (b'<script src="a">x</script> nonce="abc"', False),
    ],
)
def test_a_nonce_that_is_left_is_seen(body: bytes, expected: bool) -> None:
    assert has_nonce(body) is expected


def test_a_hole_that_is_nowhere_fills_nothing() -> None:
    assert fill(b"page", [Hole(NOWHERE, CSRF)], {CSRF: TOKEN}) == b"page"


ANNA = named(b"<b>Anna</b>", personal=True)
ANYBODY = named(b"<b>Log in</b>")


@pytest.mark.parametrize(
    "made, one",
    [
        (b"its token is not here", FORM),
        (b"a token " + TOKEN + b" and its end " + TOKEN[20:], FORM),
        (b"a token " + TOKEN + b" and turned around " + TOKEN[::-1], FORM),
        (b"a token " + TOKEN + b" and louder " + TOKEN.upper(), FORM),
        *((TOKEN + b64encode(b"x" * n + TOKEN + b"}"), FORM) for n in range(3)),
        (b"its marks are not here", ANNA),
        (b"the second is missing: " + MARK, ANNA),
        (ANNA.whole + b", and one more: " + MARK, ANNA),
        (ANNA.whole + b", and half a mark: " + NUMBER[:30], ANNA),
        (b"<title>Anna</title>" + ANNA.whole, ANNA),
        (b"0123456789abcdef== and 0123456789abcdef\\u003D", NONCED),
    ],
)
def test_what_is_not_whole_in_the_body_or_left_a_part_is_lost(made: bytes, one: Given) -> None:
    assert cut(made, [one]).lost == (one.name,)


@pytest.mark.parametrize(
    "made, one",
    [
        (b"%b and again %b" % (TOKEN, TOKEN), FORM),
        (b"%b and again %b" % (ANNA.whole, ANNA.whole), ANNA),
        (b"Log in here: " + ANYBODY.whole, ANYBODY),
        (b"in the header alone", NONCED),
        (b"the cookie alone", Given(CSRF, TOKEN, is_shown=False)),
    ],
)
def test_what_is_whole_in_the_body_or_needs_no_place_is_not_lost(made: bytes, one: Given) -> None:
    assert not cut(made, [one]).lost


def test_each_value_needs_a_place_of_its_own() -> None:
    other = Given(CSRF, b"another0token0of0this0page" * 2)
    assert cut(TOKEN, [FORM, other]).lost == (CSRF,)
    assert not cut(TOKEN + other.value, [FORM, other]).lost


def test_more_values_than_a_page_has_are_not_looked_for() -> None:
    given_ = [named(b"a", b"%039d" % 7**number) for number in range(100, 101 + MOST)]
    made = b"".join(one.whole for one in given_)
    assert not cut(made, given_[:-1]).lost
    assert cut(made, given_) == Cut(made, lost=("site.name",))
    assert uncovered(made, given_) == b"a" * (MOST + 1)
