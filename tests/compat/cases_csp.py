"""Nonces of django-csp and of Django itself: two answers never have the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.compat.crawl import Site
from tests.compat.csp_site.settings import MIDDLEWARE as WITH_PACKAGE
from tests.compat.csp_site.settings import OWN
from tests.lanes import MIDDLEWARE, REDIS, status, text

LANES, ON = MIDDLEWARE, (REDIS,)
PACKAGE = "csp.middleware.CSPMiddleware"
DJANGO = "django.middleware.csp.ContentSecurityPolicyMiddleware"
WAYS = [
    (PACKAGE, "attribute"),
    (PACKAGE, "tag"),
    (PACKAGE, "processor"),
    *[(DJANGO, "django")][:OWN],
]
NONCE = re.compile(r'nonce="([^"]{20,})"')

pytestmark = pytest.mark.django_db(transaction=True)


def arrange(site: Site, middleware: str) -> None:
    site.arrange(*(middleware if name == PACKAGE else name for name in WITH_PACKAGE))


@pytest.mark.parametrize("middleware", [PACKAGE, *[DJANGO][:OWN]])
def test_pages_are_the_same_for_everybody(site: Site, middleware: str, alice: User) -> None:
    arrange(site, middleware)
    said = site.crawled_by(alice)
    assert all(page.hit for page in said.values())


def hold_their_own(answers: list[Any]) -> None:
    """No two answers have the same nonce, and each names its own in the header."""
    nonces = [nonce for answer in answers for nonce in NONCE.findall(text(answer))]
    assert len(set(nonces)) == len(answers)
    for nonce, answer in zip(nonces, answers, strict=True):
        assert f"script-src 'self' 'nonce-{nonce}'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("middleware, way", WAYS)
def test_two_answers_never_have_the_same_nonce(
    site: Site, middleware: str, way: str, alice: User
) -> None:
    arrange(site, middleware)
    hold_their_own(
        [site.visitor(user).get(f"/{way}/") for user in (None, None, alice, alice, None)]
    )


@pytest.mark.parametrize("middleware, way", WAYS)
def test_nor_where_the_policy_is_added_outside(site: Site, middleware: str, way: str) -> None:
    site.arrange(middleware, *(name for name in WITH_PACKAGE if name != PACKAGE))
    answers = [site.visitor().get(f"/{way}/") for _ in range(3)]
    assert status(answers[-1]).hit
    hold_their_own(answers)
