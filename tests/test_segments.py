"""Segments: who shares pages with whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.http import HttpRequest
from django.test import RequestFactory

from pagecache.core.types import SESSION, USER
from pagecache.segments import (
    anonymous,
    by_group,
    by_permissions,
    by_user,
    combine,
    covers,
    is_by_user,
    names_of,
)


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def member(name: str, *groups: str, **fields: Any) -> User:
    user = User.objects.create(username=name, **fields)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def by_language(request: HttpRequest) -> str | None:
    return request.headers.get("X-Language")


EVERY = [by_group, by_permissions, by_user]


@pytest.mark.parametrize("segment", [anonymous, *EVERY])
def test_whoever_is_not_logged_in_is_anonymous(segment: Any) -> None:
    assert segment(request_of(AnonymousUser())) == "anonymous"


def test_anonymous_looks_at_nobody() -> None:
    assert anonymous(HttpRequest()) == "anonymous"


@pytest.mark.django_db
@pytest.mark.parametrize("segment", EVERY)
def test_nobody_who_is_logged_in_is_anonymous(segment: Any) -> None:
    assert segment(request_of(member("ann"))) not in {"anonymous", None}


@pytest.mark.django_db
def test_groups_are_one_class_for_each_set_of_them() -> None:
    names = {
        user.username: by_group(request_of(user))
        for user in (
            member("both", "editors", "readers"),
            member("swapped", "readers", "editors"),
            member("one", "editors"),
            member("none"),
        )
    }
    assert names["both"] == names["swapped"]
    assert len(set(names.values())) == 3


@pytest.mark.django_db
def test_permissions_are_one_class_for_each_set_of_them() -> None:
    plain, same, more, staff = (member(name) for name in ("plain", "same", "more", "staff"))
    more.user_permissions.add(Permission.objects.get(codename="add_article"))
    staff.is_staff = True
    root = member("root", is_superuser=True)
    names = [by_permissions(request_of(user)) for user in (plain, same, more, staff, root)]
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_names_of_permissions_do_not_run_together() -> None:
    def holding(*permissions: str) -> Any:
        return SimpleNamespace(
            is_authenticated=True,
            is_staff=False,
            is_superuser=False,
            get_all_permissions=lambda: set(permissions),
        )

    one, two = (by_permissions(request_of(holding(*names))) for names in (("a,b",), ("a", "b")))
    assert one != two


@pytest.mark.django_db
def test_every_user_is_a_class() -> None:
    ann, bob = member("ann"), member("bob")
    assert by_user(request_of(ann)) == f"user:{ann.pk}"
    assert by_user(request_of(ann)) != by_user(request_of(bob))


@pytest.mark.django_db
def test_a_combination_keeps_apart_what_one_of_its_functions_keeps_apart() -> None:
    combined = combine(by_user, by_language)
    names = set()
    for user in (member("ann"), member("bob")):
        for language in ("de", "fr"):
            request = request_of(user)
            request.META["HTTP_X_LANGUAGE"] = language
            names.add(combined(request))
    assert len(names) == 4


def test_a_combination_is_none_where_one_of_its_functions_is() -> None:
    assert combine(anonymous, by_language)(request_of(AnonymousUser())) is None


def test_two_combinations_never_meet_in_one_name() -> None:
    def named(*names: str) -> str | None:
        return combine(*(lambda _request, name=name: name for name in names))(HttpRequest())

    assert named("a&1:b") != named("a", "b")
    assert named("a", "b&c") != named("a&b", "c")


def of_the_site(_request: HttpRequest) -> str | None:
    return "all"


@pytest.mark.parametrize(
    "segment, expected",
    [
        (anonymous, set()),
        (by_group, {USER}),
        (by_permissions, {USER}),
        (by_user, {USER}),
        (of_the_site, {USER, SESSION}),
        (combine(), set()),
        (combine(anonymous, by_group), {USER}),
        (combine(by_user, of_the_site), {USER, SESSION}),
    ],
)
def test_what_pages_of_a_segment_may_read(segment: Any, expected: set[str]) -> None:
    assert covers(segment) == expected


@pytest.mark.parametrize(
    "segment, expected",
    [
        (by_user, True),
        (combine(by_group, by_user), True),
        (combine(anonymous, combine(by_language, by_user)), True),
        (by_group, False),
        (of_the_site, False),
        (combine(by_group, by_language), False),
        (combine(), False),
    ],
)
def test_which_segments_are_of_single_users(segment: Any, expected: bool) -> None:
    assert is_by_user(segment) is expected


NESTED = combine(combine(lambda _: "user:1", lambda _: 7), lambda _: "anonymous")  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "segment, names",
    [
        ("anonymous", []),
        ("user:42", ["user:42"]),
        ("", [""]),
        (("int", "42"), ["42"]),
        (combine(anonymous)(HttpRequest()), ["9:anonymous"]),
        (combine(lambda _: "a", lambda _: "b&1:c")(HttpRequest()), ["1:a&5:b&1:c", "a", "b&1:c"]),
        (
            NESTED(HttpRequest()),
            ["15:6:user:1&int1:7&9:anonymous", "6:user:1&int1:7", "user:1", "7"],
        ),
    ],
)
def test_the_names_that_pages_of_a_class_are_dropped_by(segment: Any, names: list[str]) -> None:
    assert list(names_of(segment)) == names
