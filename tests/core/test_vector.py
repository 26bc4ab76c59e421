"""Whether the data of a page held still while it was made."""

from __future__ import annotations

import pytest

from pagecache.core.vector import Plan, Watched, held_still, is_version, same

A, B, C = (letter * 16 for letter in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    "value, expected",
    [
        (A, True),
        (bytes(16), True),
        (None, False),
        (b"", False),
        (b"a" * 15, False),
        (b"a" * 17, False),
    ],
)
def test_a_version_is_sixteen_bytes(value: bytes | None, expected: bool) -> None:
    assert is_version(value) is expected


@pytest.mark.parametrize(
    "before, after", [(None, None), (b"", b""), (b"x", b"x"), (A, B), (A, None)]
)
def test_absent_malformed_or_moved_is_not_the_same(
    before: bytes | None, after: bytes | None
) -> None:
    assert not same(before, after)


def test_a_version_that_stayed_is_the_same() -> None:
    assert same(A, bytes(A))


def plan(*starts: bytes | None, star: bytes | None = C) -> Plan:
    tags = tuple(Watched(f"k{n}", start, B, 60.0) for n, start in enumerate(starts))
    return Plan("*", star, B, 60.0, tags, "entry", b"", b"", None)


HELD = [
    (plan(), [], None),
    (plan(A), [A], None),
    (plan(A, star=None), [A], C),
    (plan(None), [A], C),
    (plan(A, None), [A, B], C),
]
MOVED = [
    (plan(A), [B], C),
    (plan(A, B), [A, A], C),
    (plan(None), [A], B),
    (plan(None), [A], None),
    (plan(None, star=None), [A], C),
    (plan(None, star=None), [A], None),
    (plan(None), [b"short"], C),
    (plan(b"short"), [b"short"], C),
    (plan(A, None), [A, B], A),
]


@pytest.mark.parametrize("plan, ends, star_end", HELD)
def test_data_held_still(plan: Plan, ends: list[bytes], star_end: bytes | None) -> None:
    assert held_still(plan, ends, star_end)


@pytest.mark.parametrize("plan, ends, star_end", MOVED)
def test_data_moved(plan: Plan, ends: list[bytes], star_end: bytes | None) -> None:
    assert not held_still(plan, ends, star_end)


def test_every_tag_has_an_end_version() -> None:
    with pytest.raises(ValueError, match="argument"):
        held_still(plan(A, A), [A], C)
