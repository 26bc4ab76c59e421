"""Accounts: who logs in, signs up, logs out and changes things is shown their own pages."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.http import HttpResponse

from tests.compat.crawl import Site, submit
from tests.lanes import MIDDLEWARE, REDIS, Visitor, text

LANES, ON = MIDDLEWARE, (REDIS,)
OPEN = {"/", "/about/", "/accounts/inactive/"}  # pages without forms
SESSIONS = "/accounts/sessions/"  # where everybody sees in how many places they are logged in
KEY = re.compile(r"(?<=/confirm-email/)[\w:-]+")  # signed anew each second
NEW = {"username": "carol", "email": "carol@example.com"}

pytestmark = pytest.mark.django_db(transaction=True)


def test_pages_are_the_same_for_everybody(site: Site, alice: User, bob: User, editor: User) -> None:
    said = site.crawled_by(alice, bob, editor, depth=3, without={SESSIONS})
    assert all(said[path].hit for path in OPEN)
    assert len(said) > 10


def browser(site: Site) -> Visitor:
    """Return somebody new, whose forms are checked; everybody has been on every page before."""
    site.twins().crawl(depth=2)
    visitor = site.visitor()
    visitor.client.handler.enforce_csrf_checks = True
    return visitor


def log_in(site: Site, name: str) -> Visitor:
    visitor = browser(site)
    answer = submit(visitor, "/accounts/login/", login=name, password=f"secret of {name}")
    assert answer["Location"] == "/"
    return visitor


def others_are_strangers(site: Site) -> None:
    for path in ("/", "/"):
        page = text(site.twins().get(path)[1])
        assert "Hello stranger" in page
        assert "message" not in page


@pytest.mark.usefixtures("alice", "bob")
def test_who_logs_in_is_greeted_once_and_alone(site: Site) -> None:
    visitors = {name: log_in(site, name) for name in ("alice", "bob")}
    for name, visitor in visitors.items():
        page = text(visitor.get("/"))
        assert f"Hello {name}" in page
        assert f"Successfully signed in as {name}" in page
        others_are_strangers(site)
        assert "Successfully" not in text(visitor.get("/"))


@pytest.mark.usefixtures("alice")
def test_who_logs_out_is_a_stranger_again(site: Site) -> None:
    visitor = log_in(site, "alice")
    assert "Hello alice" in text(visitor.get("/"))
    submit(
        visitor, "/accounts/logout/", csrfmiddlewaretoken=token(visitor.get("/accounts/logout/"))
    )
    assert "You have signed out" in text(visitor.get("/"))
    assert "Hello stranger" in text(visitor.get("/"))
    others_are_strangers(site)


def token(answer: HttpResponse) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text(answer))
    return found[1] if found else ""


def test_who_signs_up_and_confirms_is_shown_it_alone(site: Site) -> None:
    site.varying.append(KEY)
    visitor = browser(site)
    secret = {"password1": "a long secret", "password2": "a long secret"}
    assert submit(visitor, "/accounts/signup/", **NEW, **secret)["Location"] == "/"
    assert "Hello carol" in text(visitor.get("/"))
    others_are_strangers(site)
    (where,) = re.findall(r"http://testserver(\S+/confirm-email/\S+)", str(mail.outbox[-1].body))
    twins = site.twins()
    assert "carol@example.com" in text(twins.get(where)[1])
    submit(visitor, where, csrfmiddlewaretoken=token(visitor.get(where)))
    assert "You have confirmed carol@example.com" in text(visitor.get("/"))
    assert "confirm" not in text(site.twins().get("/")[1])


@pytest.mark.usefixtures("alice", "bob")
def test_addresses_are_their_owners(site: Site) -> None:
    alice, bob = log_in(site, "alice"), log_in(site, "bob")
    assert (
        submit(alice, "/accounts/email/", "action_add", email="second@example.com").status_code
        == 302
    )
    assert "second@example.com" in text(alice.get("/accounts/email/"))
    assert "second@example.com" not in text(bob.get("/accounts/email/"))
    assert site.twins().get("/accounts/email/")[1].status_code == 302


@pytest.mark.usefixtures("alice")
def test_password_is_asked_again_and_changed(site: Site) -> None:
    visitor = log_in(site, "alice")
    again = submit(visitor, "/accounts/reauthenticate/", password="secret of alice")
    assert again.status_code == 302
    new = {"password1": "another long secret", "password2": "another long secret"}
    submit(visitor, "/accounts/password/change/", oldpassword="secret of alice", **new)
    assert "Password successfully changed" in text(visitor.get("/"))
    assert User.objects.get(username="alice").check_password("another long secret")
    others_are_strangers(site)


@pytest.mark.usefixtures("alice")
def test_forgotten_password_is_reset_by_who_has_the_key(site: Site) -> None:
    visitor = browser(site)
    submit(visitor, "/accounts/password/reset/", email="alice@example.com")
    (where,) = re.findall(r"http://testserver(\S+/reset/key/\S+)", str(mail.outbox[-1].body))
    site.twins().get(where)
    form = visitor.get(where)["Location"]
    site.twins().get(form)
    new = {"password1": "another long secret", "password2": "another long secret"}
    assert submit(visitor, form, **new).status_code == 302
    assert User.objects.get(username="alice").check_password("another long secret")
    assert "password1" not in text(site.twins().get(form)[1])


@pytest.mark.usefixtures("alice")
def test_wrong_password_is_told_to_who_gave_it(site: Site) -> None:
    visitor = browser(site)
    answer = submit(visitor, "/accounts/login/", login="alice", password="wrong")
    assert "not correct" in text(answer)
    assert "not correct" not in text(visitor.get("/accounts/login/"))
    assert "not correct" not in text(site.twins().get("/accounts/login/")[1])
