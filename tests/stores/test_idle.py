"""What is open and idle."""

from __future__ import annotations

import asyncio

import pytest

from pagecache.stores.idle import MOST, Idle, LoopIdle


def test_the_last_used_goes_first() -> None:
    idle: Idle[str] = Idle(lambda _: None)
    idle.give("a")
    idle.give("b")
    assert [idle.take(), idle.take(), idle.take()] == ["b", "a", None]


def test_beyond_the_most_they_are_closed() -> None:
    closed: list[int] = []
    idle: Idle[int] = Idle(closed.append)
    for thing in range(MOST + 2):
        idle.give(thing)
    assert closed == [MOST, MOST + 1]


def test_emptying_closes_them_all() -> None:
    closed: list[str] = []
    idle: Idle[str] = Idle(closed.append)
    idle.give("a")
    idle.give("b")
    idle.empty()
    assert closed == ["b", "a"]
    assert idle.take() is None


def test_a_forked_child_starts_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    idle: Idle[str] = Idle(lambda _: pytest.fail("the parent goes on using it"))
    idle.give("a")
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert idle.take() is None


def test_event_loops_do_not_see_each_other_and_close_their_own() -> None:
    closed: list[str] = []

    async def close(thing: str) -> None:
        closed.append(thing)

    idle: LoopIdle[str] = LoopIdle(close)

    async def use(thing: str) -> None:
        assert await idle.take() is None
        await idle.give(thing)
        assert await idle.take() == thing
        await idle.give(thing)

    asyncio.run(use("a"))
    assert closed == ["a"]
    asyncio.run(use("b"))
    assert closed == ["a", "b"]


def test_a_loop_closes_what_is_beyond_the_most_and_what_is_emptied() -> None:
    closed: list[int] = []

    async def close(thing: int) -> None:
        closed.append(thing)

    async def use() -> None:
        idle: LoopIdle[int] = LoopIdle(close)
        for thing in range(MOST + 1):
            await idle.give(thing)
        assert closed == [MOST]
        await idle.empty()
        assert len(closed) == MOST + 1
        assert await idle.take() is None

    asyncio.run(use())


def test_the_last_one_of_a_loop_stays_there_for_others_until_it_is_dropped() -> None:
    async def close(_thing: str) -> None:
        """Nothing is to be closed."""

    async def use() -> None:
        idle: LoopIdle[str] = LoopIdle(close)
        assert idle.last() is None
        await idle.give("a")
        await idle.give("b")
        assert [idle.last(), idle.last()] == ["b", "b"]
        await idle.drop("b")
        await idle.drop("b")
        assert idle.last() == "a"

    asyncio.run(use())


def test_a_loop_that_has_ended_is_kept_by_nothing() -> None:
    async def close(_thing: object) -> None:
        """What is idle knows its loop."""

    idle: LoopIdle[object] = LoopIdle(close)

    async def use() -> asyncio.AbstractEventLoop:
        await idle.give(asyncio.get_running_loop())
        return asyncio.get_running_loop()

    ended = asyncio.run(use())
    assert ended not in idle._loops
