"""A function that fills a hole, and what it writes into the request."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines

from tests.lanes import ALL, Lane

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def writing(request: HttpRequest) -> str:
    """Show who asks, and leave it in what the request says."""
    who = request.headers.get("X-Name", "nobody")
    request.META["HTTP_X_WHO"] = request.META["site.who"] = who
    request.COOKIES["other"] = who
    request.who = who  # type: ignore[attr-defined]
    return f"for {who}"


READS: dict[str, Any] = {
    "a header": lambda request: request.headers.get("X-Who"),
    "a variable": lambda request: request.META.get("site.who"),
    "a cookie": lambda request: request.COOKIES.get("other"),
    "an attribute": lambda request: getattr(request, "who", None),
}


@pytest.mark.parametrize("read", READS)
def test_what_the_function_of_a_hole_writes_into_a_request_is_in_no_page(
    lane: Lane, read: str
) -> None:
    tag = f'{{% load pagecache %}}{{% pagecache_hole "{__name__}.writing" %}}'
    made = engines["django"].from_string(tag)
    lane.show(lambda request: HttpResponse(f"{made.render({}, request)} {READS[read](request)}"))

    lane.read(headers={"X-Name": "alice"})
    lane.read(headers={"X-Name": "alice"})
    seen = lane.read(headers={"X-Name": "bob"})

    assert "alice" not in seen
    assert "for bob" in seen


def greeting(request: HttpRequest) -> str:
    return f"hello {request.COOKIES.get('who', 'stranger')}"


def test_a_cookie_that_only_a_hole_shows_is_nothing_of_the_page(lane: Lane) -> None:
    tag = f'{{% load pagecache %}}{{% pagecache_hole "{__name__}.greeting" %}}'
    made = engines["django"].from_string(tag)
    lane.show(lambda request: HttpResponse(made.render({}, request)))

    seen = [lane.read(cookies={"who": name}) for name in ("alice", "bob", "carol")]

    assert seen == ["hello alice", "hello bob", "hello carol"]
    assert lane.renders == 1
