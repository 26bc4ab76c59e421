"""Header fields: what is odd is read as strictly as the RFC allows, and never raises."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime

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
    "max-age = 60": {"max-age": ("  60",)},
    "max-age=6 0": {"max-age": ("6 ",), "0": ("",)},
    "max-age=60 , public": {"max-age": ("60",), "public": ("",)},
    'private="set-cookie, x", no-cache': {"private": ("set-cookie, x",), "no-cache": ("",)},
    r'ext="a\"b", no-store': {"ext": ('a"b',), "no-store": ("",)},
    'ext="never closed, no-store': {
        "ext": ('"',),
        "never": (" ",),
        "closed": ("",),
        "no-store": ("",),
    },
    "max-age=60; private": {"max-age": ("60;",), "private": ("",)},
    "s-maxage=10;private": {"s-maxage": ("10;",), "private": ("",)},
    "public no-store": {"public": (" ",), "no-store": ("",)},
    "=, no-store": {"no-store": ("",)},
    "(no-store)": {"no-store": (")",)},
    "'private'": {"private": ("",)},
    "No_Store, no_cache=x": {"no-store": ("",), "no-cache": ("x",)},
    "no store": {"no": (" ",), "store": ("",), "no-store": ("",)},
    "s_maxage=60, 'max-age=60'": {"s_maxage": ("60",), "'max-age": ("60'",)},
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


NOW = 1764132533.0  # in November 2025
INVALID = [
    "Sun, 99 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 +0100",
]

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
        " sun, 06 nov 1994 08:49:37 gmt ",
    ],
    ids=["IMF", "RFC 850", "asctime", "any case"],
)
def test_every_form_of_a_date_is_read_in_utc(value: str) -> None:
    assert http_date(value, NOW) == 784111777


@pytest.mark.parametrize("value", ["", "0", "-1", "soon", *INVALID])
def test_an_invalid_date_is_none(value: str) -> None:
    assert http_date(value, NOW) is None


@pytest.mark.parametrize(
    "year, meant", [("25", 2025), ("75", 2075), ("76", 1976), ("99", 1999), ("00", 2000)]
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: str, meant: int) -> None:
    said = http_date(f"Sunday, 06-Nov-{year} 08:49:37 GMT", NOW)
    assert said is not None
    assert datetime.fromtimestamp(said, UTC).year == meant


def test_a_leap_second_is_read() -> None:
    before = http_date("Sat, 31 Dec 2016 23:59:59 GMT", NOW)
    assert before is not None
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == before + 1


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
    assert isinstance(http_date(value, NOW), float | None)


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
