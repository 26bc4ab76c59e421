from __future__ import annotations

from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from demo_site.films.loading import load, numbered
from demo_site.films.models import Director, Film, Review
from demo_site.films.source import repaired

pytestmark = pytest.mark.django_db


def load_films() -> str:
    out = StringIO()
    call_command("load_films", stdout=out)
    return out.getvalue()


def test_the_command_loads_every_film_once_and_keeps_edits() -> None:
    assert load_films().startswith("3201 films added")
    assert Film.objects.filter(director=None).count() == 1331
    assert Director.objects.count() == 550
    Film.objects.filter(slug="the-godfather").update(note="A classic.")
    Director.objects.filter(slug="ridley-scott").update(name="Sir Ridley Scott")

    assert load_films().startswith("0 films added")
    assert Film.objects.count() == 3201
    assert Film.objects.get(slug="the-godfather").note == "A classic."
    assert Director.objects.get(slug="ridley-scott").name == "Sir Ridley Scott"
    assert Review.objects.count() == 3


def test_the_accounts_can_log_in() -> None:
    load_films()
    admin, visitor = User.objects.get(username="admin"), User.objects.get(username="visitor")
    assert admin.is_superuser
    assert admin.check_password("demo")
    assert not visitor.is_staff
    assert visitor.check_password("demo")


def test_loading_takes_a_bounded_number_of_statements(
    django_assert_max_num_queries: Any,
) -> None:
    records = list(repaired({"Title": f"F {n}", "Director": f"D {n}"} for n in range(300)))
    with django_assert_max_num_queries(30):
        load(records)
    assert Film.objects.count() == 300


def test_names_with_one_slug_are_numbered() -> None:
    assert numbered("fox", {"fox", "fox-2"}) == "fox-3"


@pytest.mark.parametrize(
    "released,year,decade,text",
    [(None, None, None, "New"), (date(1998, 6, 12), 1998, 1990, "New (1998)")],
)
def test_the_year_follows_the_release_date(
    released: date | None, year: int | None, decade: int | None, text: str
) -> None:
    film = Film(title="New", slug="new", year=1900, release_date=released)
    film.save()
    film.refresh_from_db()
    assert (film.year, film.decade, str(film)) == (year, decade, text)
