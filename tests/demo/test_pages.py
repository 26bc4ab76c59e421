from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_site.films.models import Film

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

PAGES = [
    "",
    "films/",
    "films/?sort=title&rating=6&page=1",
    "films/film-1/",
    "films/1776/",
    "genres/",
    "genres/thriller-suspense/",
    "decades/1990/",
    "studios/",
    "studios/studio-1/",
    "directors/",
    "directors/director-1/",
    "search/",
    "search/?q=film",
    "contact/",
    "contact/thanks/",
    "account/login/",
    "account/signup/",
]


def body(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_answers_in_both_languages(
    client: Client, visitor: User, language: str, page: str
) -> None:
    text = body(client, f"/{language}/{page}")
    assert f'<html lang="{language}">' in text
    assert {"en": "Log in", "de": "Anmelden"}[language] in text


@pytest.mark.parametrize(
    "path",
    [
        "/en/films/nothing/",
        "/en/films/nothing/similar/",
        "/en/decades/1991/",
        "/en/decades/10/",
        "/en/genres/x/",
        "/static/x.css",
    ],
)
def test_what_is_not_there_is_404(client: Client, films: list[Film], path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("wanted,expected", [("de-AT", "/de/"), ("en", "/en/"), ("fi", "/en/")])
def test_the_root_leads_to_the_visitors_language(
    client: Client, wanted: str, expected: str
) -> None:
    response = client.get("/", headers={"Accept-Language": wanted})
    assert response.status_code == 302
    assert response.headers["Location"] == expected


@pytest.mark.parametrize(
    "path,queries",
    [
        ("/en/", 9),
        ("/en/films/", 3),
        ("/en/genres/drama/", 3),
        ("/en/studios/", 2),
        ("/en/directors/director-1/", 3),
        ("/en/films/film-1/", 4),
        ("/en/films/film-1/similar/", 2),
        ("/en/search/?q=film", 2),
        ("/api/films/", 2),
        ("/api/films/film-1/", 2),
    ],
)
def test_the_number_of_statements_does_not_grow_with_the_rows(
    client: Client, visitor: User, django_assert_num_queries: Any, path: str, queries: int
) -> None:
    with django_assert_num_queries(queries):
        body(client, path)


def test_a_film_with_nothing_but_a_number_for_a_title_has_a_page(
    client: Client, films: list[Film]
) -> None:
    text = body(client, "/en/films/1776/")
    assert "<h1>1776</h1>" in text
    assert "director not on record" in text
    assert "None" not in text


@pytest.mark.parametrize(
    "language,heading", [("en", "You might also like"), ("de", "Das könnte Ihnen auch gefallen")]
)
def test_similar_films_are_a_page_that_the_film_links_to(
    client: Client, films: list[Film], language: str, heading: str
) -> None:
    address = f"/{language}/films/film-1/similar/"
    assert f'href="{address}"' in body(client, f"/{language}/films/film-1/")
    text = body(client, address)
    assert f'<html lang="{language}">' in text
    assert f"<h2>{heading}</h2>" in text
    assert text.count('class="card"') == 6


def test_a_film_like_no_other_says_so(client: Client, films: list[Film]) -> None:
    assert "No film is like that." in body(client, "/en/films/1776/similar/")


def test_lists_filter_and_sort_by_what_they_know(client: Client, films: list[Film]) -> None:
    text = body(client, "/en/films/?genre=western&sort=title&rating=8&certificate=PG-13")
    shown = [film for film in films if f'href="{film.get_absolute_url()}"' in text]
    assert shown
    assert all(film.imdb_rating and film.imdb_rating >= 8 for film in shown)
    assert {film.genre.slug for film in shown if film.genre} == {"western"}


@pytest.mark.parametrize("query", ["?sort=;drop", "?page=-1", "?page=x", "?rating=99", "?page=٣"])
def test_nonsense_in_the_address_is_the_plain_list(
    client: Client, films: list[Film], query: str
) -> None:
    assert body(client, f"/en/films/{query}") == body(client, "/en/films/")


def test_page_links_keep_what_is_known_and_nothing_else(client: Client, films: list[Film]) -> None:
    text = body(client, "/en/films/?sort=title&utm_source=letter")
    assert 'rel="next" href="?sort=title&amp;page=2"' in text
    assert "utm_source" not in text
    assert "Page 2 of 2" in body(client, "/en/films/?sort=title&page=2")


def test_the_search_page_repeats_its_whole_address(client: Client, films: list[Film]) -> None:
    text = body(client, "/en/search/?q=film+12&utm_source=letter")
    canonical = "http://testserver/en/search/?q=film+12&amp;utm_source=letter"
    assert f'<link rel="canonical" href="{canonical}">' in text
    assert "/en/films/film-12/" in text
    assert "/en/films/film-13/" not in text


def test_language_links_lead_to_the_same_page(client: Client, films: list[Film]) -> None:
    text = body(client, "/en/films/?sort=title")
    assert '<link rel="alternate" hreflang="de" href="/de/films/?sort=title">' in text


def test_numbers_and_names_are_written_as_the_language_does(
    client: Client, films: list[Film]
) -> None:
    Film.objects.filter(slug="film-2").update(takings=1_268_000_000, imdb_rating="8.5")
    assert "$1.3 billion" in body(client, "/en/films/film-2/")
    german = body(client, "/de/films/film-2/")
    assert "1,3 Mrd. $" in german
    assert "<dd>8,5</dd>" in german
    assert "Neuverfilmung" in german


def test_the_cookie_chooses_the_banner(client: Client, films: list[Film]) -> None:
    assert "Classics month" not in body(client, "/en/")
    assert client.get("/en/offers/classics/").headers["Location"] == "/en/"
    assert "Classics month" in body(client, "/en/")
    assert 'href="/de/decades/1970/"' in body(client, "/de/")
    client.get("/en/offers/none/")
    assert "Classics month" not in body(client, "/en/")


def test_pages_with_a_form_to_send_have_a_token_and_no_others(visitor: User) -> None:
    with_form = {"films/film-1/", "films/1776/", "contact/", "account/login/", "account/signup/"}
    for page in PAGES:
        client = Client()
        assert ("csrfmiddlewaretoken" in body(client, f"/en/{page}")) == (page in with_form), page
        assert ("csrftoken" in client.cookies) == (page in with_form), page


def test_the_stylesheet_is_served_without_debug(client: Client, settings: Any) -> None:
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]
    response = client.get("/static/films/site.css")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/css"
    assert "max-age=" in response.headers["Cache-Control"]
    assert client.get("/static/films/../../settings.py").status_code in {400, 404}
