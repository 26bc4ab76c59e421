"""One behavior in all lanes: who shares pages with whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest, HttpResponse

from pagecache import segment_by
from pagecache.segments import by_group, by_permissions, by_user, combine
from tests.lanes import Lane, Visitor, showing, status, text
from tests.lanes_site import access

pytestmark = pytest.mark.django_db(transaction=True)

hello = showing(lambda request: "hello")
who = showing(lambda request: request.user.get_username() or "nobody")
GROUPS = "pagecache.segments.by_group"


def permitted(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user.has_perm("library.view_tag")))


def member(name: str, *groups: str) -> User:
    user = User.objects.create_user(name)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def visits(lane: Lane, user: User | None, times: int = 2) -> list[HttpResponse]:
    """Return the answers to the visits of one person."""
    visitor = lane.visitor() if user is None else lane.visitor().log_in(user)
    return [visitor.get() for _ in range(times)]


def hits(lane: Lane, user: User | None) -> list[bool]:
    return [status(answer).hit for answer in visits(lane, user)]


def test_logged_in_visitors_bypass(lane: Lane) -> None:
    lane.show(hello)
    lane.get()

    answers = visits(lane, member("alice"))

    assert [status(answer).reason for answer in answers] == ["session-cookie"] * 2
    assert [status(answer).forward for answer in answers] == ["bypass"] * 2
    assert lane.see().hit


def test_page_that_nobody_is_seen_on_is_served_to_everybody_with_unread(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(hello)

    assert hits(lane, member("alice")) == [False, True]
    assert lane.see().hit


def test_page_that_is_served_keeps_a_session_alive_as_the_view_does(lane: Lane) -> None:
    lane.settings.SESSION_SAVE_EVERY_REQUEST = True
    lane.configure(AUTHENTICATED="unread")
    lane.show(showing(lambda request: "hello"))
    member = lane.visitor().log_in(User.objects.create_user("alice"))
    lane.get()
    for _ in range(2):
        answer = member.get()
        assert status(answer).hit
        assert "sessionid" in answer.cookies
    assert not lane.get().cookies


def test_page_that_reads_the_user_is_not_kept_for_members_with_unread(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(who)
    alice = visits(lane, member("alice"))

    assert [text(answer) for answer in alice] == ["alice", "alice"]
    assert [text(answer) for answer in visits(lane, None)] == ["nobody", "nobody"]
    assert text(visits(lane, User.objects.get(username="alice"))[1]) == "alice"
    assert lane.see().hit


def test_each_user_has_pages_in_a_segment_by_user(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(who)

    for user in (member("alice"), member("bob")):
        answers = visits(lane, user)
        assert [text(answer) for answer in answers] == [user.username] * 2
        assert status(answers[1]).hit
        assert "private" in answers[0]["Cache-Control"]
        assert "private" in answers[1]["Cache-Control"]
    assert [text(answer) for answer in visits(lane, None)] == ["nobody", "nobody"]
    assert lane.see().hit


def test_members_of_the_same_groups_share(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT=GROUPS)
    lane.show(hello)

    alice, bob = member("alice", "red", "blue"), member("bob", "blue", "red")
    carol = member("carol", "red")

    assert hits(lane, alice) == [False, True]
    assert hits(lane, bob) == [True, True]
    assert hits(lane, carol) == [False, True]
    assert hits(lane, None) == [False, True]


def test_change_of_groups_changes_the_segment(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT=GROUPS)
    lane.show(showing(lambda request: sorted(g.name for g in request.user.groups.all())))
    alice = member("alice", "red")
    assert text(visits(lane, alice)[1]) == "['red']"

    alice.groups.clear()

    assert [text(answer) for answer in visits(lane, alice)] == ["[]", "[]"]


def test_holders_of_the_same_permissions_share(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment")
    lane.show(permitted, segment_by(by_permissions))
    alice, bob, carol = member("alice"), member("bob"), member("carol")
    for user in (alice, bob):
        user.user_permissions.add(Permission.objects.get(codename="view_tag"))

    assert text(visits(lane, alice)[1]) == "True"
    assert hits(lane, bob) == [True, True]
    assert text(visits(lane, carol)[1]) == "False"


def test_view_states_its_own_segment(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", KEY_HEADERS=["X-Country"])
    lane.show(who, segment_by(by_user))

    assert text(visits(lane, member("alice"))[1]) == "alice"
    assert text(visits(lane, member("bob"))[1]) == "bob"


def test_segments_combine(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", KEY_HEADERS=["X-Country"])
    lane.show(hello, segment_by(combine(by_group, access.by_country)))
    red, blue = (lane.visitor().log_in(member(name, name)) for name in ("red", "blue"))

    assert [hit(red, "de"), hit(red, "de")] == [False, True]
    assert [hit(red, "fr"), hit(blue, "de")] == [False, False]
    assert [hit(red, "fr"), hit(blue, "de")] == [True, True]


def hit(visitor: Visitor, country: str) -> bool:
    return status(visitor.get(headers={"X-Country": country})).hit


@pytest.mark.parametrize("segment", ["nobody", "broken"])
def test_segment_function_may_want_nothing_cached(lane: Lane, segment: str) -> None:
    lane.configure(SEGMENT=f"tests.lanes_site.access.{segment}")
    lane.show(hello)
    lane.get()

    answer = lane.get()

    assert (status(answer).reason, text(answer)) == ("no-segment", "hello")


def test_rule_states_the_segment_of_its_pages(lane: Lane) -> None:
    rule: dict[str, Any] = {"match": "^/page/", "segment": "tests.lanes_site.access.by_country"}
    lane.configure(RULES=[rule], KEY_HEADERS=["X-Country"])
    lane.show(hello)

    german = [lane.see(headers={"X-Country": "de"}).hit for _ in range(2)]

    assert german == [False, True]
    assert not lane.see(headers={"X-Country": "fr"}).hit


def test_segments_of_the_anonymous_need_no_query(
    lane: Lane, django_assert_num_queries: Any
) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT=GROUPS)
    lane.show(hello)
    lane.get()

    with django_assert_num_queries(0):
        assert lane.see().hit


def by_theme(request: HttpRequest) -> str | None:
    return "anonymous" if request.COOKIES.get("theme") is None else "themed"


def by_country(request: HttpRequest) -> str | None:
    return "anonymous" if request.headers.get("X-Country") is None else "abroad"


def by_all_headers(request: HttpRequest) -> str | None:
    return "anonymous" if list(request.headers) else "nobody"


@pytest.mark.parametrize(
    "function, vary, is_private",
    [
        (by_theme, "Cookie", False),
        (by_user, "Cookie", False),
        (by_country, "X-Country", False),
        (by_all_headers, None, True),
    ],
)
def test_copies_downstream_vary_by_what_named_the_segment(
    lane: Lane, function: Any, vary: str | None, is_private: bool
) -> None:
    lane.show(hello, segment_by(function), downstream=60)

    for answer in [lane.get() for _ in range(3)]:
        assert answer.get("Vary") == vary
        assert ("private" in answer["Cache-Control"]) is is_private
    assert lane.see().hit


@pytest.mark.parametrize("answer", [b"a", ["a"], 1.5, by_user])
def test_segment_that_is_no_name_refuses_and_says_so(lane: Lane, answer: Any, caplog: Any) -> None:
    lane.show(hello, segment_by(lambda request: answer))

    assert [lane.see().reason for _ in range(2)] == ["no-segment"] * 2
    assert f"the segment function gave a {type(answer).__name__}" in caplog.text


def test_segment_function_that_raises_is_told_of(lane: Lane, caplog: Any) -> None:
    lane.show(hello, segment_by(access.broken))

    assert lane.see().reason == "no-segment"
    assert "the segment function failed" in caplog.text
    assert "the segment function is broken" in caplog.text


def test_what_a_segment_function_found_in_headers_hides_nothing_that_a_view_writes(
    lane: Lane,
) -> None:
    def written_over(request: HttpRequest) -> HttpResponse:
        request.META["HTTP_X_FRUIT"] = "own"
        return HttpResponse(request.headers.get("X-Fruit"))

    lane.configure(SEGMENT="tests.lanes_site.access.by_country")
    lane.show(written_over)

    assert lane.read() == "own"
