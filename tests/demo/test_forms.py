from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_site.films.models import Feedback, Film, Review, WatchListItem
from demo_site.visitor import form_to, form_with

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]


def test_somebody_new_can_send_a_message(films: list[Film]) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/en/contact/").content.decode()
    fields = dict(form_with(page, {"name", "message"})) | {"name": "Gina", "message": "Hello"}
    response = client.post("/en/contact/", fields)
    assert response.headers["Location"] == "/en/contact/thanks/"
    assert Feedback.objects.get().name == "Gina"
    told = "Your message has arrived."
    answers = [client.get("/en/contact/thanks/").content.decode() for _ in range(2)]
    assert [told in answer for answer in answers] == [True, False]


def test_a_message_without_a_token_is_refused(films: list[Film]) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/en/contact/", {"name": "G", "message": "H"}).status_code == 403
    assert not Feedback.objects.exists()


def test_an_empty_message_says_what_is_missing(client: Client, films: list[Film]) -> None:
    response = client.post("/de/contact/", {"name": "Gina"})
    assert response.status_code == 200
    assert "Dieses Feld ist zwingend erforderlich." in response.content.decode()


@pytest.mark.parametrize("page", ["account/", "account/watch-list/", "films/film-1/watch/"])
def test_private_pages_ask_strangers_to_log_in(
    client: Client, films: list[Film], page: str
) -> None:
    response = client.get(f"/en/{page}")
    assert response.status_code == 302
    assert response.headers["Location"] == f"/en/account/login/?next=/en/{page}"


def test_the_header_greets_who_is_logged_in(member: Client) -> None:
    assert "Hello visitor" in member.get("/en/").content.decode()
    assert "Hallo visitor" in member.get("/de/films/film-1/").content.decode()


def test_a_name_in_the_greeting_is_text(films: list[Film]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("<b>Eve"))
    assert "Hello &lt;b&gt;Eve" in client.get("/en/").content.decode()


def test_logging_in_and_out(client: Client, visitor: User) -> None:
    response = client.post("/en/account/login/", {"username": "visitor", "password": "demo"})
    assert response.headers["Location"] == "/en/account/"
    assert "Log out" in client.get("/en/account/").content.decode()
    client.post("/en/account/logout/")
    assert client.get("/en/account/").status_code == 302


def test_signing_up_logs_in(client: Client, films: list[Film]) -> None:
    secret = "a long word"
    given = {"username": "new", "password1": secret, "password2": secret}
    assert client.post("/en/account/signup/", given).headers["Location"] == "/en/account/"
    assert "Hello new" in client.get("/en/").content.decode()


def test_a_review_shows_and_can_be_changed(member: Client) -> None:
    for stars, text in ((2, "Meh."), (5, "It grew on me.")):
        response = member.post("/en/films/film-1/review/", {"stars": stars, "text": text})
        assert response.headers["Location"] == "/en/films/film-1/"
    page = member.get("/en/films/film-1/").content.decode()
    assert "Your review is published." in page
    assert "It grew on me." in page
    assert "Meh." not in page
    assert Review.objects.get(film__slug="film-1").stars == 5


def test_a_review_needs_stars_that_exist(member: Client) -> None:
    response = member.post("/en/films/film-1/review/", {"stars": 6, "text": "!"})
    assert response.status_code == 200
    assert not Review.objects.filter(film__slug="film-1").exists()


def test_the_watch_list_takes_a_film_on_and_off(member: Client, visitor: User) -> None:
    member.post("/en/films/film-1/watch/")
    assert (
        "“Film 1” is on your watch list" in member.get("/en/account/watch-list/").content.decode()
    )
    assert "Take it off" in member.get("/en/films/film-1/watch/").content.decode()
    member.post("/de/films/film-1/watch/")
    told = "„Film 1“ ist von Ihrer Merkliste genommen."
    assert told in member.get("/de/account/watch-list/").content.decode()
    assert not WatchListItem.objects.filter(owner=visitor).exists()


def test_a_films_page_has_the_button_for_the_watch_list(visitor: User) -> None:
    client, film = Client(enforce_csrf_checks=True), "/en/films/film-1/"
    client.force_login(visitor)
    fields = dict(form_to(client.get(film).content.decode(), f"{film}watch/"))
    assert client.post(f"{film}watch/", fields).headers["Location"] == "/en/account/watch-list/"
    shown = client.get("/en/account/watch-list/").content.decode()
    client.post(f"{film}watch/", dict(form_to(shown, f"{film}watch/")))
    assert not WatchListItem.objects.exists()


def test_a_stranger_who_presses_it_logs_in_first(visitor: User) -> None:
    client, watch = Client(), "/en/films/film-1/watch/"
    login = client.post(watch).headers["Location"]
    assert login == f"/en/account/login/?next={watch}"
    given = {"username": "visitor", "password": "demo", "next": watch}
    assert client.post(login, given).headers["Location"] == watch
    assert "Put it on your watch list?" in client.get(watch).content.decode()


def test_a_watch_list_is_its_owners_alone(member: Client, films: list[Film]) -> None:
    member.post("/en/films/film-1/watch/")
    other = Client()
    other.force_login(User.objects.get(username="admin"))
    assert "Film 1" not in other.get("/en/account/watch-list/").content.decode()
