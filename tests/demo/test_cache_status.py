from __future__ import annotations

import pytest

from demo_site.cache_status import Outcome, read_outcome


@pytest.mark.parametrize(
    "header,expected",
    [
        ("pagecache; hit; ttl=299", Outcome("hit")),
        ("pagecache; fwd=uri-miss; stored; ttl=300", Outcome("miss", stored=True)),
        ("pagecache; fwd=stale; stored", Outcome("miss", stored=True)),
        ('pagecache; fwd=miss; detail="sets-cookie"', Outcome("miss", why="sets-cookie")),
        ("pagecache;fwd=bypass;detail=session", Outcome("bypass", why="session")),
        ("ExampleCache; hit", Outcome("none")),
        ("", Outcome("none")),
    ],
)
def test_a_header_says_how_the_response_came_about(header: str, expected: Outcome) -> None:
    assert read_outcome(header) == expected


def test_an_outcome_reads_as_words() -> None:
    assert str(Outcome("hit")) == "hit"
    assert str(Outcome("miss", stored=True)) == "miss, stored"
    assert str(Outcome("miss", why="csrf")) == "miss, not stored (csrf)"
