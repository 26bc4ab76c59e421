"""What a process remembers of the pages that it stored: enough to refuse a flood, and no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pagecache.engine.variants import Variants

NEVER = float("inf")


def flooded(variants: Variants, path: str, pages: int, limit: int, end: float = NEVER) -> int:
    """Return how many of so many new pages of a path found room."""
    stored = 0
    for page in map(str, range(pages)):
        if variants.has_room(path, page, limit, 0.0):
            variants.add(path, page, end)
            stored += 1
    return stored


def test_a_path_has_room_for_so_many_pages_and_for_those_that_it_has() -> None:
    variants = Variants(10_000)
    assert flooded(variants, "/a/", 10_000, limit=1000) == 1000
    assert variants.has_room("/a/", "999", 1000, 0.0)
    assert not variants.has_room("/a/", "1000", 1000, 0.0)
    assert variants.has_room("/b/", "1000", 1000, 0.0)


def test_pages_that_ended_make_room() -> None:
    variants = Variants(10_000)
    variants.add("/a/", "early", 10.0)
    variants.add("/a/", "late", 20.0)
    assert not variants.has_room("/a/", "new", 2, 9.0)
    assert variants.has_room("/a/", "new", 2, 10.0)
    assert not variants.has_room("/a/", "new", 1, 19.0)
    assert variants.has_room("/a/", "new", 1, 20.0)


def test_a_page_that_is_stored_again_ends_later_and_takes_no_more_room() -> None:
    variants = Variants(10_000)
    variants.add("/a/", "page", 10.0)
    variants.add("/a/", "page", 20.0)
    assert variants.has_room("/a/", "new", 2, 0.0)
    assert not variants.has_room("/a/", "new", 1, 19.0)


def test_the_path_that_waited_longest_is_forgotten_as_a_whole() -> None:
    variants = Variants(4)
    for path in ("/a/", "/b/", "/a/", "/c/"):
        flooded(variants, path, 2, limit=2)
    variants.add("/a/", "0", NEVER)
    variants.add("/c/", "0", NEVER)
    has_room = {path: variants.has_room(path, "new", 2, 0.0) for path in ("/a/", "/b/", "/c/")}
    assert has_room == {"/a/": False, "/b/": True, "/c/": False}


def test_one_path_may_have_more_pages_than_all_others_are_remembered() -> None:
    variants = Variants(10)
    flooded(variants, "/b/", 5, limit=5)
    assert flooded(variants, "/a/", 100, limit=50) == 50
    assert variants.has_room("/b/", "new", 1, 0.0)


def test_what_is_remembered_is_bounded_however_many_paths_there_are() -> None:
    variants = Variants(100)
    for path in range(10_000):
        variants.add(str(path), "page", NEVER)
    assert sum(map(len, variants._ends.values())) == variants._count == 100
    variants.clear()
    assert (variants._ends, variants._count) == ({}, 0)


def test_threads_do_not_lose_count() -> None:
    variants = Variants(500)
    with ThreadPoolExecutor(4) as threads:
        for number in range(4):
            threads.submit(flooded, variants, str(number % 2), 400, 300, float(number))
    assert sum(map(len, variants._ends.values())) == variants._count <= 500
