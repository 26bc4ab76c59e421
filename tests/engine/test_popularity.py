"""How often pages were asked for: never too low, seldom too high, and in so much memory."""

from __future__ import annotations

from itertools import count

from pagecache.engine.popularity import FULL, PAGES, ROWS, SECONDS, WIDTH, Popularity


def asked(popularity: Popularity, page: str, times: int, now: float = 0.0) -> int:
    for _ in range(times):
        popularity.note(page, now)
    return popularity.count(page, now)


def test_requests_for_a_page_are_counted() -> None:
    popularity = Popularity()
    assert [asked(popularity, "a", 1) for _ in range(3)] == [1, 2, 3]
    assert popularity.count("b", 0.0) == 0
    assert asked(popularity, "b", 1) == 1


def test_a_count_has_an_end() -> None:
    assert asked(Popularity(), "a", 2 * FULL) == FULL


def test_requests_within_the_time_count_together_and_old_ones_no_more() -> None:
    popularity = Popularity()
    asked(popularity, "a", 1, 100.0)
    assert asked(popularity, "a", 1, 100.0 + SECONDS) == 2
    assert popularity.count("a", 99.0 + 2 * SECONDS) == 2
    assert popularity.count("a", 100.0 + 2 * SECONDS) == 1
    assert popularity.count("a", 100.0 + 4 * SECONDS) == 0


def test_in_a_flood_few_pages_count_for_more_than_one() -> None:
    popularity = Popularity()
    flood = [asked(popularity, f"page {number}", 1) for number in range(100_000)]
    assert min(flood) == 1
    assert sum(seen > 1 for seen in flood) < len(flood) / 50


def test_in_a_flood_a_page_that_is_asked_for_all_the_time_is_known() -> None:
    popularity, others = Popularity(), count()
    for _ in range(200):
        for _ in range(PAGES // 100):
            popularity.note(f"page {next(others)}", 0.0)
        assert asked(popularity, "a", 1) >= 1
    assert popularity.count("a", 0.0) >= 100


def test_what_is_remembered_is_bounded_however_many_pages_there_are() -> None:
    popularity = Popularity()
    for number in range(5 * PAGES):
        popularity.note(str(number), 0.0)
    assert [len(span.cells) for span in popularity._spans] == [ROWS * WIDTH] * 2
    popularity.clear()
    assert popularity.count("1", 0.0) == 0
