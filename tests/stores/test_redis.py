"""The store in a Redis: trips, their order, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from pagecache.core.reasons import Reason
from pagecache.core.vector import Marking, Plan
from pagecache.stores import Store
from pagecache.stores.lines import Questions, packed
from pagecache.stores.redis import RedisStore
from tests.stores.backends import OpenStore, redis_backend
from tests.stores.instances import Instance, opened, raw_key
from tests.stores.verbs import HOUR, Lane, Verbs, held_of, plan_of, version, watched
from tests.until import until

README = Path(__file__).parents[2] / "README.md"
RIGHTS = re.compile(r"`(\+mget[^`]*)`, and\s+`(\+client[^`]*)`")


@pytest.fixture
def store(instance: Instance, open_pages: OpenStore) -> RedisStore:
    instance.admin.flushall()
    return opened(open_pages, instance.backend)


@pytest.fixture
def does(store: Store, verbs: Lane) -> Verbs:
    does = verbs(store)
    does.fetch("to connect")
    return does


@pytest.mark.parametrize(
    "verb",
    [
        lambda does: does.fetch("a", "b", "c", "d", "e"),
        lambda does: does.put({"a": b"1", "b": b"2"}),
        lambda does: does.put({"a": b"1"}, None),
        lambda does: does.announce("*", {"t": version(), "*": version(), "u": version()}),
        lambda does: does.announce(
            "*", {"*": version(), "t": version()}, marking=Marking(60, b"8 bytes.")
        ),
        lambda does: does.delete("a", "b"),
        lambda does: does.save(plan_of(watched("t"), watched("u"), beside=("r", b"r", 60.0))),
    ],
    ids=["fetch", "put", "put for good", "announce", "mark", "delete", "save"],
)
def test_each_verb_is_one_trip(
    instance: Instance, does: Verbs, verb: Callable[[Verbs], object]
) -> None:
    does.save(plan_of())  # the scripts are known to the server from now on
    does.announce("*", {"*": version()}, marking=Marking(60))
    before = instance.reads()
    verb(does)
    assert instance.reads() - before - 1 == 1


def test_a_script_that_the_server_forgot_is_sent_again(instance: Instance, does: Verbs) -> None:
    instance.admin.script_flush()
    assert does.save(plan_of()) == ()
    before = instance.reads()
    assert does.save(plan_of()) == ()
    assert instance.reads() - before - 1 == 1


def test_a_page_whose_data_held_still_is_sent_as_it_is_kept(
    instance: Instance, does: Verbs
) -> None:
    star, known = version(), version()
    does.put({"*": star, "t": known})
    instance.admin.config_resetstat()
    still = plan_of(watched("t", known), watched("new"), star=star, head=b"head", tail=b"tail")
    vector = does.save(still)
    assert isinstance(vector, tuple)
    assert does.fetch("entry") == [b"head" + b"".join(vector) + b"tail"]
    assert "cmdstat_setrange" not in instance.admin.info("commandstats")


def test_a_star_is_written_before_the_versions(instance: Instance, does: Verbs) -> None:
    with instance.admin.monitor() as monitor:
        does.announce("*", {"t": version(), "*": version(), "u": version()})
        written = [command for command in map(_command, _until(monitor, "SET", 3)) if command]
    assert [key.rpartition(":")[2] for key in written] == ["*", "t", "u"]


def _until(monitor: Any, verb: str, count: int) -> Generator[dict[str, Any]]:
    for _ in range(count):
        while not (seen := monitor.next_command())["command"].startswith(verb):
            pass
        yield seen


def _command(seen: dict[str, Any]) -> str:
    return str(seen["command"].split(" ")[1])


def test_times_to_live_are_kept_in_milliseconds(instance: Instance, does: Verbs) -> None:
    does.put({"short": b"1"}, 0.5)
    does.put({"forever": b"1"}, None)
    does.save(plan_of(watched("t"), star=None, beside=("recipe", b"", 60.0)))
    does.save(plan_of(key="long", ttl=90.0))
    does.save(plan_of(key="endless", ttl=None))
    lives = {
        key: instance.admin.pttl(raw_key(instance, key))
        for key in ("short", "forever", "t", "recipe", "long", "endless")
    }
    assert 0 < lives["short"] <= 500
    assert lives["forever"] == lives["endless"] == -1
    assert HOUR * 1000 - 5000 < lives["t"] <= HOUR * 1000
    assert 55_000 < lives["recipe"] <= 60_000
    assert 85_000 < lives["long"] <= 90_000


def test_values_of_another_type_are_absent(instance: Instance, does: Verbs) -> None:
    fresh = version()
    does.put({"t": b"1", "a": b"1"})
    for key in (raw_key(instance, "t"), raw_key(instance, "a")):
        instance.admin.delete(key)
        instance.admin.rpush(key, "of a list")
    assert does.fetch("t", "a") == [None, None]
    assert does.save(plan_of(watched("t", None, fresh))) is Reason.MOVED
    assert does.fetch("t") == [fresh]


def test_commands_are_packed_with_the_prefix_before_keys_only() -> None:
    commands = ((("SET",), ("k",), (b"v\r\n", b"PX")), (("INFO", "server"), (), ()))
    assert packed("p:", commands) == (
        b"*4\r\n$3\r\nSET\r\n$3\r\np:k\r\n$3\r\nv\r\n\r\n$2\r\nPX\r\n"
        b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
    )


def test_questions_are_packed_as_other_commands_are_and_remembered_as_a_whole() -> None:
    asked = ((("MGET",), ("a", "b"), ()), (("PERSIST",), ("c",), ()))
    sent = packed("p:", Questions(asked))
    assert sent == packed("p:", asked)
    assert packed("p:", Questions(asked)) is sent
    assert packed("q:", Questions(asked)) == packed("q:", asked) != sent


def test_a_store_knows_whether_two_threads_were_at_work_at_once(store: RedisStore) -> None:
    for _ in range(3):
        store.fetch(["a"])
    assert store._is_alone
    line = store._take()  # as another thread does
    store.fetch(["a"])
    store._idle.give(line)
    assert store._is_alone
    store.fetch(["a"])
    assert not store._is_alone


def test_an_entry_may_have_thousands_of_tags(does: Verbs) -> None:
    star = version()
    does.announce("*", {"*": star})
    saved = does.save(plan_of(*(watched(f"t{i}") for i in range(9000)), star=star))
    assert isinstance(saved, tuple)
    assert does.fetch("entry") == [b"".join(saved)]


@pytest.mark.parametrize("moved", [None, 1, 1500, 2500])
def test_an_entry_may_have_very_many_tags(does: Verbs, moved: int | None) -> None:
    star, token = version(), version()
    starts = {str(number): version() for number in range(1, 2501)}
    does.announce("*", {"*": star, **starts})
    does.lease("lease", token, "entry")
    if moved is not None:
        does.put({str(moved): version()})
    watching = tuple(watched(key, start) for key, start in starts.items())
    plan = Plan("*", star, version(), HOUR, watching, "entry", b"head", b"tail", HOUR)
    found = does.save(plan._replace(lease=("lease", token)))
    assert found == (Reason.MOVED if moved else tuple(starts.values()))
    assert does.fetch("lease") == [None]


def test_the_rights_that_the_readme_names_are_all_that_are_needed(
    instance: Instance, open_pages: OpenStore, verbs: Lane
) -> None:
    named = RIGHTS.search(README.read_text())
    assert named
    rights = " ".join(named.groups()).split()
    instance.admin.flushall()
    instance.admin.script_flush()
    instance.admin.acl_setuser("few", enabled=True, nopass=True, keys="*", commands=rights)
    store = opened(open_pages, redis_backend(f"redis://few:any@127.0.0.1:{instance.port}/0"))
    store.listen("v:", 1.0, 10)
    does, settled = verbs(store), version()
    does.put({"e": b"1"}, None)
    does.announce("*", {"*": version(), "v:t": version()})
    marking = Marking(60, ended=frozenset({b"8 bytes."}), soft={"v:t": "s:t"})
    does.announce("*", {"*": version(), "v:t": version()}, marking=marking)
    does.put({"*": settled})
    assert does.fetch("e", "*") == [b"1", settled]
    assert does.lease("lease", b"token", "e") == (None, b"1")
    does.put({"v:u": version()})
    met = plan_of(watched("v:u"), star=settled, beside=("r", b"r", 60.0), lease=("lease", b"token"))
    assert isinstance(does.save(met), tuple)
    does.lease("lease", b"token", "e")
    does.release("lease", b"token", b"mark")
    assert does.fetch("lease") == [b"mark"]
    does.delete("e")
    assert isinstance(store.evicts(), bool)
    held = held_of(["v:x"], [settled])

    def is_told() -> bool:
        store.put({"v:x": settled}, HOUR)
        store.fetch(["v:x"])
        return store.vouch(held) is True

    until(is_told, "the server tells of changes")
