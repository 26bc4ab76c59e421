"""What functions for one visitor (of a hole, of a segment) leave behind: the page shows none of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils import translation

from pagecache import segment_by
from tests.lanes import ALL, Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL

Function = Callable[[HttpRequest], str]
Read = Callable[[HttpRequest], object]


def left_by_hole(lane: Lane, function: Function, read: Read) -> None:
    """Show a page with a hole, and what is read after that."""
    made = hole_of(function)
    lane.show(lambda request: HttpResponse(f"{made.render({}, request)} {read(request)}"))


def left_by_segment(lane: Lane, function: Function, read: Read) -> None:
    """Show a page of a segment, and what is read after that was found."""
    if lane.kind.decorated:
        lane.configure(SEGMENT=f"{__name__}.{function.__name__}", AUTHENTICATED="segment")
        lane.show(showing(read))
    else:
        lane.show(showing(read), segment_by(function))


def hole_of(function: Function) -> Any:
    tag = f'{{% load pagecache %}}{{% pagecache_hole "{__name__}.{function.__name__}" %}}'
    return engines["django"].from_string(tag)


AFTER = {"a hole": left_by_hole, "a segment": left_by_segment}


def writing(request: HttpRequest) -> str:
    """Tell nobody apart, but leave who asks in what the request says."""
    who = request.COOKIES.get("who", "nobody")
    request.META["HTTP_X_WHO"] = request.META["site.who"] = who
    request.COOKIES["other"] = who
    request.who = who  # type: ignore[attr-defined]
    return "all"


def speaking(request: HttpRequest) -> str:
    """Tell nobody apart, but leave a visitor's language active."""
    translation.activate(request.headers["X-Lang"])
    return "all"


def greeting(request: HttpRequest) -> str:
    return f"hello {request.COOKIES.get('who', 'stranger')}"


READS: dict[str, Read] = {
    "a header": lambda request: request.headers.get("X-Who"),
    "a variable": lambda request: request.META.get("site.who"),
    "a cookie": lambda request: request.COOKIES.get("other"),
    "an attribute": lambda request: getattr(request, "who", None),
}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("read", READS)
def test_what_is_written_into_a_request_is_in_no_page(lane: Lane, after: str, read: str) -> None:
    AFTER[after](lane, writing, READS[read])

    for _ in range(2):
        lane.read(cookies={"who": "alice"})

    assert "alice" not in lane.read(cookies={"who": "bob"})


@pytest.mark.parametrize("after", AFTER)
def test_a_language_that_was_left_active_is_in_no_page(lane: Lane, after: str) -> None:
    AFTER[after](lane, speaking, lambda _request: translation.get_language())

    seen = []
    with translation.override("en"):
        for language in ("de", "en") * 2:
            translation.activate("en")
            seen.append(lane.read(headers={"X-Lang": language}).removeprefix("all "))

    assert seen in (["de", "en"] * 2, ["en"] * 4)


def test_a_cookie_that_only_a_hole_shows_is_nothing_of_the_page(lane: Lane) -> None:
    made = hole_of(greeting)
    lane.show(lambda request: HttpResponse(made.render({}, request)))

    seen = [lane.read(cookies={"who": name}) for name in ("alice", "bob", "carol")]

    assert seen == ["hello alice", "hello bob", "hello carol"]
    assert lane.renders == 1
