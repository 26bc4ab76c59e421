"""Entries and recipes as bytes: what was damaged is no entry, and what is sealed shows nothing and cannot be forged."""

from __future__ import annotations

from struct import Struct
from typing import Any
from zlib import crc32

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pagecache.core import codec
from pagecache.core.codec import FOREVER, Entry, Headers, decode, decode_names, encode, encode_names
from pagecache.core.codings import NAMES as CODINGS
from pagecache.core.holes import Hole
from pagecache.core.vector import VERSION_BYTES
from pagecache.sealing import AesSealer

COMMON = st.sampled_from(codec.COMMON)
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
NAMES = LINES.filter(bool)
# Of paths, of tables and their rows; none begins with a tab, as none that is not printable is kept.
TAGS = NAMES.filter(lambda name: name[0] != "\t") | st.sampled_from(
    [
        "site",
        "page:/",
        "blog.article",
        "blog.article:*",
        "blog.article:1",
        "blog.article:2:3",
        ":",
        "blog.note:1",
    ]
)
SECONDS = st.floats(0, 1e10)
ENTRIES = st.builds(
    Entry,
    material=st.binary(max_size=20),
    tags=st.lists(TAGS, max_size=6).map(tuple),
    status=st.integers(100, 599),
    headers=st.lists(COMMON | st.tuples(NAMES, LINES), max_size=3).map(tuple),
    body=st.binary(max_size=40),
    created=SECONDS,
    took=SECONDS,
    expires=st.one_of(SECONDS, st.just(FOREVER)),
    age=SECONDS,
    grace=SECONDS,
    overlap=SECONDS,
    lasts=st.booleans(),
    holes=st.lists(st.builds(Hole, st.integers(-1, 40), NAMES), max_size=3).map(tuple),
    coding=st.sampled_from(CODINGS),
)


def vector_of(entry: Entry) -> bytes:
    return b"".join(bytes([number]) * VERSION_BYTES for number, _ in enumerate(entry.tags))


def stored(entry: Entry, *sealing: Any) -> bytes:
    head, tail = encode(entry, *sealing)
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
NAME = "pagecache:site:e:1"
SEALER = AesSealer(["one secret of thirty-two letters"])
SEALED = stored(PAGE, NAME, SEALER)


def opened(data: bytes) -> tuple[Entry, bytes] | None:
    return decode(data, NAME, SEALER)


@given(ENTRIES)
def test_an_entry_comes_back_with_its_versions(entry: Entry) -> None:
    assert decode(stored(entry)) == (entry, vector_of(entry))


@given(ENTRIES)
def test_fields_that_come_back_are_found_by_name_once(entry: Entry) -> None:
    first, second = (decode(stored(entry)) for _ in range(2))
    assert first is not None
    assert second is not None
    fields, again = first[0].headers, second[0].headers
    assert isinstance(fields, Headers)
    assert isinstance(again, Headers)
    assert fields.by_name == {name.lower(): (name, value) for name, value in entry.headers}
    assert fields.by_name is again.by_name


def test_a_tag_that_is_no_text_comes_back() -> None:
    entry = Entry(b"", ("\udcff",), 200, (), b"", 0.0)
    assert decode(stored(entry)) == (entry, bytes(VERSION_BYTES))


VERSIONS = range(codec.HEAD.size, codec.HEAD.size + len(vector_of(PAGE)))


WAYS = pytest.mark.parametrize(
    "read, intact", [(decode, INTACT), (opened, SEALED)], ids=["plain", "sealed"]
)


def flipped(intact: bytes, position: int, bit: int) -> bytes:
    damaged = bytearray(intact)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


@WAYS
def test_an_entry_with_any_bit_flipped_is_none(read: Any, intact: bytes) -> None:
    elsewhere = set(range(len(intact))) - set(VERSIONS)
    assert all(read(flipped(intact, place, bit)) is None for place in elsewhere for bit in range(8))


@WAYS
def test_a_bit_flipped_in_a_version_gives_a_vector_that_equals_nothing(
    read: Any, intact: bytes
) -> None:
    for place in VERSIONS:
        found = read(flipped(intact, place, 3))
        assert found is not None
        assert found[0] == PAGE
        assert found[1] != vector_of(PAGE)


@WAYS
def test_a_truncated_entry_is_none(read: Any, intact: bytes) -> None:
    assert not any(read(intact[:length]) for length in range(len(intact)))


@WAYS
def test_an_entry_with_something_behind_is_none(read: Any, intact: bytes) -> None:
    assert read(intact + b"\0") is None


@given(st.binary(max_size=200))
def test_garbage_is_no_entry(garbage: bytes) -> None:
    assert decode(garbage) is None
    assert opened(garbage) is None
    assert opened(bytes([codec.SEALED]) + garbage) is None


@pytest.mark.parametrize(
    "revision", [0, codec.REVISION - 1, codec.REVISION + 1, 128, codec.SEALED + 1, 255]
)
@WAYS
def test_an_unknown_revision_is_no_entry(read: Any, intact: bytes, revision: int) -> None:
    assert read(bytes([revision]) + intact[1:]) is None


@given(ENTRIES, LINES)
def test_a_sealed_entry_comes_back_with_its_versions_under_its_name(
    entry: Entry, name: str
) -> None:
    sealed = stored(entry, name, SEALER)
    assert decode(sealed, name, SEALER) == (entry, vector_of(entry))
    assert decode(sealed, name + "2", SEALER) is None


def test_what_is_not_sealed_as_it_should_be_is_no_entry() -> None:
    assert opened(INTACT) is None
    assert opened(stored(PAGE, NAME)) is None
    assert decode(SEALED, NAME) is None
    assert decode(SEALED, NAME, AesSealer(["another secret"])) is None


@given(st.lists(st.from_regex(r"[a-z]{12}", fullmatch=True), min_size=5, max_size=5, unique=True))
def test_a_sealed_entry_shows_nothing_but_its_versions(words: list[str]) -> None:
    material, tag, name, value, body = words
    entry = Entry(material.encode(), (tag,), 200, ((name, value),), body.encode(), 0.0)
    assert all(word.encode() in stored(entry) for word in words), "as it does without a sealer"
    assert not any(word.encode() in stored(entry, NAME, SEALER) for word in words)
    assert stored(entry, NAME, SEALER)[: codec.HEAD.size] == codec.HEAD.pack(codec.SEALED, 1)


def test_an_entry_is_never_sealed_twice_alike() -> None:
    assert len({stored(PAGE, NAME, SEALER) for _ in range(20)}) == 20


FIXED = Struct(">Idddddd?HBIII")


def fixed(lengths: tuple[int, ...], number: int = 0) -> bytes:
    """The fixed part of an entry whose texts are said to be this long, and in a coding of this number."""
    size = min(FIXED.size + sum(lengths), 2**32 - 1)
    return FIXED.pack(size, 0.0, FOREVER, 0.0, 0.0, 0.0, 0.0, False, 200, number, *lengths[:3])


def forged(count: int, rest: bytes) -> bytes:
    """Bytes with the right checksum around what is no entry."""
    head, versions = codec.HEAD.pack(codec.REVISION, count), bytes(VERSION_BYTES * count)
    return head + versions + codec.SUM.pack(crc32(rest)) + rest


def forged_seal(count: int, rest: bytes) -> bytes:
    """Bytes with the right seal around what is no entry."""
    head, versions = codec.HEAD.pack(codec.SEALED, count), bytes(VERSION_BYTES * count)
    return head + versions + SEALER.seal(rest, head + NAME.encode())


@pytest.mark.parametrize(
    "count, lengths, rest",
    [
        (0, (5, 0, 0, 0), b"key"),
        (1, (0, 0, 0, 0), b""),
        (0, (0, 3, 0, 0), b"tag"),
        (0, (0, 0, 4, 0), b"name"),
        (0, (0, 0, 5, 0), b"a\nb\nc"),
        (0, (0, 0, 0, 1), b"1"),
        (0, (0, 0, 0, 6), b"here\nx"),
        (0, (2**32 - 1,) * 4, b""),
    ],
    ids="material|no tags|a tag|half a header|odd headers|half a hole|nowhere|huge".split("|"),
)
def test_lengths_that_do_not_fit_are_no_entry(
    count: int, lengths: tuple[int, ...], rest: bytes
) -> None:
    said = fixed(lengths) + rest
    assert decode(forged(count, said)) is None
    assert opened(forged_seal(count, said)) is None


@pytest.mark.parametrize("size", [0, 4, FIXED.size - 1, FIXED.size, FIXED.size + 2])
def test_an_entry_whose_body_begins_before_its_texts_end_is_none(size: int) -> None:
    said = size.to_bytes(4) + fixed((3, 0, 0, 0))[4:] + b"key"
    assert decode(forged(0, said)) is None
    assert opened(forged_seal(0, said)) is None


def test_an_entry_in_a_coding_of_a_later_release_is_none() -> None:
    known, unknown = (fixed((0,) * 4, number) for number in (len(CODINGS) - 1, len(CODINGS)))
    assert decode(forged(0, known)) is not None
    assert decode(forged(0, unknown)) is None


def test_an_entry_without_fixed_part_is_none() -> None:
    assert decode(forged(0, b"short")) is None
    assert opened(forged_seal(0, b"short")) is None


RECIPES = st.lists(st.tuples(NAMES, LINES), max_size=5).map(tuple)


@given(RECIPES, LINES)
def test_a_recipe_comes_back(pairs: tuple[tuple[str, str], ...], name: str) -> None:
    assert decode_names(encode_names(pairs)) == pairs
    sealed = encode_names(pairs, name, SEALER)
    assert decode_names(sealed, name, SEALER) == pairs
    assert decode_names(sealed, name + "2", SEALER) is None


RECIPE = (("query", "patient"), ("cookie", "theme"))
PLAIN_NAMES, SEALED_NAMES = encode_names(RECIPE), encode_names(RECIPE, NAME, SEALER)


def test_a_recipe_with_any_bit_flipped_is_none() -> None:
    for intact, sealing in ((PLAIN_NAMES, ()), (SEALED_NAMES, (NAME, SEALER))):
        for place in range(len(intact)):
            assert decode_names(flipped(intact, place, place % 8), *sealing) is None
            assert decode_names(intact[:place], *sealing) is None


def test_a_recipe_that_is_not_sealed_as_it_should_be_is_none() -> None:
    assert decode_names(PLAIN_NAMES, NAME, SEALER) is None
    assert decode_names(SEALED_NAMES, NAME) is None


def test_a_sealed_recipe_shows_no_name() -> None:
    assert b"patient" in PLAIN_NAMES
    assert b"patient" not in SEALED_NAMES


@given(st.binary(max_size=60))
def test_garbage_is_no_recipe(garbage: bytes) -> None:
    assert decode_names(garbage) is None
    assert decode_names(garbage, NAME, SEALER) is None
    assert decode_names(bytes([codec.SEALED]) + garbage, NAME, SEALER) is None


@given(RECIPES, st.integers(1, 254))
def test_a_recipe_of_another_revision_is_none(
    pairs: tuple[tuple[str, str], ...], shift: int
) -> None:
    data = encode_names(pairs)
    assume((data[0] + shift) % 256 != codec.REVISION)
    assert decode_names(bytes([(data[0] + shift) % 256]) + data[1:]) is None


@pytest.mark.parametrize("count, names", [(1, b""), (2, b"query\npage"), (1, b"query")])
def test_a_recipe_with_another_number_of_names_is_none(count: int, names: bytes) -> None:
    head = codec.HEAD.pack(codec.REVISION, count)
    assert decode_names(head + codec.SUM.pack(crc32(names)) + names) is None
    head = codec.HEAD.pack(codec.SEALED, count)
    assert decode_names(head + SEALER.seal(names, head + NAME.encode()), NAME, SEALER) is None
