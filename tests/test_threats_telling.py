"""What an answer tells of others: status and timing oracles. What time tells is in README, under "Limits"."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from pagecache.segments import by_user
from tests.lanes import ALL, MEMORY, Lane, Visitor, cache, status
from tests.test_holes import FORM, hole, template

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = ALL, (MEMORY,)
TELLS_OF_TIME = {"Age", "Date", "Expires"}

Ask = Callable[[Lane], Any]


def alice(lane: Lane) -> Visitor:
    return lane.visitor().log_in(User.objects.get_or_create(username="alice")[0])


def begun(lane: Lane) -> Visitor:
    """Somebody with a session, and who reads it."""
    visitor = lane.visitor()
    session = visitor.client.session
    session["cart"] = "books"
    session.save()
    visitor.client.cookies["sessionid"] = session.session_key
    return visitor


OTHERS: dict[str, Ask] = {
    "who is logged in": lambda lane: alice(lane).get(),
    "who has a session": lambda lane: begun(lane).get(),
    "who has a cookie": lambda lane: lane.get(cookies={"theme": "dark"}),
    "who has one that is no key": lambda lane: lane.get(cookies={"secret": "1"}),
    "who asks for something else": lambda lane: lane.get("/page/?q=secret"),
    "who has a token": lambda lane: lane.get("/page/?token=secret"),
    "who has credentials": lambda lane: lane.get(headers={"Authorization": "Basic x"}),
    "who comes from elsewhere": lambda lane: lane.get(headers={"Host": "other.example"}),
    "who comes by https": lambda lane: lane.get(secure=True),
    "who sends something": lambda lane: lane.get(headers={"Content-Type": "text/x"}),
    "who sends a header": lambda lane: lane.get(headers={"X-Own": "secret"}),
}


def read(request: Any) -> HttpResponse:
    """Show what can be told of a visitor, by what is a key and by what is none."""
    get, cookies = request.GET.get, request.COOKIES.get
    seen = [
        get("q"),
        get("token"),
        cookies("theme"),
        cookies("secret"),
        request.headers.get("X-Own"),
    ]
    return HttpResponse(f"{seen} {request.get_host()} {request.scheme}")


def greet(request: Any) -> HttpResponse:
    """Show who is there, and what is in the session."""
    named = request.user.get_username()
    return HttpResponse(f"{named} {request.session.get('cart')} {read(request).content!r}")


MODES: dict[str, dict[str, Any]] = {
    "by user": {"AUTHENTICATED": "segment", "SEGMENT": "pagecache.segments.by_user"},
    "unread": {"AUTHENTICATED": "unread"},
    "bypass": {},
}


def begin(lane: Lane) -> None:
    """Empty the store, and forget what the process knows."""
    lane.settings.CACHES = {"default": cache(MEMORY, lane.location)}


def told(answer: HttpResponse) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.items() if name not in TELLS_OF_TIME}
    headers["Cache-Status"] = re.sub(r"; ttl=\d+", "", headers["Cache-Status"])
    return answer.status_code, headers, answer.content, sorted(answer.cookies)


ALIKE = {  # for these a page that reads nothing of them is the same
    ("who is logged in", "unread"),
    ("who has a session", "unread"),
    ("who has a session", "by user"),
}
KNOWN = ("who is logged in", "who has a session")
CASES = [
    *((other, mode, greet) for other, mode in product(KNOWN, MODES)),
    *((other, mode, read) for other, mode in product(KNOWN, MODES) if (other, mode) not in ALIKE),
    *((other, "unread", greet) for other in OTHERS if other not in KNOWN),
]


@pytest.mark.parametrize("other, mode, view", CASES)
def test_nobody_is_told_who_else_was_there(lane: Lane, other: str, mode: str, view: Any) -> None:
    """Whether a page was there before is told to those alone for whom it is the same."""
    lane.configure(REVEAL=None, KEY_COOKIES=["theme"], SENSITIVE_PARAMS=["token"], **MODES[mode])
    lane.show(view)
    begin(lane)
    alone = [told(lane.get()) for _ in range(2)]
    begin(lane)
    for _ in range(2):
        OTHERS[other](lane)
    assert [told(lane.get()) for _ in range(2)] == alone
    assert status(lane.get()).hit


@pytest.mark.parametrize("same", ["/page/?utm=x", "/page/"])
def test_positive_control_who_gets_the_same_is_told_that_it_was_there(
    lane: Lane, same: str
) -> None:
    lane.show(read)
    begin(lane)
    lane.get()
    assert lane.see(same).hit


def test_of_a_page_with_holes_a_hit_is_told_by_its_status_alone(lane: Lane) -> None:
    """The first visitor's answer and that of others name the same headers: not even the way tells."""
    lane.configure(REVEAL=None)
    lane.show(template(FORM + hole("agent")))
    first, *others = (lane.get(headers={"User-Agent": str(number)}) for number in range(3))
    assert [status(answer).hit for answer in (first, *others)] == [False, True, True]
    beyond = {"Age", "Cache-Status"}
    for answer in others:
        assert answer.headers.keys() - beyond == first.headers.keys() - beyond
        assert {k: answer[k] for k in first.headers if k not in beyond} == {
            k: first[k] for k in first.headers if k not in beyond
        }


@pytest.mark.parametrize(
    "asked",
    [
        {"cookies": {"secret": "1"}},
        {"path": "/page/?token=1"},
        {"headers": {"Authorization": "x"}},
        {"headers": {"Range": "bytes=0-1"}},
    ],
    ids=str,
)
def test_a_bypass_is_the_same_whether_or_not_a_page_is_stored(
    lane: Lane, asked: dict[str, Any]
) -> None:
    lane.configure(REVEAL=None, SENSITIVE_PARAMS=["token"])
    lane.show(read)
    begin(lane)
    before = told(lane.get(**asked))
    lane.get()
    assert status(lane.get()).hit
    assert told(lane.get(**asked)) == before


def test_the_validator_of_one_is_no_word_on_the_page_of_another(lane: Lane) -> None:
    """Two with the same text in their pages have other entity tags: none can be tried out."""
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(lambda request: HttpResponse(f"{by_user(request) and ''}same"))
    anna = lane.visitor().log_in(User.objects.create_user("anna"))
    bert = lane.visitor().log_in(User.objects.create_user("bert"))
    tags = [visitor.get()["ETag"] for visitor in (anna, bert, lane.visitor())]
    assert len(set(tags)) == 3
    answers = [bert.get(headers={"If-None-Match": tag}) for tag in tags]
    assert [answer.status_code for answer in answers] == [200, 304, 200]
