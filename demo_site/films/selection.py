"""What a visitor asks of a list: filters, order and page, read from the address by name."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, OrderBy
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from demo_site.films.models import FilmQuerySet

Order = tuple[OrderBy | str, ...]

SORTS: dict[str, tuple[Promise | str, Order]] = {
    "rating": (_("Best rated"), (F("imdb_rating").desc(nulls_last=True), "-imdb_votes", "title")),
    "votes": (_("Most rated"), ("-imdb_votes", "title")),
    "newest": (_("Newest"), (F("release_date").desc(nulls_last=True), "title")),
    "oldest": (_("Oldest"), (F("release_date").asc(nulls_last=True), "title")),
    "takings": (_("Highest takings"), (F("takings").desc(nulls_last=True), "title")),
    "title": (_("Title"), ("title", "year")),
}
SORT_NAMES = [(value, name) for value, (name, _order) in SORTS.items()]
RATINGS = (6, 7, 8)
PAGE_NUMBER = re.compile(r"[0-9]{1,5}")
CERTIFICATES = ("G", "PG", "PG-13", "R", "NC-17")


@dataclass(frozen=True, slots=True)
class Selection:
    """The known parameters of a list; whatever else is in the address is never read."""

    sort: str = "rating"
    genre: str = ""
    rating: int = 0
    certificate: str = ""
    page: int = 1

    def link(self, **changes: Any) -> str:
        """The query string of this selection with some changes; defaults are left out."""
        wanted = {
            name: value
            for name, value in asdict(replace(self, **changes)).items()
            if value != DEFAULTS[name]
        }
        return f"?{urlencode(wanted)}" if wanted else "?"

    def apply(self, films: FilmQuerySet) -> FilmQuerySet:
        """The films asked for, in the order asked for."""
        if self.genre:
            films = films.filter(genre__slug=self.genre)
        if self.rating:
            films = films.filter(imdb_rating__gte=self.rating)
        if self.certificate:
            films = films.filter(certificate=self.certificate)
        return films.order_by(*SORTS[self.sort][1])


DEFAULTS: dict[str, object] = asdict(Selection())


def read_selection(query: QueryDict) -> Selection:
    """Read each known parameter by its name; nonsense counts as absent."""
    sort, certificate = query.get("sort", ""), query.get("certificate", "")
    return Selection(
        sort=sort if sort in SORTS else "rating",
        genre=query.get("genre", ""),
        rating=one_of(RATINGS, query.get("rating", "")),
        certificate=certificate if certificate in CERTIFICATES else "",
        page=page_number(query),
    )


def page_number(query: QueryDict) -> int:
    """The page asked for, or the first."""
    number = query.get("page", "")
    return int(number) if PAGE_NUMBER.fullmatch(number) else 1


def one_of(allowed: tuple[int, ...], text: str) -> int:
    """The number if it is offered, else 0."""
    return next((number for number in allowed if str(number) == text), 0)
