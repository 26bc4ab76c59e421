"""What a process holds of entries: bounded by bytes, and nothing that has ended."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pagecache.core.codec import FOREVER, Entry, decode, encode
from pagecache.stores.local import CHANCES, SPARED, Held, Local

NOW, LATER = 1000.0, 2000.0
TAGS = ("site", "page:/films/", "films.film", "films.film:42")
HEADERS = (("Content-Type", "text/html; charset=utf-8"), ("ETag", '"0123456789abcdef"'))


def entry_of(body: bytes = b"page", expires: float = FOREVER) -> Held:
    entry = Entry(b"material", TAGS, 200, HEADERS, body, NOW, expires)
    return Held(entry, b"v" * 16 * len(TAGS), ())


def held_by(local: Local, *keys: str) -> list[str]:
    return [key for key in keys if local.held.get(key)]


def room_for(pages: int) -> int:
    return pages * entry_of().size


def test_it_gives_what_it_holds() -> None:
    local, held = Local(), entry_of()
    local.put("a", held, room_for(1))
    assert local.get("a", NOW, "") is held
    assert local.get("b", NOW, "") is None


def test_the_versions_are_those_of_the_vector_in_their_order() -> None:
    vector = b"".join(bytes([number]) * 16 for number in range(4))
    held = Held(entry_of().entry, vector, ("k1", "k2", "k3", "k4"))
    assert b"".join(held.versions) == vector
    assert [version[0] for version in held.versions] == [0, 1, 2, 3]


def test_what_has_ended_is_not_given_and_takes_no_room() -> None:
    local = Local()
    local.put("a", entry_of(expires=LATER), room_for(1))
    assert local.get("a", LATER - 1, "") is not None
    assert local.get("a", LATER, "") is None
    assert (len(local), local.size) == (0, 0)


def test_it_holds_no_more_bytes_than_it_may() -> None:
    local, most = Local(), room_for(10)
    for number in range(1000):
        local.put(str(number), entry_of(b"x" * (number % 50)), most)
        assert local.size <= most
    assert 5 < len(local) <= 10


def test_an_entry_beyond_all_room_is_not_held_and_drives_nobody_out() -> None:
    local = Local()
    local.put("a", entry_of(), room_for(2))
    local.put("b", entry_of(b"x" * room_for(2)), room_for(2))
    local.put("a", entry_of(b"x" * room_for(2)), room_for(2))
    assert (held_by(local, "a", "b"), local.size) == ([], 0)


def test_an_entry_that_takes_the_place_of_another_takes_its_room_too() -> None:
    local = Local()
    new = entry_of(b"new and longer")
    for held in (entry_of(b"old"), new):
        local.put("a", held, room_for(5))
    assert (len(local), local.size) == (1, new.size)


def test_what_was_asked_for_stays_and_what_came_first_goes() -> None:
    local = Local()
    for key in "abc":
        local.put(key, entry_of(), room_for(3))
    local.get("a", NOW, "")
    local.put("d", entry_of(), room_for(3))
    assert held_by(local, *"abcd") == ["a", "c", "d"]


def test_what_is_asked_for_again_and_again_outlives_a_flood_of_what_is_asked_for_once() -> None:
    local = Local()
    for number in range(10_000):
        if local.get("hot", NOW, "") is None:
            local.put("hot", entry_of(), room_for(10))
        local.put(str(number), entry_of(), room_for(10))
        assert held_by(local, "hot")


def test_what_was_asked_for_often_and_is_no_more_goes_in_the_end() -> None:
    local = Local()
    local.put("once hot", entry_of(), room_for(4))
    for _ in range(100):
        local.get("once hot", NOW, "")
    for number in range(4 * (CHANCES + 1)):
        local.put(str(number), entry_of(), room_for(4))
    assert not held_by(local, "once hot")


def test_room_is_made_in_a_bounded_time_where_all_are_asked_for() -> None:
    local, pages = Local(), 10 * SPARED
    names = [str(number) for number in range(pages)]
    for name in names:
        local.put(name, entry_of(), room_for(pages))
    for name in names * CHANCES:
        local.get(name, NOW, "")
    local.put("new", entry_of(), room_for(pages))
    assert held_by(local, *names[SPARED - 1 : SPARED + 2]) == [names[SPARED - 1], names[SPARED + 1]]


def test_another_history_of_the_store_empties_it() -> None:
    local = Local()
    local.put("a", entry_of(), room_for(1))
    assert local.get("a", NOW, "another server") is None
    assert (len(local), local.size) == (0, 0)
    local.put("a", entry_of(), room_for(1))
    assert local.get("a", NOW, "another server") is not None


def test_dropping_and_clearing() -> None:
    local = Local()
    for key in "ab":
        local.put(key, entry_of(), room_for(2))
    local.drop("a")
    local.drop("a")
    assert (held_by(local, *"ab"), local.size) == (["b"], entry_of().size)
    local.clear()
    assert (len(local), local.size) == (0, 0)


def test_many_threads_leave_the_count_of_bytes_right() -> None:
    local, together = Local(), Barrier(4)

    def work(number: int) -> None:
        together.wait()
        for step in range(3000):
            key = str((step * (number + 1)) % 37)
            local.get(key, NOW, "")
            local.put(key, entry_of(b"x" * (step % 90)), room_for(20))
            if step % 7 == 0:
                local.drop(str(step % 37))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert local.size == sum(held.size for held in local.held.values())
    assert local.size <= room_for(20)


@pytest.mark.parametrize("length", [100, 12_000])
def test_what_an_entry_takes_is_not_more_than_is_counted(length: int) -> None:
    local, entry = Local(), entry_of().entry
    made = []
    for number in range(200):  # as they come from the store, with nothing in common
        tags = (*TAGS[:3], f"films.film:{number}")
        head, tail = encode(entry._replace(body=b"x" * length, tags=tags, material=b"%d" % number))
        made.append((f"{number}", head + b"v" * 64 + tail))
    tracemalloc.start()
    for key, data in made:
        decoded = decode(data)
        assert decoded is not None
        keys = tuple(f"pagecache:0123456789ab:v:{key:0>32}" for _ in TAGS)
        local.put(key, Held(*decoded, keys), 10**9)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= local.size
