"""What every store keeps to: all kinds, on real servers, in both lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pagecache.core.reasons import Reason
from pagecache.core.vector import Plan, held_still, is_version
from pagecache.stores import Store, StoreError
from pagecache.stores.base import PROBE
from tests.stores.verbs import HOUR, Lane, Verbs, version, watched

Name = Callable[[str], str]

EVERY_BYTE = bytes(range(256))


@pytest.fixture
def does(store: Store, verbs: Lane) -> Verbs:
    return verbs(store)


def plan_of(name: Name, *tags: Any, star: bytes | None, **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "star": name("*"),
        "star_start": star,
        "star_fresh": version(),
        "star_ttl": HOUR,
        "tags": tags,
        "key": name("entry"),
        "head": b"head\0",
        "tail": b"\xfftail",
        "ttl": HOUR,
    }
    return Plan(**fields | changes)


def test_values_come_back_in_the_order_of_the_keys(does: Verbs, name: Name) -> None:
    does.put({name("a"): b"1", name("b"): b"2", name("c"): b"3"})
    assert does.fetch(name("c"), name("absent"), name("a")) == [b"3", None, b"1"]


@pytest.mark.parametrize("value", [b"", EVERY_BYTE, b"\r\n" * 3, EVERY_BYTE * 2000])
def test_any_bytes_come_back(does: Verbs, name: Name, value: bytes) -> None:
    does.put({name("a"): value})
    assert does.fetch(name("a")) == [value]


def test_megabytes_come_back_or_are_a_named_failure(
    does: Verbs, name: Name, backend: dict[str, Any]
) -> None:
    large = EVERY_BYTE * 6000
    if "memcached" in backend["BACKEND"]:
        does.put({name("a"): b"older"})
        with pytest.raises(StoreError, match="put failed: MemcacheServerError"):
            does.put({name("a"): large})
        assert does.fetch(name("a")) == [None]
    else:
        does.put({name("a"): large})
        assert does.fetch(name("a")) == [large]


def test_nothing_to_do_is_no_error(does: Verbs) -> None:
    does.put({})
    does.delete()
    assert does.fetch() == []


@pytest.mark.parametrize("ttl", [None, 0.25, 1, 90.5, 40 * 86400.0, 1e15])
def test_a_value_with_any_time_to_live_is_kept(does: Verbs, name: Name, ttl: float | None) -> None:
    does.put({name("a"): b"1"}, ttl)
    # A database keeps whole seconds and so may drop a short life early.
    assert does.fetch(name("a")) == [b"1"] or (ttl is not None and ttl <= 1)


def test_what_is_deleted_is_absent(does: Verbs, name: Name) -> None:
    does.put({name("a"): b"1", name("b"): b"2", name("c"): b"3"})
    does.delete(name("a"), name("absent"), name("c"))
    assert does.fetch(name("a"), name("b"), name("c")) == [None, b"2", None]


def test_a_lease_is_for_who_came_first(does: Verbs, name: Name) -> None:
    mine, other = version(), version()
    assert does.lease(name("l"), mine, name("a")) == (None, b"")
    does.put({name("a"): EVERY_BYTE * 20})
    assert does.lease(name("l"), other, name("a")) == (mine, (EVERY_BYTE * 20)[:PROBE])
    assert does.fetch(name("l")) == [mine]


def test_a_lease_is_given_up_only_by_who_has_it(does: Verbs, name: Name) -> None:
    mine, other = version(), version()
    does.lease(name("l"), mine, name("a"))
    does.release(name("l"), other)
    does.release(name("absent"), other)
    assert does.fetch(name("l")) == [mine]
    does.release(name("l"), mine, b"mark")
    assert does.lease(name("l"), other, name("a")) == (b"mark", b"")
    does.release(name("l"), b"mark")
    assert does.fetch(name("l")) == [None]


@pytest.mark.parametrize("is_current", [True, False])
def test_a_lease_is_given_up_with_the_save_by_who_has_it(
    does: Verbs, name: Name, is_current: bool
) -> None:
    star, mine = version(), version()
    does.announce(name("*"), {name("*"): star, name("t"): version()})
    tags = () if is_current else (watched(name("t"), version()),)
    beside = (name("r"), b"recipe", HOUR)
    for holder, left in ((version(), True), (mine, False)):
        does.put({name("l"): holder})
        does.save(plan_of(name, *tags, star=star, lease=(name("l"), mine), beside=beside))
        assert does.fetch(name("r"), name("l")) == [b"recipe", holder if left else None]
    assert does.fetch(name("entry")) == [b"head\0\xfftail" if is_current else None]


def test_an_announcement_writes_every_version(does: Verbs, name: Name) -> None:
    versions = {name("t"): version(), name("*"): version(), name("u"): version()}
    does.announce(name("*"), versions)
    assert does.fetch(*versions) == list(versions.values())


def test_an_announcement_of_the_star_alone(does: Verbs, name: Name) -> None:
    star = version()
    does.announce(name("*"), {name("*"): star})
    assert does.fetch(name("*")) == [star]


def test_an_entry_is_saved_with_the_versions_that_held_still(does: Verbs, name: Name) -> None:
    star, start, met = version(), version(), version()
    does.announce(name("*"), {name("*"): star, name("t"): start, name("u"): met})
    plan = plan_of(name, watched(name("t"), start), watched(name("u")), star=star)
    assert does.save(plan) == (start, met)
    assert does.fetch(name("entry")) == [b"head\0" + start + met + b"\xfftail"]


def test_an_entry_without_tags_is_saved(does: Verbs, name: Name) -> None:
    assert does.save(plan_of(name, star=None, ttl=None)) == ()
    assert does.fetch(name("entry")) == [b"head\0\xfftail"]


def test_a_tag_that_moved_refuses_the_entry(does: Verbs, name: Name) -> None:
    star = version()
    does.announce(name("*"), {name("*"): star, name("t"): version()})
    assert does.save(plan_of(name, watched(name("t"), version()), star=star)) is Reason.MOVED
    assert does.fetch(name("entry")) == [None]


def test_a_tag_that_was_lost_meanwhile_refuses_the_entry(does: Verbs, name: Name) -> None:
    star, fresh = version(), version()
    does.announce(name("*"), {name("*"): star})
    plan = plan_of(name, watched(name("t"), version(), fresh), star=star)
    assert does.save(plan) is Reason.MOVED
    assert does.fetch(name("entry"), name("t")) == [None, fresh]


def test_a_newly_met_tag_refuses_the_entry_if_the_star_moved(does: Verbs, name: Name) -> None:
    does.announce(name("*"), {name("*"): version(), name("t"): version()})
    assert does.save(plan_of(name, watched(name("t")), star=version())) is Reason.MOVED
    assert does.fetch(name("entry")) == [None]


@pytest.mark.parametrize("malformed", [b"", b"short", b"x" * 17])
def test_absent_or_malformed_never_equals(does: Verbs, name: Name, malformed: bytes) -> None:
    does.put({name("*"): malformed, name("t"): malformed})
    assert does.save(plan_of(name, watched(name("t"), malformed), star=malformed)) is Reason.MOVED
    assert does.save(plan_of(name, watched(name("t")), star=malformed)) is Reason.MOVED
    assert does.save(plan_of(name, watched(name("t")), star=None)) is Reason.MOVED
    assert does.fetch(name("entry")) == [None]


def test_missing_and_malformed_versions_are_created(does: Verbs, name: Name) -> None:
    star, one, two = version(), version(), version()
    does.put({name("*"): star, name("two"): b"malformed"})
    tags = (watched(name("one"), None, one), watched(name("two"), None, two))
    assert does.save(plan_of(name, *tags, star=star)) == (one, two)
    assert does.fetch(name("one"), name("two")) == [one, two]


def test_versions_are_created_even_if_the_entry_is_refused(does: Verbs, name: Name) -> None:
    fresh = version()
    assert does.save(plan_of(name, watched(name("t"), None, fresh), star=None)) is Reason.MOVED
    assert does.fetch(name("t"), name("entry")) == [fresh, None]


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_beside_the_entry_is_saved_in_either_case(
    does: Verbs, name: Name, moved: bool
) -> None:
    star = version()
    does.announce(name("*"), {name("*"): version() if moved else star})
    beside = (name("recipe"), EVERY_BYTE, 60.0)
    saved = does.save(plan_of(name, watched(name("t")), star=star, beside=beside))
    assert (saved is Reason.MOVED) is moved
    assert does.fetch(name("recipe")) == [EVERY_BYTE]


def test_without_a_key_only_the_check_is_made(does: Verbs, name: Name) -> None:
    star, start = version(), version()
    does.announce(name("*"), {name("*"): star, name("t"): start})
    beside = (name("recipe"), b"recipe", 60.0)
    plan = plan_of(name, watched(name("t"), start), star=star, key=None, beside=beside)
    assert does.save(plan) == (start,)
    assert does.fetch(name("entry"), name("recipe")) == [None, b"recipe"]


def test_what_the_site_keeps_is_apart(store: Store, name: Name) -> None:
    caches["pages"].set("a", "the site's", 60)
    store.put({name("a"): b"ours"}, HOUR)
    assert caches["pages"].get("a") == "the site's"
    assert caches["pages"].get(name("a")) is None
    assert store.fetch([name("a")]) == [b"ours"]
    caches["pages"].close()


def test_a_store_is_not_frozen_outside_of_a_transaction(store: Store) -> None:
    assert not store.is_frozen()


VALUES = st.sampled_from([None, b"", b"short", b"a" * 16, b"b" * 16, b"c" * 16])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@example(star=b"a" * 16, star_start=b"a" * 16, tags=[(b"", b"b" * 16)])
@example(star=b"a" * 16, star_start=b"a" * 16, tags=[(None, b"b" * 16), (b"c" * 16, None)])
@example(star=None, star_start=None, tags=[(None, b"b" * 16)])
@given(
    star=VALUES,
    star_start=VALUES,
    tags=st.lists(st.tuples(VALUES, VALUES), max_size=3),
)
def test_every_store_decides_as_the_core_does(
    store: Store,
    name: Name,
    star: bytes | None,
    star_start: bytes | None,
    tags: list[tuple[bytes | None, bytes | None]],
) -> None:
    now = {name("*"): star} | {name(str(i)): end for i, (_, end) in enumerate(tags)}
    store.delete([*now, name("entry")])
    store.put({key: value for key, value in now.items() if value is not None}, HOUR)
    fresh = b"f" * 16
    met = [watched(name(str(i)), start, fresh) for i, (start, _) in enumerate(tags)]
    plan = plan_of(name, *met, star=star_start)
    ends = tuple(end if end is not None and is_version(end) else fresh for _, end in tags)
    assert store.save(plan) == (ends if held_still(plan, ends, star) else Reason.MOVED)
