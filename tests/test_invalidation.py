"""Announcing: `*` first, whole, and again until it got through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test import Client

from pagecache import ainvalidate, announcing, apurge, conf, invalidate, purge
from pagecache.announcing import (
    IN_VAIN,
    Due,
    InvalidationError,
    announcer,
    site_names,
    site_store,
)
from pagecache.recording.recorder import holding
from pagecache.stores import StoreError, open_store, waiting
from pagecache.stores.waiting import PAUSE, Patience, patience
from pagecache.tags import SITE, tags_of_paths
from pagecache.versions import STAR
from tests.caches import BROKEN, Watched, broken, watched
from tests.site.factories import make_article, make_author
from tests.site.models import Article

TAGS = ("a", "b", SITE, "page:/a/", "library.article")


def owes() -> bool:
    return bool(announcer.owed)


@pytest.fixture(autouse=True)
def _watched_store(settings: Any) -> Generator[None]:
    settings.CACHES = {"default": BROKEN}
    caches["default"].clear()
    yield
    announcer.owed.clear()


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
    assert [due.tags for due in announcer.owed.values()] == [{"tag 0", "tag 1", "tag 2"}]


def test_who_owes_very_much_drops_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagecache.announcing.MOST_OWED", 10)
    with broken("set"):
        announcer.announce(map(str, range(9)))
        assert SITE not in announcer.owed.popitem()[1].tags
        announcer.announce(map(str, range(10)))
        announcer.announce({"a"})
    assert list(announcer.owed.values()) == [Due(frozenset({SITE, "a"}))]


def test_transactions_that_end_meanwhile_are_owed_no_more_than_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The marks of the others lapse by themselves."""
    monkeypatch.setattr("pagecache.announcing.MOST_OWED", 10)
    ended = [frozenset({b"%08d" % number}) for number in range(100)]
    with broken("set"):
        for one in ended:
            announcer.announce({"a"}, one)
            (due,) = announcer.owed.values()
            assert len(due.tags) + len(due.ended) < 10
            assert SITE in due.tags or due.ended >= one


def test_a_failure_that_came_meanwhile_stays() -> None:
    with broken("set"):
        announcer.announce({"a"})
    with announcer._attempt(Due(frozenset({"b"}))), broken("set"):
        announcer.announce({"c"})
    assert [due.tags for due in announcer.owed.values()] == [{"a", "c"}]


def test_a_failure_is_logged_once_until_it_is_paid(caplog: pytest.LogCaptureFixture) -> None:
    with broken("set"), caplog.at_level(logging.ERROR, "pagecache"):
        for _ in range(3):
            announcer.announce({"a"})
    (record,) = caplog.records
    assert "neither served nor stored until it is" in record.getMessage()
    assert record.getMessage().endswith("announce failed: ConnectionResetError")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock by which only attempts take time, each all that the store is waited for; gives how to let more pass."""
    passed = [0.0]

    def now() -> float:
        return 100 + sum(passed) + Watched.trips.count("set") * conf.get().options.STORE_BUDGET

    for module in (announcing, waiting):
        monkeypatch.setattr(module, "monotonic", now)
    return passed.append


def test_a_request_waits_once_for_a_server_that_does_not_answer(
    clock: Callable[[float], None],
) -> None:
    with broken("set"), watched() as trips, holding(patience, Patience()):
        for number in range(12):
            announcer.announce({f"tag {number}"})
        assert trips == ["set"]
        asyncio.run(announcer.aannounce({"a"}))
        assert trips == ["set"]
        clock(PAUSE)
        announcer.announce({"b"})
        assert trips == ["set"] * 2
    assert [len(due.tags) for due in announcer.owed.values()] == [14]
    announcer.announce()
    assert not owes()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("request_", [None, Patience()], ids=["never", "not any more"])
def test_what_is_in_no_request_waits_each_time(request_: Patience | None) -> None:
    with broken("set"), watched() as trips, holding(patience, request_):
        announcer.announce({"a"})
        if request_ is not None:
            request_.is_over = True
        announcer.announce({"a"})
        assert trips == ["set"] * 2


def test_a_request_goes_on_trying_where_it_need_not_wait() -> None:
    """A line that broke costs one error, and the next attempt gets through."""
    with holding(patience, Patience()):
        with broken("set"):
            announcer.announce({"a"})
        announcer.announce({"b"})
    assert not owes()


@pytest.mark.usefixtures("clock")
def test_a_request_waits_for_marks_no_more_either(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with broken("set"), watched(), holding(patience, Patience()):
        announcer.announce({"a"})
        settings.PAGECACHE = {"ENABLED": True, "TWO_PHASE": True}
        assert not announcer.mark(frozenset({"a"}), b"8 bytes.")
        assert caplog.records[-1].getMessage().endswith(IN_VAIN)
        settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": "raise"}
        with pytest.raises(InvalidationError, match=IN_VAIN):
            announcer.mark(frozenset({"a"}), b"8 bytes.")


def test_a_mark_in_a_store_that_cannot_be_opened_fails_as_any_other(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Nothing"}}
    settings.PAGECACHE = {"ENABLED": True, "TWO_PHASE": True}
    assert not announcer.mark(frozenset({"a"}), b"8 bytes.")
    settings.PAGECACHE = {**settings.PAGECACHE, "ON_INVALIDATION_FAILURE": "raise"}
    with pytest.raises(InvalidationError, match="no backend"):
        announcer.mark(frozenset({"a"}), b"8 bytes.")


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


def test_what_is_owed_is_tried_once_more_when_the_process_ends() -> None:
    with broken("set"):
        announcer.announce({"a"})
    announcing._try_once_more()
    assert not owes()
    with watched() as trips:
        announcing._try_once_more()
    assert trips == []


def test_one_store_is_opened_for_all_who_ask_for_it_at_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHES = {"default": BROKEN}
    together, original = Barrier(4), open_store

    def slowly(*args: Any, **kwargs: Any) -> Any:
        with suppress(BrokenBarrierError):
            together.wait(0.2)  # for others that open one too; none is expected
        return original(*args, **kwargs)

    monkeypatch.setattr(announcing, "open_store", slowly)
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: site_store(), range(4)))
    assert len(set(map(id, opened))) == 1
