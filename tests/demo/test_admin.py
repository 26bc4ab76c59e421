from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_site.films.models import Film
from demo_site.visitor import form_with

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

TABLES = ["director", "feedback", "film", "genre", "keyword", "review", "studio", "watchlistitem"]


@pytest.fixture
def editor(client: Client, visitor: User) -> Client:
    client.force_login(User.objects.get(username="admin"))
    return client


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_listed(editor: Client, table: str) -> None:
    assert editor.get(f"/admin/films/{table}/").status_code == 200


def test_a_film_is_edited_as_the_form_says(editor: Client) -> None:
    film = Film.objects.get(slug="film-4")
    address = f"/admin/films/film/{film.pk}/change/"
    fields: dict[str, list[str]] = {}
    for name, value in form_with(editor.get(address).content.decode(), {"title", "note"}):
        fields.setdefault(name, []).append(value)
    editor.post(address, {**fields, "note": "Found again.", "release_date": "2001-02-03"})
    film.refresh_from_db()
    assert (film.note, film.year) == ("Found again.", 2001)
    assert film.keywords.count() == 2
    assert film.director is not None
