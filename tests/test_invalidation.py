"""Announcing: `*` first, whole, and again until it got through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test import Client

from pagecache import ainvalidate, apurge, invalidate, purge
from pagecache.invalidation import (
    announcer,
    site_names,
    site_store,
)
from pagecache.stores import StoreError
from pagecache.tags import SITE, tags_of_paths
from pagecache.versions import STAR
from tests.caches import BROKEN, Watched, broken, watched
from tests.site.factories import make_article, make_author
from tests.site.models import Article

TAGS = ("a", "b", SITE, "page:/a/", "library.article")


def owes() -> bool:
    return announcer.owes


@pytest.fixture(autouse=True)
def _watched_store(settings: Any) -> Generator[None]:
    settings.CACHES = {"default": BROKEN}
    caches["default"].clear()
    yield
    announcer._failed.clear()


def versions(*tags: str) -> list[bytes | None]:
    return site_store().fetch(site_names().versions(tags))


def moved(before: list[bytes | None]) -> set[str]:
    return {tag for tag, old, new in zip(TAGS, before, versions(*TAGS), strict=True) if old != new}


def named(keys: list[str], *tags: str) -> set[str]:
    names = {site_names().version(tag): tag for tag in (STAR, *tags)}
    return {names[key] for key in keys}


def test_the_star_is_written_first_and_alone() -> None:
    with watched() as trips:
        announcer.announce({"a", "b"})
    assert trips == ["set", "set"]
    assert [named(keys, "a", "b") for keys in Watched.asked] == [{STAR}, {"a", "b"}]


def test_an_announcement_of_nothing_moves_the_star() -> None:
    announcer.announce()
    before = versions(STAR)
    announcer.announce()
    assert versions(STAR) != before


def test_every_announcement_gives_versions_that_never_were() -> None:
    seen = set()
    for _ in range(5):
        announcer.announce({"a", "b"})
        seen.update(versions(STAR, "a", "b"))
    assert len(seen) == 15
    assert {len(version or b"") for version in seen} == {16}


def test_a_failure_is_owed() -> None:
    with broken("set"):
        announcer.announce({"a"})
    assert owes()
    assert versions("a") == [None]


def test_what_is_owed_is_announced_whole_with_what_comes_next() -> None:
    with broken("set"):
        announcer.announce({"a"})
        announcer.announce({"b"})
    before = versions(*TAGS)
    with watched():
        announcer.announce({SITE})
    assert [named(keys, "a", "b", SITE) for keys in Watched.asked] == [{STAR}, {"a", "b", SITE}]
    assert moved(before) == {"a", "b", SITE}
    assert not owes()


def test_a_partial_announcement_is_repeated_whole_with_fresh_versions() -> None:
    announcer.announce({"a", "b"})
    with watched(), broken("set", after=1):
        announcer.announce({"a", "b"})
    (star,), rest = versions(STAR), versions("a", "b")
    announcer.announce()
    assert versions(STAR) != [star]
    assert not set(rest) & set(versions("a", "b"))


def test_a_debt_stays_until_it_is_paid() -> None:
    with broken("set"):
        announcer.announce({"a"})
        announcer.announce()
        assert owes()
    before = versions(*TAGS)
    announcer.announce()
    assert moved(before) == {"a"}
    assert not owes()


def test_what_is_owed_does_not_grow_with_the_attempts_to_pay() -> None:
    with broken("set"):
        for number in range(100):
            announcer.announce({f"tag {number % 3}"})
    assert list(announcer._failed.values()) == [{"tag 0", "tag 1", "tag 2"}]


def test_who_owes_very_much_drops_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagecache.invalidation.MOST_OWED", 10)
    with broken("set"):
        announcer.announce(map(str, range(9)))
        assert SITE not in announcer._failed.popitem()[1]
        announcer.announce(map(str, range(10)))
        announcer.announce({"a"})
    assert list(announcer._failed.values()) == [{SITE, "a"}]


def test_a_failure_that_came_meanwhile_stays() -> None:
    with broken("set"):
        announcer.announce({"a"})
    with announcer._attempt(frozenset({"b"})), broken("set"):
        announcer.announce({"c"})
    assert list(announcer._failed.values()) == [{"a", "c"}]


def test_a_failure_is_logged_once_until_it_is_paid(caplog: pytest.LogCaptureFixture) -> None:
    with broken("set"), caplog.at_level(logging.ERROR, "pagecache"):
        for _ in range(3):
            announcer.announce({"a"})
    (record,) = caplog.records
    assert "neither served nor stored until it is" in record.getMessage()
    assert record.getMessage().endswith("announce failed: ConnectionResetError")


class StoppedError(BaseException):
    """The process is told to stop."""


def test_an_announcement_that_was_interrupted_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_args: Any) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(Watched, "_note", stop)
        with pytest.raises(StoppedError):
            announcer.announce({"a"})
    assert owes()


@pytest.mark.django_db(transaction=True)
def test_a_write_does_not_fail_where_the_cache_server_does(client: Client) -> None:
    article = make_article()
    url = "/articles/gigi/"
    client.get(url)
    assert client.get(url).headers["Cache-Status"].startswith("pagecache; hit")
    with broken("set"):
        article.title = "Chéri"
        article.save()
        assert owes()
        response = client.get(url)
    assert "Chéri" in response.content.decode()
    assert response.headers["Cache-Status"] == "pagecache; fwd=bypass"
    assert "Chéri" in client.get(url).content.decode()
    assert not owes(), "paid by the first request that could"
    assert client.get(url).headers["Cache-Status"].startswith("pagecache; hit")


@pytest.mark.parametrize("target", [None, 7, object, object(), b"a", ["a"]])
def test_what_is_no_target_is_refused(target: Any) -> None:
    with pytest.raises(TypeError, match="is no tag, model class or model instance"):
        invalidate(target)


def test_invalidate_moves_the_versions_of_its_targets() -> None:
    before = versions(*TAGS)
    invalidate("a", Article)
    assert moved(before) == {"a", "library.article"}


def test_ainvalidate_moves_the_versions_of_its_targets() -> None:
    before = versions(*TAGS)
    asyncio.run(ainvalidate("a", Article))
    assert moved(before) == {"a", "library.article"}


def test_ainvalidate_owes_what_did_not_get_through() -> None:
    with broken("set"):
        asyncio.run(ainvalidate("a"))
    assert owes()


def test_purge_moves_the_versions_of_paths() -> None:
    before = versions(*TAGS)
    purge("/a/?page=2")
    assert moved(before) == {"page:/a/"}


def test_apurge_moves_the_versions_of_paths() -> None:
    before = versions(*TAGS)
    asyncio.run(apurge("/a/"))
    assert moved(before) == {"page:/a/"}


def test_purge_without_paths_moves_the_version_of_the_site() -> None:
    before = versions(*TAGS)
    purge()
    assert moved(before) == {SITE}
    assert tags_of_paths([]) == {SITE}


@pytest.mark.django_db(transaction=True)
def test_a_write_in_a_transaction_is_one_announcement() -> None:
    author = make_author()
    with watched() as trips, transaction.atomic():
        make_article(author=author)
        make_article("cheri", author=author)
        author.save()
    assert trips == ["set", "set"]


def test_a_store_that_is_not_there_says_so() -> None:
    with broken("get"), pytest.raises(StoreError, match="cache 'default': fetch failed"):
        versions("a")


def test_another_alias_has_a_store_of_its_own(settings: Any) -> None:
    settings.CACHES = {"default": BROKEN, "pages": {**BROKEN, "LOCATION": "pages"}}
    assert site_store("pages") is site_store("pages")
    assert site_store("pages") is not site_store()
    assert site_store("default") is site_store()
