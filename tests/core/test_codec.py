"""Entries and recipes as bytes: what was damaged is no entry."""

from __future__ import annotations

from struct import Struct
from zlib import crc32

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pagecache.core import codec
from pagecache.core.codec import FOREVER, Entry, decode, decode_names, encode, encode_names
from pagecache.core.vector import VERSION_BYTES

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
NAMES = LINES.filter(bool)
SECONDS = st.floats(0, 1e10)
ENTRIES = st.builds(
    Entry,
    material=st.binary(max_size=20),
    tags=st.lists(NAMES, max_size=4).map(tuple),
    status=st.integers(100, 599),
    headers=st.lists(st.tuples(NAMES, LINES), max_size=3).map(tuple),
    body=st.binary(max_size=40),
    created=SECONDS,
    expires=st.one_of(SECONDS, st.just(FOREVER)),
    age=SECONDS,
)


def vector_of(entry: Entry) -> bytes:
    return b"".join(bytes([number]) * VERSION_BYTES for number, _ in enumerate(entry.tags))


def stored(entry: Entry) -> bytes:
    head, tail = encode(entry)
    return head + vector_of(entry) + tail


PAGE = Entry(
    material=b"3:key",
    tags=("site", "page:/"),
    status=200,
    headers=(("Content-Type", "text/html"), ("X-Empty", "")),
    body=b"\x00body\xff",
    created=1.5,
)
INTACT = stored(PAGE)


@given(ENTRIES)
def test_an_entry_comes_back_with_its_versions(entry: Entry) -> None:
    assert decode(stored(entry)) == (entry, vector_of(entry))


def test_a_tag_that_is_no_text_comes_back() -> None:
    entry = Entry(b"", ("\udcff",), 200, (), b"", 0.0)
    assert decode(stored(entry)) == (entry, bytes(VERSION_BYTES))


VERSIONS = range(codec.HEAD.size, codec.HEAD.size + len(vector_of(PAGE)))


def flipped(position: int, bit: int) -> bytes:
    damaged = bytearray(INTACT)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def test_an_entry_with_any_bit_flipped_is_none() -> None:
    elsewhere = set(range(len(INTACT))) - set(VERSIONS)
    assert all(decode(flipped(place, bit)) is None for place in elsewhere for bit in range(8))


def test_a_bit_flipped_in_a_version_gives_a_vector_that_equals_nothing() -> None:
    for place in VERSIONS:
        found = decode(flipped(place, 3))
        assert found is not None
        assert found[0] == PAGE
        assert found[1] != vector_of(PAGE)


def test_a_truncated_entry_is_none() -> None:
    assert not any(decode(INTACT[:length]) for length in range(len(INTACT)))


def test_an_entry_with_something_behind_is_none() -> None:
    assert decode(INTACT + b"\0") is None


@given(st.binary(max_size=200))
def test_garbage_is_no_entry(garbage: bytes) -> None:
    assert decode(garbage) is None


@pytest.mark.parametrize("revision", [0, 2, 128, 255])
def test_an_unknown_revision_is_no_entry(revision: int) -> None:
    assert decode(bytes([revision]) + INTACT[1:]) is None


FIXED = Struct(">dddHIII")


def forged(count: int, lengths: tuple[int, int, int], rest: bytes) -> bytes:
    """Bytes with the right checksum, and with lengths that do not fit."""
    fixed = FIXED.pack(0.0, FOREVER, 0.0, 200, *lengths) + rest
    return codec.HEAD.pack(1, count) + bytes(16 * count) + codec.SUM.pack(crc32(fixed)) + fixed


@pytest.mark.parametrize(
    "count, lengths, rest",
    [
        (0, (5, 0, 0), b"key"),
        (1, (0, 0, 0), b""),
        (0, (0, 3, 0), b"tag"),
        (0, (0, 0, 4), b"name"),
        (0, (0, 0, 5), b"a\nb\nc"),
        (0, (2**32 - 1,) * 3, b""),
    ],
    ids=["material", "no tags", "a tag", "half a header", "odd headers", "huge"],
)
def test_lengths_that_do_not_fit_are_no_entry(
    count: int, lengths: tuple[int, int, int], rest: bytes
) -> None:
    assert decode(forged(count, lengths, rest)) is None


def test_an_entry_without_fixed_part_is_none() -> None:
    short = b"short"
    assert decode(codec.HEAD.pack(1, 0) + codec.SUM.pack(crc32(short)) + short) is None


RECIPES = st.lists(st.tuples(NAMES, LINES), max_size=5).map(tuple)


@given(RECIPES)
def test_a_recipe_comes_back(pairs: tuple[tuple[str, str], ...]) -> None:
    assert decode_names(encode_names(pairs)) == pairs


@given(st.binary(max_size=60))
def test_garbage_is_no_recipe_or_harmless_names(garbage: bytes) -> None:
    found = decode_names(garbage)
    assert found is None or encode_names(found) == garbage


@given(RECIPES, st.integers(1, 254))
def test_a_recipe_of_another_revision_is_none(
    pairs: tuple[tuple[str, str], ...], shift: int
) -> None:
    data = encode_names(pairs)
    assume((data[0] + shift) % 256 != codec.REVISION)
    assert decode_names(bytes([(data[0] + shift) % 256]) + data[1:]) is None


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x00\x01", b"\x01\x00\x02query\npage"])
def test_a_recipe_with_another_number_of_names_is_none(data: bytes) -> None:
    assert decode_names(data) is None
