"""Marks of open transactions on a real Redis: a version with marks equals none, and each takes off only its own."""

from __future__ import annotations

from typing import Any

import pytest

from pagecache.core.reasons import Reason
from pagecache.core.vector import MARK_BYTES, VERSION_BYTES, Marking, is_unsettled, is_version
from pagecache.stores import StoreError
from tests.stores.backends import OpenStore, locmem
from tests.stores.instances import Instance, let_marks_lapse, opened
from tests.stores.verbs import Lane, Verbs, plan_of, version
from tests.stores.verbs import watched as plainly_watched

ONE, TWO = b"first id", b"secondid"
SECONDS = 60.0


@pytest.fixture
def does(instance: Instance, open_pages: OpenStore, verbs: Lane) -> Verbs:
    instance.admin.flushall()
    return verbs(opened(open_pages, instance.backend))


def announce(does: Verbs, *keys: str, **who: Any) -> None:
    versions = {key: version() for key in ("*", *keys)}
    does.announce("*", versions, marking=Marking(SECONDS, **who))


def settled(does: Verbs, *keys: str) -> None:
    """Let the keys have been there for long."""
    does.announce("*", {key: version() for key in ("*", *keys)})


def value(does: Verbs, key: str) -> bytes:
    (found,) = does.fetch(key)
    return found or b""


def marks(does: Verbs, key: str) -> int:
    return (len(value(does, key)) - VERSION_BYTES) // MARK_BYTES


def watched(key: str, start: bytes | None = None) -> Any:
    return plainly_watched(key, start, doubt=SECONDS)


def plan(does: Verbs, *tags: Any, **changes: Any) -> Any:
    return plan_of(*tags, star=value(does, "*"), **changes)


def test_a_mark_unsettles_a_version_until_its_transaction_ends(does: Verbs) -> None:
    settled(does, "t")
    before = value(does, "t")
    announce(does, "t", by=ONE)
    assert is_unsettled(value(does, "t"))
    assert value(does, "t")[:VERSION_BYTES] != before
    announce(does, "t", ended=frozenset({ONE}))
    assert is_version(value(does, "t"))


def test_the_star_moves_with_each_and_is_never_marked(does: Verbs) -> None:
    seen = set()
    for who in ({"by": ONE}, {}, {"ended": frozenset({ONE})}):
        announce(does, "t", **who)
        seen.add(value(does, "*"))
    assert len(seen) == 3
    assert all(map(is_version, seen))


def test_a_transaction_takes_off_only_its_own_mark(does: Verbs) -> None:
    settled(does, "t")
    announce(does, "t", by=ONE)
    announce(does, "t", by=TWO)
    assert marks(does, "t") == 2
    before = value(does, "t")
    announce(does, "t", ended=frozenset({ONE}))
    assert marks(does, "t") == 1
    assert value(does, "t")[:VERSION_BYTES] != before[:VERSION_BYTES]
    announce(does, "t", ended=frozenset({ONE}))
    assert marks(does, "t") == 1
    announce(does, "t", ended=frozenset({TWO, ONE}))
    assert marks(does, "t") == 0


def test_an_announcement_of_no_transaction_lets_marks_stand(does: Verbs) -> None:
    settled(does, "t")
    announce(does, "t", by=ONE)
    announce(does, "t")
    assert marks(does, "t") == 1


def test_who_marks_twice_has_one_mark(does: Verbs) -> None:
    settled(does, "t")
    announce(does, "t", by=ONE)
    announce(does, "t", by=ONE)
    assert marks(does, "t") == 1


def test_marks_that_count_no_longer_fall(instance: Instance, does: Verbs) -> None:
    does.announce("*", {key: version() for key in ("*", "t")})
    does.announce("*", {k: version() for k in ("*", "t")}, marking=Marking(SECONDS, ONE))
    let_marks_lapse(instance.admin, "*:t")
    assert is_unsettled(value(does, "t"))
    does.announce("*", {k: version() for k in ("*", "t")}, marking=Marking(SECONDS, TWO))
    assert marks(does, "t") == 1


def test_a_version_that_was_lost_may_have_had_marks(does: Verbs) -> None:
    announce(does, "t", "page", certain=frozenset({"page"}))
    assert marks(does, "t") == 1
    assert is_version(value(does, "page"))
    announce(does, "t", ended=frozenset({ONE}))
    assert marks(does, "t") == 1


def test_a_page_of_an_unsettled_version_is_not_saved(does: Verbs) -> None:
    settled(does, "t")
    before = value(does, "t")
    announce(does, "t", by=ONE)
    standing = value(does, "t")
    for start in (before, standing, None):
        assert does.save(plan(does, watched("t", start))) is Reason.UNSETTLED
        assert does.fetch("t", "entry") == [standing, None]


def test_a_lapsed_mark_is_taken_off_as_if_its_transaction_had_announced(
    instance: Instance, does: Verbs
) -> None:
    settled(does, "t", "u")
    does.announce("*", {key: version() for key in ("*", "t")}, marking=Marking(SECONDS, ONE))
    let_marks_lapse(instance.admin, "*:t")
    others, star = plan(does, watched("u")), value(does, "*")
    assert does.save(plan(does, watched("t"))) is Reason.UNSETTLED, "it may be older than the write"
    assert is_version(value(does, "t"))
    assert value(does, "*") != star
    assert does.save(others) is Reason.MOVED, "so may all that met the tag before"
    saved = does.save(plan(does, watched("t", value(does, "t"))))
    assert saved == (value(does, "t"),)


def test_a_version_that_a_reader_creates_is_in_doubt(instance: Instance, does: Verbs) -> None:
    settled(does)
    assert does.save(plan(does, watched("t"), key="entry")) is Reason.UNSETTLED
    assert marks(does, "t") == 1
    let_marks_lapse(instance.admin, "*:t")
    assert does.save(plan(does, watched("t"))) is Reason.UNSETTLED
    assert does.save(plan(does, watched("t"))) == (value(does, "t"),)


def test_a_version_without_doubt_can_be_saved_with_at_once(does: Verbs) -> None:
    settled(does)
    assert does.save(plan(does, plainly_watched("page"))) == (value(does, "page"),)


def test_what_is_neither_a_version_nor_has_marks_is_absent(does: Verbs) -> None:
    settled(does)
    does.put({"t": b"x" * (VERSION_BYTES + 1)})
    assert does.save(plan(does, plainly_watched("t"))) == (value(does, "t"),)


def test_other_kinds_of_stores_cannot_mark(open_pages: OpenStore, verbs: Lane) -> None:
    store = open_pages(locmem())
    assert not store.can_mark
    assert store.evicts()
    with pytest.raises(StoreError, match="announce failed: it cannot mark versions"):
        announce(verbs(store), "t")


@pytest.mark.parametrize(
    "memory, policy, evicts",
    [("0", "allkeys-lru", False), ("50mb", "noeviction", False), ("50mb", "volatile-lru", True)],
)
def test_a_redis_tells_whether_it_evicts(
    instance: Instance, does: Verbs, memory: str, policy: str, evicts: bool
) -> None:
    instance.admin.config_set("maxmemory", memory)
    instance.admin.config_set("maxmemory-policy", policy)
    try:
        assert does.store.evicts() is evicts
    finally:
        instance.admin.config_set("maxmemory", "0")
        instance.admin.config_set("maxmemory-policy", "noeviction")


def test_noise_that_looks_like_a_mark_of_the_far_future_is_none(
    does: Verbs, instance: Instance
) -> None:
    """Or nothing would be stored until then."""
    settled(does, "t")
    (key,) = (name for name in instance.admin.keys() if name.endswith(b"t"))  # noqa: SIM118 no dict
    instance.admin.set(key, b"\xff" * (VERSION_BYTES + MARK_BYTES))
    assert does.save(plan(does, watched("t"))) is Reason.UNSETTLED, (
        "its time is over: it is taken off"
    )
    assert is_version(value(does, "t"))
    assert does.save(plan(does, watched("t"))) == (value(does, "t"),)
