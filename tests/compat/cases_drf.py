"""An API: formats, tokens, sessions, throttles."""

from __future__ import annotations

from json import loads
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.authtoken.models import Token

from tests.compat.crawl import Site, submit
from tests.lanes import MIDDLEWARE, REDIS, status, text

LANES, ON = MIDDLEWARE, (REDIS,)
JSON, HTML = "application/json", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
PATHS = ["/", "/groups/", "/groups/?page=2", "/names/", "/names/?most=1", "/plain/"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def groups() -> list[Group]:
    return [Group.objects.create(name=name) for name in ("one", "two", "three")]


@pytest.mark.parametrize("accept", [JSON, HTML])
def test_pages_are_the_same_for_everybody(
    site: Site, accept: str, alice: User, editor: User
) -> None:
    said = site.crawled_by(alice, editor, headers={"Accept": accept})
    assert all(said[path].hit for path in said if not path.startswith("/auth/"))
    assert len(said) > 5


def test_formats_are_never_mixed(site: Site) -> None:
    accepted = [JSON, HTML, "*/*", None, "text/csv", JSON]
    for path in PATHS:
        for accept in accepted:
            headers = {} if accept is None else {"Accept": accept}
            _, answer = site.twins().get(path, headers=headers)
            is_page = accept == HTML and path != "/plain/"
            assert answer["Content-Type"].startswith("text/html" if is_page else JSON)
            assert answer.status_code == (406 if accept == "text/csv" else 200)


def test_view_of_one_format_is_kept_where_the_site_declares_the_header(site: Site) -> None:
    """It reads what is accepted, and names nothing in `Vary`."""
    headers = {"Accept": HTML}
    assert site.twins().get("/plain/", headers=headers)[0].reason == "undeclared-header"
    site.lane.configure(KEY_HEADERS=["Accept"])
    assert site.twins().get("/plain/", headers=headers)[0].hit


@pytest.mark.parametrize("by", ["token", "session"])
def test_each_user_is_told_their_own_name(site: Site, alice: User, bob: User, by: str) -> None:
    site.lane.configure(AUTHENTICATED="unread")
    for user in (None, alice, bob, None, alice):
        name = user.username if user else ""
        headers = authorized(user) if by == "token" else {}
        answer = site.twins(user if by == "session" else None).get("/me/", headers=headers)[1]
        assert loads(text(answer)) == [name, name, by == "token" and user is not None]


def authorized(user: User | None) -> dict[str, str]:
    return {"Authorization": f"Token {Token.objects.get_or_create(user=user)[0]}"} if user else {}


def test_wrong_token_is_refused_and_leaves_no_page(site: Site) -> None:
    keep(site)
    headers = {"Authorization": "Token nobodys"}
    for path in PATHS:
        assert site.twins().get(path, headers=headers)[1].status_code == 401
        assert site.twins().get(path)[0].hit


def keep(site: Site) -> None:
    for path in PATHS:
        assert site.twins().get(path)[0].hit


@pytest.mark.parametrize("by", ["token", "session"])
def test_what_is_written_shows_at_once(site: Site, editor: User, by: str) -> None:
    keep(site)
    writer = site.visitor(editor if by == "session" else None)
    asked: dict[str, Any] = {"content_type": JSON}
    asked["headers"] = authorized(editor) if by == "token" else {}
    made = writer.ask("post", "/groups/", data={"name": "four"}, **asked)
    assert made.status_code == 201
    assert "four" in shown(site, "/groups/?page=2")
    assert "four" in shown(site, "/names/")
    keep(site)
    where = made["Location"].removeprefix("http://testserver")
    writer.ask("patch", where, data={"name": "five"}, **asked)
    assert all("five" in shown(site, path) for path in ("/groups/?page=2", "/names/", where))
    keep(site)
    assert writer.ask("delete", where, **asked).status_code == 204
    assert site.twins().get(where)[1].status_code == 404
    assert all("five" not in shown(site, path) for path in PATHS)


def shown(site: Site, path: str) -> str:
    """Return what an anonymous visitor is shown, which is what is there."""
    return text(site.twins().get(path)[1])


def test_anonymous_visitor_may_not_write_and_changes_nothing(site: Site) -> None:
    keep(site)
    for method in ("post", "put", "patch", "delete"):
        path = "/groups/" if method == "post" else f"/groups/{Group.objects.earliest('pk').pk}/"
        assert site.visitor().ask(method, path, content_type=JSON).status_code == 401
    assert all(site.twins().get(path)[0].hit for path in PATHS)


def test_form_of_a_page_can_be_sent(site: Site, editor: User) -> None:
    keep(site)
    visitor = site.visitor(editor)
    visitor.client.handler.enforce_csrf_checks = True
    assert submit(visitor, "/groups/?format=api", name="four").status_code == 201
    assert "four" in shown(site, "/names/")


def test_throttle_counts_every_request(site: Site) -> None:
    answers = [site.visitor().get("/seldom/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert status(answers[1]).reason == "client-address"
    assert site.visitor().come_from("203.0.113.9").get("/seldom/").status_code == 200


def test_token_is_given_to_who_knows_the_password(site: Site, alice: User) -> None:
    data = {"username": "alice", "password": "secret of alice"}
    answer = site.visitor().ask("post", "/token/", data=data)
    assert loads(text(answer)) == {"token": Token.objects.get(user=alice).key}


@pytest.mark.parametrize("method", ["head", "options"])
def test_other_safe_methods_are_answered_alike(site: Site, method: str) -> None:
    for path in PATHS:
        twins = site.twins()
        answers = [twins.cached.ask(method, path) for _ in range(2)]
        expected = twins.plain.ask(method, path)
        assert {answer.status_code for answer in answers} == {expected.status_code}
        assert {text(answer) for answer in answers} == {text(expected)}
