"""Key material: no two lists of fields give the same."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.keys import Field, digest, material

# Few characters, those that the encoding itself uses, so that collisions would be met.
TEXTS = st.text("-:[012", max_size=12)
SEVERAL = st.lists(TEXTS, max_size=3).map(tuple)
FIELDS = st.lists(st.one_of(st.none(), TEXTS, SEVERAL), max_size=4).map(tuple)
DIGITS = st.lists(st.lists(st.text("0:1", max_size=4), max_size=12).map(tuple), min_size=1).map(
    tuple
)


@given(FIELDS, FIELDS)
def test_two_lists_of_fields_have_one_material_only_if_equal(
    one: tuple[Field, ...], other: tuple[Field, ...]
) -> None:
    assert (material(one) == material(other)) == (one == other)


@given(st.one_of(FIELDS, DIGITS))
def test_the_fields_can_be_read_back(fields: tuple[Field, ...]) -> None:
    read, rest = parsed(material(fields))
    assert (read, rest) == (fields, b"")


def parsed(data: bytes) -> tuple[tuple[Field, ...], bytes]:
    """Read fields back, to prove that their encoding is unambiguous."""
    fields: list[Field] = []
    while data:
        field, data = one_field(data)
        fields.append(field)
    return tuple(fields), data


def one_field(data: bytes) -> tuple[Field, bytes]:
    if data.startswith(b"-"):
        return None, data[1:]
    is_list = data.startswith(b"[")
    length, _, rest = data.removeprefix(b"[").partition(b":")
    if not is_list:
        return rest[: int(length)].decode("utf-8", "surrogatepass"), rest[int(length) :]
    items: list[str] = []
    for _ in range(int(length)):
        item, rest = one_field(rest)
        assert isinstance(item, str)
        items.append(item)
    return tuple(items), rest


def test_one_long_value_is_not_eleven_short_ones() -> None:
    eleven = ("0123456789", *("01234567",) * 10)
    one = ("".join(["0123456789", *("8:01234567",) * 10]),)
    assert len(one[0]) == 110
    assert material((one,)) != material((eleven,))


def test_absent_empty_and_no_values_are_three_things() -> None:
    assert len({material((field,)) for field in (None, "", (), ("",))}) == 4


@pytest.mark.parametrize("text", ["é", "\udcff", "\x00", "日本"])
def test_any_text_can_be_a_field(text: str) -> None:
    assert parsed(material((text,))) == ((text,), b"")


def test_a_digest_is_a_short_name_for_a_store() -> None:
    name = digest(b"material")
    assert (len(name), name.isalnum(), name.isascii()) == (32, True, True)
    assert name != digest(b"other material")


def test_long_fields_leave_nothing_behind() -> None:
    texts = [f"{number}".rjust(10_000, "q") for number in range(100)]
    tracemalloc.start()
    try:
        names = {digest(material((text, (text,)))) for text in texts}
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(names) == len(texts)
    assert left < len(texts) * 10_000
