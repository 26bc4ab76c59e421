"""One behavior in all lanes: while the cache server is away the view answers, and nothing is stale afterwards."""

from __future__ import annotations

import pytest
from django.urls import path

from pagecache import announcing
from pagecache.stores import waiting
from tests.lanes import MEMORY, PATIENCE, Lane, showing, status, text
from tests.lanes_site.stores import broken
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)
ON = (MEMORY,)


@pytest.fixture
def failing(lane: Lane) -> Lane:
    """A lane with a kept page, on a store whose connection can break."""
    backend = {"BACKEND": "tests.lanes_site.stores.FailingCache"}
    lane.settings.CACHES = {"default": lane.settings.CACHES["default"] | backend}
    lane.show(showing(lambda request: Author.objects.count()))
    lane.get()
    assert lane.see().hit
    return lane


def test_view_answers_while_the_store_is_away(failing: Lane) -> None:
    with broken("get_many", "set_many"):
        answer = failing.get()

    assert (text(answer), status(answer).reason) == ("0", "store-error")
    assert failing.see().hit


def test_nothing_is_served_or_kept_while_an_announcement_is_owed(failing: Lane) -> None:
    with broken("set_many"):
        make_author()
        answers = [failing.get() for _ in range(2)]

    assert [text(answer) for answer in answers] == ["1", "1"]
    assert [status(answer).reason for answer in answers] == ["announcement-owed"] * 2


def test_pages_are_kept_again_once_the_announcement_is_paid(failing: Lane) -> None:
    with broken("set_many"):
        make_author()

    first = failing.get()

    assert (text(first), status(first).stored) == ("1", True)
    assert failing.see().hit


def test_a_request_that_writes_often_waits_for_the_store_once(
    failing: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock by which each attempt takes as long as it may."""
    writes = showing(lambda request: [make_author().name for _ in range(12)])
    failing.mount(path("write/", failing.page(writes)))
    with broken("set_many") as attempts:
        for module in (announcing, waiting):
            monkeypatch.setattr(module, "monotonic", lambda: 100.0 + PATIENCE * len(attempts))
        failing.get("/write/")
        assert len(attempts) == 1
        failing.get("/write/")
        assert len(attempts) == 2, "the look-up of another request tries again"
        make_author()
        make_author()
        assert len(attempts) == 4, "what is in no request waits each time"
    assert Author.objects.count() == 26
