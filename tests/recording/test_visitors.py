"""A request tells where the session and the user were looked at."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.template import engines
from django.test import AsyncRequestFactory, RequestFactory
from django.utils.functional import SimpleLazyObject

from pagecache.core.reasons import Reason
from pagecache.core.types import SESSION, USER, Input
from pagecache.recording.recorder import Recorder
from pagecache.recording.request import record

URL = "/page/?a=1&a=2&b=3"
HEADERS = {"Cookie": "c=1; d=2", "X-Mood": "glad", "If-None-Match": '"x"', "User-Agent": "x"}

FACTORIES: dict[str, Any] = {"wsgi": RequestFactory, "asgi": AsyncRequestFactory}


@pytest.fixture(params=FACTORIES)
def request_(request: pytest.FixtureRequest) -> HttpRequest:
    made: HttpRequest = FACTORIES[request.param]().get(URL, headers=HEADERS)
    return made


def read(request: HttpRequest, use: Callable[[Any], Any]) -> set[Any]:
    """Return the inputs, or the reasons, that a use of the request leaves behind."""
    recorder = Recorder()
    record(request, recorder)
    use(request)
    return recorder.inputs | set(recorder.refusals)


def test_the_session_is_recorded_where_it_is_used(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        assert not hasattr(request, "session")
        request.session = {"a": 1}

    assert read(request_, use) == set()
    recorder = request_.META.recorder  # type: ignore[attr-defined]
    assert request_.session == {"a": 1}
    assert recorder.inputs == {Input(SESSION)}
    del request_.session
    assert not hasattr(request_, "session")


TEMPLATE = "{{ request.session.cart }}{{ request.user.username }}{% if request.auser %}!{% endif %}"


def test_a_template_finds_nothing_where_no_middleware_put_anything(request_: HttpRequest) -> None:
    template = engines["django"].from_string(TEMPLATE)
    assert read(request_, lambda r: template.render({"request": r})) == set()
    assert template.render({"request": request_}) == ""
    assert "session" not in dir(request_)
    request_.session = {"cart": "2"}  # type: ignore[assignment]
    assert "session" in dir(request_)
    assert template.render({"request": request_}) == "2"


def test_the_class_can_be_looked_at(request_: HttpRequest) -> None:
    assert read(request_, lambda r: (type(r).session, type(r).user)) == set()


def test_a_lazy_user_is_recorded_where_it_is_looked_at(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        assert not hasattr(request, "user")
        request.user = SimpleLazyObject(AnonymousUser)
        assert request.user is request.user

    assert read(request_, use) == set()
    assert not request_.user.is_authenticated
    recorder = request_.META.recorder  # type: ignore[attr-defined]
    assert recorder.inputs == {Input(USER)}


def test_a_user_that_is_known_is_recorded_where_it_is_taken(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.user = AnonymousUser()
        assert request.user

    assert read(request_, use) == {Input(USER)}


@pytest.mark.parametrize("lazy", [True, False])
def test_a_user_set_outside_is_seen(request_: HttpRequest, lazy: bool) -> None:
    made: Any = SimpleLazyObject(AnonymousUser) if lazy else AnonymousUser()
    request_.user = made
    assert read(request_, lambda r: r.user.is_authenticated) == {Input(USER)}


def test_a_user_found_out_outside_refuses_the_page(request_: HttpRequest) -> None:
    request_.user = User(username="ann")
    assert read(request_, lambda r: r.user) == {Input(USER), Reason.AUTHENTICATED}


def test_an_awaited_user_is_recorded(request_: HttpRequest) -> None:
    async def auser() -> Any:
        return AnonymousUser()

    def use(request: Any) -> None:
        assert asyncio.run(request.auser()).is_anonymous

    request_.auser = auser
    assert read(request_, use) == {Input(USER)}


def test_who_asks_is_in_a_request_that_is_pickled(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.session = {"a": 1}
        request.user = SimpleLazyObject(AnonymousUser)
        request.auser = partial(found, request)
        made = pickle.loads(pickle.dumps(request))  # noqa: S301 our own
        assert (made.session["a"], made.user.is_anonymous) == (1, True)
        assert asyncio.run(made.auser()) is made

    assert read(request_, use) >= {Input(SESSION), Input(USER), Reason.ALL_HEADERS}


async def found(request: Any) -> Any:
    return request


def test_there_is_no_awaited_user_where_nobody_set_one() -> None:
    request: Any = HttpRequest()
    assert read(request, lambda r: hasattr(r, "auser")) == set()
