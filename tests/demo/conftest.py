"""The demo site on its own settings, without pagecache: these tests are about the site."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_site import settings as demo
from demo_site.films.accounts import seed_accounts
from demo_site.films.loading import load
from demo_site.films.models import Film
from demo_site.films.source import repaired

TAKEN_OVER = (
    "TEMPLATES",
    "LANGUAGES",
    "LOGIN_URL",
    "LOGIN_REDIRECT_URL",
    "LOGOUT_REDIRECT_URL",
    "USE_THOUSAND_SEPARATOR",
    "AUTH_PASSWORD_VALIDATORS",
)


@pytest.fixture(autouse=True)
def _demo_settings(settings: Any) -> None:
    for name in TAKEN_OVER:
        setattr(settings, name, getattr(demo, name))
    settings.MIDDLEWARE = [path for path in demo.MIDDLEWARE if not path.startswith("pagecache.")]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def row(number: int, **cells: Any) -> dict[str, Any]:
    return {
        "Title": f"Film {number}",
        "Release Date": f"Jun {number % 28 + 1:02} {1990 + number % 10}",
        "Director": f"Director {number % 7}",
        "Major Genre": ("Drama", "Western", "Thriller/Suspense")[number % 3],
        "Distributor": f"Studio {number % 5}",
        "Source": "Remake",
        "Creative Type": "Fantasy",
        "MPAA Rating": "PG-13",
        "Running Time min": 90 + number,
        "Production Budget": 1_000_000,
        "Worldwide Gross": 2_500_000 * number,
        "IMDB Rating": 5 + number % 5,
        "IMDB Votes": 60_000 + number,
        "Rotten Tomatoes Rating": 50 + number % 50,
        **cells,
    }


BARE = dict.fromkeys(row(0)) | {"Title": 1776}


@pytest.fixture
def films(db: None) -> list[Film]:
    load(list(repaired([*(row(number) for number in range(30)), BARE])))
    return list(Film.objects.order_by("pk"))


@pytest.fixture
def visitor(films: list[Film]) -> User:
    seed_accounts()
    return User.objects.get(username="visitor")


@pytest.fixture
def member(client: Client, visitor: User) -> Client:
    client.force_login(visitor)
    return client
