"""Header fields: what is odd is read as strictly as the RFC allows, and never raises."""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.headers import MAX_SECONDS, cache_control, http_date, seconds, vary_names

DIRECTIVES = {
    "": {},
    ",, ,": {},
    "no-store": {"no-store": ("",)},
    "NO-STORE": {"no-store": ("",)},
    "max-age=60, private": {"max-age": ("60",), "private": ("",)},
    "max-age=60,max-age=10": {"max-age": ("60", "10")},
    'max-age="60"': {"max-age": ("60",)},
    "max-age = 60": {"max-age": ("60",)},
    'private="set-cookie, x", no-cache': {"private": ("set-cookie, x",), "no-cache": ("",)},
    r'ext="a\"b", no-store': {"ext": ('a"b',), "no-store": ("",)},
    'ext="never closed, no-store': {
        "ext": ("",),
        "never": ("",),
        "closed": ("",),
        "no-store": ("",),
    },
    "max-age=60; private": {"max-age": ("60",), "private": ("",)},
    "s-maxage=10;private": {"s-maxage": ("10",), "private": ("",)},
    "public no-store": {"public": ("",), "no-store": ("",)},
    "=, no-store": {"no-store": ("",)},
    "(no-store)": {"no-store": ("",)},
}


@pytest.mark.parametrize("value", DIRECTIVES)
def test_cache_control_is_read(value: str) -> None:
    assert cache_control(value) == DIRECTIVES[value]


@given(st.text('abc-=", \\\t;é', max_size=30))
def test_no_cache_control_field_raises(value: str) -> None:
    assert all(
        name == name.lower() and arguments for name, arguments in cache_control(value).items()
    )


@given(st.lists(st.sampled_from(["max-age=1", 'x="a,b"', "public"]), max_size=3))
def test_no_store_is_found_wherever_it_stands(others: list[str]) -> None:
    for place in range(len(others) + 1):
        field = ", ".join((*others[:place], "No-Store", *others[place:]))
        assert "no-store" in cache_control(field)


DELTAS = {
    (): 0,
    ("60",): 60,
    ("60", "10"): 10,
    ("60", "junk"): 0,
    ("",): 0,
    ("-1",): 0,
    ("1.5",): 0,
    ("٣",): 0,
    ("²",): 0,
    ("007",): 7,
    ("0" * 5000,): 0,
    ("0" * 5000 + "9",): 9,
    ("2147483648",): MAX_SECONDS,
    ("9" * 10,): MAX_SECONDS,
    ("9" * 5000,): MAX_SECONDS,
}


@pytest.mark.parametrize("arguments", DELTAS, ids=lambda arguments: "-".join(arguments)[:12])
def test_delta_seconds_are_read(arguments: tuple[str, ...]) -> None:
    assert seconds(arguments) == DELTAS[arguments]


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
    ids=["IMF", "RFC 850", "asctime", "offset"],
)
def test_every_form_of_a_date_is_read_in_utc(value: str) -> None:
    assert http_date(value) == 784111777


@pytest.mark.parametrize("value", ["", "0", "-1", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_an_invalid_date_is_none(value: str) -> None:
    assert http_date(value) is None


WORDS = [
    "Sun,",
    "06",
    "Nov",
    "1994",
    "99999999999",
    "08:49:37",
    "24:61:61",
    "GMT",
    "-0000",
    ":",
    ",",
]


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_no_date_raises(value: str) -> None:
    assert isinstance(http_date(value), float | None)


NAMES = {
    "": (),
    " , ,": (),
    "*": ("*",),
    "Cookie": ("cookie",),
    "Accept, accept ,ACCEPT-Language": ("accept", "accept-language"),
}


@pytest.mark.parametrize("value", NAMES)
def test_vary_names_are_read_once_in_lower_case(value: str) -> None:
    assert vary_names(value) == NAMES[value]


@given(st.text(max_size=30))
def test_no_vary_field_raises(value: str) -> None:
    assert all(name == name.strip() for name in vary_names(value))
