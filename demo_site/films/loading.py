"""Puts the data set into the database; films that are there already stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction

from demo_site.films.models import Director, Film, Genre, Keyword, Named, Studio
from demo_site.films.source import Record, name_slug

BATCH = 400


def load(records: list[Record]) -> int:
    """Add what is missing and return how many films were added."""
    with transaction.atomic():
        return add_films(records)


def add_films(records: list[Record]) -> int:
    """Add the missing films with their names and keywords."""
    present = set(Film.objects.values_list("slug", flat=True))
    missing = [record for record in records if record.slug not in present]
    names = Names(missing)
    Film.objects.bulk_create([names.film(record) for record in missing], batch_size=BATCH)
    add_keywords(missing)
    return len(missing)


class Names:
    """The ids of the directors, genres and studios by name, created where missing."""

    def __init__(self, records: list[Record]) -> None:
        self.directors = ids_by_name(Director, (record.director for record in records))
        self.genres = ids_by_name(Genre, (record.genre for record in records))
        self.studios = ids_by_name(Studio, (record.studio for record in records))

    def film(self, record: Record) -> Film:
        """An unsaved film."""
        return Film(
            title=record.title,
            slug=record.slug,
            director_id=self.directors.get(record.director),
            genre_id=self.genres.get(record.genre),
            studio_id=self.studios.get(record.studio),
            release_date=record.released,
            year=record.released.year if record.released else None,
            certificate=record.certificate,
            running_time=record.running_time,
            budget=record.budget,
            takings=record.takings,
            imdb_rating=None if record.imdb_rating is None else Decimal(str(record.imdb_rating)),
            imdb_votes=record.imdb_votes,
            tomatoes=record.tomatoes,
        )


def ids_by_name(model: type[Named], names: Iterable[str]) -> dict[str, int]:
    """Make sure that each name has a row, and return the ids."""
    known = dict(model._default_manager.values_list("name", "pk"))  # noqa: SLF001 - Django's public name for it
    slugs = set(model._default_manager.values_list("slug", flat=True))  # noqa: SLF001 - as above
    new = []
    for name in sorted({name for name in names if name} - known.keys()):
        slug = numbered(name_slug(name), slugs)
        slugs.add(slug)
        new.append(model(name=name, slug=slug))
    model._default_manager.bulk_create(new, batch_size=BATCH)  # noqa: SLF001 - as above
    return dict(model._default_manager.values_list("name", "pk"))  # noqa: SLF001 - as above


def numbered(slug: str, taken: set[str]) -> str:
    """The slug, with a number if two names come out alike ("De Luca" and "DeLuca" do not)."""
    number, candidate = 2, slug
    while candidate in taken:
        candidate, number = f"{slug}-{number}", number + 1
    return candidate


def add_keywords(records: list[Record]) -> None:
    """Connect the new films with their keywords."""
    keywords = ids_by_name(Keyword, (word for record in records for word in record.keywords))
    films = dict(Film.objects.values_list("slug", "pk"))
    through = Film.keywords.through
    links = [
        through(film_id=films[record.slug], keyword_id=keywords[word])
        for record in records
        for word in record.keywords
    ]
    through._default_manager.bulk_create(links, batch_size=BATCH)  # noqa: SLF001 - as above
