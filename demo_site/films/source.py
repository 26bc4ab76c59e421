"""Reads the data set as it is, faults and all, into plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.utils.text import slugify

DATA = Path(__file__).parent / "data" / "films.json"
LAST_YEAR = 2011  # the set was taken in 2010: a later date is a two-digit year read a century late
TRAILING_ARTICLE = re.compile(r"^(?P<rest>.+), (?P<article>The|A|An)$")


@dataclass(frozen=True, slots=True)
class Record:
    """One film of the data set, repaired."""

    title: str
    slug: str
    released: date | None
    director: str
    genre: str
    studio: str
    keywords: tuple[str, ...]
    certificate: str
    running_time: int | None
    budget: int | None
    takings: int | None
    imdb_rating: float | None
    imdb_votes: int
    tomatoes: int | None


def read_films(path: Path = DATA) -> list[Record]:
    """Every film of the file, in its order, so that slugs come out the same each time."""
    return list(repaired(json.loads(path.read_text(encoding="utf-8"))))


def repaired(rows: Iterable[dict[str, Any]]) -> Iterator[Record]:
    """The rows as records, each with a slug of its own."""
    taken: set[str] = set()
    for row in rows:
        title, released = clean_title(row.get("Title")), clean_date(row.get("Release Date"))
        slug = free_slug(title, released, taken)
        taken.add(slug)
        yield record(row, title, slug, released)


def record(row: dict[str, Any], title: str, slug: str, released: date | None) -> Record:
    """One row under our own names."""
    return Record(
        title=title,
        slug=slug,
        released=released,
        director=text(row.get("Director")),
        genre=text(row.get("Major Genre")),
        studio=text(row.get("Distributor")),
        keywords=tuple(filter(None, (text(row.get("Source")), text(row.get("Creative Type"))))),
        certificate=text(row.get("MPAA Rating")),
        running_time=row.get("Running Time min"),
        budget=row.get("Production Budget"),
        takings=row.get("Worldwide Gross"),
        imdb_rating=row.get("IMDB Rating"),
        imdb_votes=row.get("IMDB Votes") or 0,
        tomatoes=row.get("Rotten Tomatoes Rating"),
    )


def text(value: object) -> str:
    """A text cell; nothing for a missing one, digits for a number."""
    return "" if value is None else str(value).strip()


def clean_title(value: object) -> str:
    """A title as a cinema would print it."""
    title = TRAILING_ARTICLE.sub(r"\g<article> \g<rest>", mended_accents(text(value)))
    return title or "Untitled"


def mended_accents(title: str) -> str:
    """Undo Western text that was once read as Mac Roman ("LÈon" is "Léon")."""
    if title.isascii():
        return title
    try:
        return title.encode("mac_roman").decode("cp1252")
    except UnicodeError:
        return title


def clean_date(value: object) -> date | None:
    """A date such as "Jun 12 1998", brought back to its own century; None where there is none."""
    try:
        found = datetime.strptime(text(value), "%b %d %Y").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None
    return found if found.year <= LAST_YEAR else a_century_earlier(found)


def a_century_earlier(day: date) -> date:
    """The same day a hundred years before."""
    try:
        return day.replace(year=day.year - 100)
    except ValueError:  # February 29th of a year such as 2000
        return day.replace(year=day.year - 100, day=28)


def free_slug(title: str, released: date | None, taken: set[str]) -> str:
    """A slug that no other film has: the title, then with its year, then numbered."""
    base = slugify(title)[:100] or "film"
    candidates = [base, f"{base}-{released.year}"] if released else [base]
    for candidate in candidates:
        if candidate not in taken:
            return candidate
    number = 2
    while f"{candidates[-1]}-{number}" in taken:
        number += 1
    return f"{candidates[-1]}-{number}"


def name_slug(name: str) -> str:
    """The slug of a genre, studio, director or keyword."""
    return slugify(name.replace("/", " ").replace("&", " and ")) or "other"
