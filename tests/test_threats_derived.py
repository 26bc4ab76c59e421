"""What Django derives from a request is the page's own, whatever middleware looked at or wrote over before."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from tests.lanes import (
    DECORATOR,
    LAST_ASYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE,
    STOCK,
    Lane,
    showing,
    status,
    text,
    through,
)

pytestmark = pytest.mark.django_db(transaction=True)
ON = (MEMORY,)
LANES = (*DECORATOR, LAST_SYNC, LAST_ASYNC)
OWN = "tests.lanes_site.middleware."
LOCALE = "django.middleware.locale.LocaleMiddleware"


def waiting() -> dict[str, str]:
    """Return the cookie of somebody for whom a message waits."""
    storage: Any = CookieStorage(HttpRequest())
    return {"messages": storage._encode([Message(constants.INFO, "Welcome.")])}


def outside(lane: Lane, name: str) -> None:
    """Let middleware stand outside pagecache that is said to make no page depend on the request."""
    lane.configure(OUTSIDE=[OWN + name])
    lane.middleware(*STOCK, OWN + name)


# Looked at before


def test_accepted_types_that_are_kept_already_are_read(lane: Lane) -> None:
    outside(lane, "looks_around")
    lane.show(showing(lambda request: request.accepts("application/json")))
    for _ in range(2):
        assert lane.read() == "True"
        assert lane.read(headers={"Accept": "text/html"}) == "False"


def test_messages_that_are_loaded_already_are_read(lane: Lane) -> None:
    outside(lane, "looks_around")
    lane.show(showing(lambda request: [str(one) for one in messages.get_messages(request)]))
    for _ in range(2):
        assert lane.read(cookies=waiting()) == "['Welcome.']"
        assert lane.read() == "[]"


def test_messages_that_were_shown_already_are_neither_lost_nor_kept(lane: Lane) -> None:
    outside(lane, "shows_messages")
    lane.show(showing(lambda request: request.waiting))
    answers = [lane.get(cookies=waiting()) for _ in range(2)]
    assert [text(answer) for answer in answers] == ["['Welcome.']"] * 2
    assert lane.read() == "[]"
    assert status(answers[1]).reason == "messages"


def test_positive_control_what_was_looked_at_but_not_read_is_shared(lane: Lane) -> None:
    outside(lane, "looks_around")
    lane.show(showing(lambda request: "hello"))
    lane.get()
    for asked in ({}, {"headers": {"Accept": "text/html"}}, {"cookies": waiting()}):
        assert lane.see(**asked).hit  # type: ignore[arg-type]


# Written over before


def address(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.build_absolute_uri("/"))


@through(*MIDDLEWARE)
def test_c61_a_host_that_was_forwarded_is_read_where_it_is_taken_away(lane: Lane) -> None:
    lane.settings.USE_X_FORWARDED_HOST = True
    lane.configure(KEY_HEADERS=["X-Forwarded-Host"])
    lane.middleware_inside(OWN + "forgets_proxy")
    lane.show(address)
    for _ in range(3):
        for host in ("one.example", "two.example"):
            headers = {"X-Forwarded-Host": "shop.example", "Host": host}
            assert lane.read(headers=headers) == f"http://{host}/"


@through(*MIDDLEWARE)
def test_c63_a_scheme_that_was_forwarded_is_read_where_it_is_taken_away(lane: Lane) -> None:
    lane.settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    lane.configure(KEY_HEADERS=["X-Forwarded-Proto"])
    lane.middleware_inside(OWN + "forgets_proxy")
    lane.show(address)
    for _ in range(3):
        for secure in (False, True):
            headers = {"X-Forwarded-Proto": "https", "Host": "testserver"}
            shown = lane.read(headers=headers, secure=secure)
            assert shown == ("https" if secure else "http") + "://testserver/"


@through(*MIDDLEWARE)
def test_positive_control_what_was_not_written_over_is_in_the_key(lane: Lane) -> None:
    lane.settings.USE_X_FORWARDED_HOST = True
    lane.middleware_inside(OWN + "forgets_proxy")
    lane.show(address)
    lane.get()
    assert lane.see().hit


@through(*MIDDLEWARE)
def test_b55_the_language_is_read_where_what_chose_it_is_written_over(lane: Lane) -> None:
    lane.middleware(OWN + "forgets_language", LOCALE, *STOCK)
    lane.show(showing(lambda request: translation.get_language()))
    for _ in range(3):
        for language in ("de", "en"):
            asked: dict[str, Any] = {
                "cookies": {"django_language": "de"},
                "headers": {"Accept-Language": language},
            }
            assert lane.read(**asked) == language
