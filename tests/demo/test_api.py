from __future__ import annotations

import pytest
from django.test import Client

from demo_site.films.models import Film

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]


def test_the_list_comes_in_pages(client: Client, films: list[Film]) -> None:
    answer = client.get("/api/films/?sort=title").json()
    assert answer["count"] == 31
    assert answer["next"] is None
    assert answer["results"][0]["title"] == "1776"
    assert answer["results"][0]["director"] is None


def test_the_next_page_is_linked(client: Client, films: list[Film]) -> None:
    Film.objects.bulk_create(Film(title=f"More {n}", slug=f"more-{n}") for n in range(40))
    assert client.get("/api/films/?sort=title").json()["next"] == "?sort=title&page=2"
    assert len(client.get("/api/films/?sort=title&page=2").json()["results"]) == 21


def test_a_film_has_its_details(client: Client, films: list[Film]) -> None:
    answer = client.get("/api/films/film-3/").json()
    assert answer["released"] == "1993-06-04"
    assert answer["keywords"] == ["Fantasy", "Remake"]
    assert client.get("/api/films/nothing/").status_code == 404
