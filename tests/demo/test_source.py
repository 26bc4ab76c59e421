from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from demo_site.films.source import clean_date, clean_title, name_slug, read_films, repaired


@pytest.mark.parametrize(
    "given,expected",
    [
        (1776, "1776"),
        (None, "Untitled"),
        ("  Alien ", "Alien"),
        ("LÈon", "Léon"),
        ("Die F‰lscher", "Die Fälscher"),
        ("Alien³", "Alien³"),
        ("Ri¢hie Ri¢h", "Ri¢hie Ri¢h"),
        ("Charge of the Light Brigade, The", "The Charge of the Light Brigade"),
    ],
)
def test_titles_are_repaired(given: object, expected: str) -> None:
    assert clean_title(given) == expected


@pytest.mark.parametrize(
    "given,expected",
    [
        ("Jun 12 1998", date(1998, 6, 12)),
        ("Feb 08 2015", date(1915, 2, 8)),
        ("Feb 29 2016", date(1916, 2, 29)),
        (None, None),
        ("1998", None),
        ("Jun 31 1998", None),
    ],
)
def test_dates_are_read_in_their_own_century(given: object, expected: date | None) -> None:
    assert clean_date(given) == expected


def titled(title: object, released: str | None) -> dict[str, Any]:
    return {"Title": title, "Release Date": released}


def test_films_of_one_title_get_slugs_of_their_own() -> None:
    rows = [
        titled("King Kong", "Apr 07 1933"),
        titled("King Kong", "Dec 17 1976"),
        titled("King Kong", "Dec 25 1976"),
        titled("King Kong", None),
        titled("King Kong", None),
        titled("???", None),
    ]
    assert [film.slug for film in repaired(rows)] == [
        "king-kong",
        "king-kong-1976",
        "king-kong-1976-2",
        "king-kong-2",
        "king-kong-3",
        "film",
    ]


def test_a_row_of_nothing_is_a_film() -> None:
    (film,) = repaired([{}])
    assert (film.title, film.slug, film.released) == ("Untitled", "untitled", None)
    assert (film.director, film.genre, film.studio, film.keywords) == ("", "", "", ())
    assert (film.imdb_rating, film.imdb_votes) == (None, 0)


def test_the_whole_file_is_read_with_its_faults() -> None:
    films = read_films()
    assert len(films) == 3201
    assert len({film.slug for film in films}) == 3201
    assert sum(not film.director for film in films) == 1331
    assert {film.title for film in films} >= {"1776", "300", "9", "Untitled", "Léon"}
    assert all(1910 <= film.released.year <= 2011 for film in films if film.released)


def test_slugs_of_names_keep_words_apart() -> None:
    assert name_slug("Thriller/Suspense") == "thriller-suspense"
    assert name_slug("…") == "other"
