"""django-cors-headers and WhiteNoise, before pagecache and behind: what docs/middleware.md says of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from tests.compat.crawl import Site
from tests.compat.orders_site.settings import CORS, WHITENOISE
from tests.compat.orders_site.settings import MIDDLEWARE as STOCK
from tests.lanes import MEMORY, MIDDLEWARE, status, text

LANES, ON = MIDDLEWARE, (MEMORY,)
ALLOW = "Access-Control-Allow-Origin"
ONE, TWO, OTHER = "https://one.example", "https://two.example", "https://other.example"

pytestmark = pytest.mark.django_db(transaction=True)


def arrange(site: Site, middleware: str, place: str) -> None:
    before = place == "before"
    site.arrange(*[middleware] * before, STOCK[0], *[middleware] * (not before), *STOCK[1:])


def warned() -> bool:
    return any(message.id == "pagecache.W011" for message in run_checks(tags=["caches"]))


def origins(site: Site) -> list[tuple[bool, str | None]]:
    """Who comes from where, twice: whether each got a stored page, and which origin was allowed to see it."""
    answers = [
        site.visitor().get("/", headers={"Origin": origin}) for origin in (ONE, TWO, OTHER) * 2
    ]
    answers.append(site.visitor().get("/"))
    assert all("origin" in answer["Vary"].lower() for answer in answers)
    return [(status(answer).hit, answer.get(ALLOW)) for answer in answers]


def test_cors_before(site: Site) -> None:
    arrange(site, CORS, "before")

    said = origins(site)

    assert said[0] == (False, ONE)
    assert said[1:] == [
        (True, TWO),
        (True, None),
        (True, ONE),
        (True, TWO),
        (True, None),
        (True, None),
    ]
    assert not warned()


def test_cors_behind(site: Site) -> None:
    arrange(site, CORS, "behind")

    said = origins(site)

    assert [allowed for _, allowed in said] == [ONE, TWO, None, ONE, TWO, None, None]
    assert [hit for hit, _ in said] == [False] * 3 + [True] * 3 + [False], "each has its own page"
    assert warned()


@pytest.mark.parametrize("place", ["before", "behind"])
def test_cors_preflight(site: Site, place: str) -> None:
    arrange(site, CORS, place)
    site.visitor().get("/")

    asked = {"Origin": ONE, "Access-Control-Request-Method": "PUT"}
    answer = site.visitor().ask("options", "/", headers=asked)

    assert (answer.content, answer[ALLOW]) == (b"", ONE)


def test_what_cors_looks_at_before_hides_nothing_that_the_page_reads(site: Site) -> None:
    arrange(site, CORS, "before")

    for name in ("ann", "bob"):
        answer = site.visitor().get("/agent/", headers={"Origin": ONE, "User-Agent": name})
        assert (text(answer), status(answer).reason) == (name, "undeclared-header")


def file_of(site: Site) -> tuple[str, Any]:
    answer: Any = site.visitor().get("/robots.txt")
    return b"".join(answer).decode(), answer


def test_whitenoise_before(site: Site) -> None:
    arrange(site, WHITENOISE, "before")

    for _ in range(2):
        content, answer = file_of(site)
        assert content == "User-agent: *\n"
        assert not answer.has_header("Cache-Status"), "pagecache is not asked"
    assert [status(site.visitor().get("/")).hit for _ in range(2)] == [False, True]
    assert not warned()


def test_whitenoise_behind(site: Site) -> None:
    arrange(site, WHITENOISE, "behind")

    for _ in range(2):
        content, answer = file_of(site)
        assert content == "User-agent: *\n"
        assert status(answer).reason == "streaming", "it is looked up and not stored"
    assert [status(site.visitor().get("/")).hit for _ in range(2)] == [False, True]
    assert not warned()
