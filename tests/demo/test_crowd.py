"""Many visitors, each with a browser, languages and analytics cookies of its own, on the demo site."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo_site import settings as demo
from demo_site.cache_status import Outcome, read_outcome
from demo_site.crowd import Look, Tally, crowd, differences, in_both_languages, seen, verdict
from demo_site.films.promotions import Promotion
from demo_site.films.templatetags import catalog
from demo_site.story import CROWD
from tests.lanes import MEMORY, REDIS, cache

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("demo_site.urls")]

PAGES = ("", "decades/1990/", "genres/western/", "films/film-1/", "studios/")
FORTY = in_both_languages(
    ("decades/1990/", "genres/western/", "studios/studio-1/", "directors/director-1/"),
    (f"film-{number}" for number in range(7)),
)
MADE_FOR_A_FORM = 4  # the page with its message, the form's own, and those that count the messages


@pytest.fixture(autouse=True)
def _cached_catalog(settings: Any, films: object) -> None:
    settings.MIDDLEWARE = demo.MIDDLEWARE
    settings.PAGECACHE = demo.PAGECACHE | {"ENABLED": True}


def visit(number: int, page: str) -> Any:
    visitor = Client(headers={"User-Agent": f"Browser/{number}"})
    visitor.cookies.load({"_ga": f"GA1.2.{number}", "_fbp": f"fb.1.{number}"})
    campaign = {"utm_source": f"letter-{number}", "fbclid": f"IwAR{number}"}
    return visitor.get(f"/en/{page}", query_params=campaign)


def test_they_cause_five_renders() -> None:
    first = {page: visit(0, page) for page in PAGES}
    assert [read_outcome(made["Cache-Status"]).stored for made in first.values()] == [True] * 5

    with CaptureQueriesContext(connection) as queries:
        many = [(page, visit(n, page)) for n in range(1, CROWD) for page in PAGES]

    assert {read_outcome(answer["Cache-Status"]).kind for _, answer in many} == {"hit"}
    assert all(
        differences(seen(answer, set()), seen(first[page], set())) == () for page, answer in many
    )
    assert len(queries) == 0


@pytest.mark.parametrize("store", [MEMORY, REDIS])
@pytest.mark.parametrize(
    "people", [{"strangers": 24}, {"members": 12}], ids="strangers members".split()
)
def test_each_page_is_made_once_for_all_and_is_right_for_each(
    request: pytest.FixtureRequest, settings: Any, store: str, people: dict[str, int]
) -> None:
    location = request.getfixturevalue("redis_server").url if store == REDIS else "crowd"
    settings.CACHES = {"default": cache(store, location)}
    tally = crowd(**people, pages=FORTY)

    assert tally.wrong == []
    assert len(tally.stored) == len(FORTY) == 40
    assert tally.looks == sum(people.values()) * 20
    assert tally.sent > 0
    assert tally.looks - tally.hits <= len(FORTY) + tally.sent * MADE_FOR_A_FORM


def test_a_page_that_is_not_the_visitors_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()
    monkeypatch.setattr(catalog, "promotion_of", lambda _request: Promotion(f"{next(numbers)}", ""))
    tally = crowd(2, pages=FORTY)
    assert len(tally.wrong) == tally.looks
    assert all("body" in look.differences for look in tally.wrong)


def answer(text: str = "page", status: int = 200, **cookies: str) -> HttpResponse:
    made = HttpResponse(text, status=status, headers={"Age": "1"})
    for name, value in cookies.items():
        made.set_cookie(name, value)
    return made


FIELD = '<input name="csrfmiddlewaretoken" value="{}">'


@pytest.mark.parametrize(
    "one,other,expected",
    [
        (answer(), answer(), ()),
        (answer(FIELD.format("a" * 64)), answer(FIELD.format("b" * 64)), ()),
        (answer(new="1"), answer(new="2"), ()),
        (answer("a" * 64), answer("b" * 64), ("body",)),
        (answer(status=404), answer(), ("status",)),
        (answer(old="1"), answer(old="2"), ("cookies",)),
        (answer(new="1"), answer(), ("cookies",)),
    ],
)
def test_answers_are_the_same_but_for_tokens(
    one: HttpResponse, other: HttpResponse, expected: tuple[str, ...]
) -> None:
    assert differences(seen(one, {"old"}), seen(other, {"old"})) == expected


ALL = {f"/{number}/" for number in range(40)}
WRONG = Look("/en/films/alien/", Outcome("hit"), ("body", "cookies"), sent=False)


def test_a_tally_reads_as_a_sentence() -> None:
    assert str(Tally(looks=6000, hits=5886, sent=20, stored=ALL)) == (
        "5,886 of 6,000 answers from the cache (98.1%), 40 pages stored, 20 forms sent, 0 answers differ"
    )


@pytest.mark.parametrize(
    "tally,expected",
    [
        (Tally(looks=100, hits=97, stored=ALL), True),
        (Tally(looks=100, hits=96, stored=ALL), False),
        (Tally(looks=100, hits=97, stored=ALL - {"/1/"}), False),
        (Tally(looks=100, hits=97, stored=ALL, wrong=[WRONG]), False),
    ],
)
def test_one_wrong_answer_is_one_too_many(
    capsys: pytest.CaptureFixture[str], tally: Tally, *, expected: bool
) -> None:
    assert verdict("people", tally, 0.97) is expected
    told = "/en/films/alien/ (hit) differs in body, cookies\n" if tally.wrong else ""
    assert capsys.readouterr().err == told
