"""Look-ups that wait at the same moment share a line: whatever becomes of one, no other gets what is not its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hiredis
import pytest
import redis.asyncio
from redis.exceptions import ConnectionError as ClosedError

from pagecache.stores import StoreError, awaited
from pagecache.stores.awaited import AsyncLine
from pagecache.stores.lines import QUIET
from pagecache.stores.reader import Reader
from pagecache.stores.redis import RedisStore
from tests import servers
from tests.stores.backends import OpenStore, redis_backend
from tests.stores.holding import Held, Server, serving, value_of
from tests.stores.instances import QUIETLY, Instance, let_time_pass, opened
from tests.stores.tls import certificate
from tests.stores.verbs import HOUR, plan_of, version, watched

LIMIT = 1000.0  # seconds; only a clock of the test's own lets them pass
LOOK_UP = [b"MGET", b"PERSIST"]
WHO = [b"INFO", b"INFO"]
Values = list[bytes | None]
Story = Callable[["Stage"], Awaitable[None]]


class Tap:
    """A transport that takes down the verbs of what is written at a time."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.packets: list[list[bytes]] = []

    def write(self, data: bytes) -> None:
        reader = hiredis.Reader()
        reader.feed(data)
        commands: list[Any] = []
        while (command := reader.gets()) is not False:
            commands.append(command)
        self.packets.append([command[0] for command in commands])
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Stage:
    """A store with an open line to a server that holds what is asked from now on."""

    def __init__(self, server: Server, store: RedisStore) -> None:
        self.server = server
        self.store = store
        self.tap = self.line._transport = Tap(self.line._transport)

    @property
    def line(self) -> AsyncLine:
        """The line that look-ups share."""
        line = self.store._loop_idle.last()
        assert line is not None
        return line

    @property
    def held(self) -> Held:
        """The first connection."""
        return self.server.held[0]

    def look_up(self, *keys: str) -> asyncio.Task[Values]:
        return asyncio.ensure_future(self.store.afetch(keys))

    async def sent(self, *keys: str) -> list[asyncio.Task[Values]]:
        """Begin a look-up of each key, which all have been sent when this returns."""
        tasks = [self.look_up(key) for key in keys]
        await self.server.until(len(self.held.commands) + 2 * len(keys))
        return tasks


def own(key: str) -> Values:
    """Return what who asks for a key is to get."""
    return [value_of(key.encode())]


def has_timer(line: AsyncLine) -> bool:
    """Whether a line will do anything by itself."""
    return line._timer is not None


async def failure(task: asyncio.Task[Values]) -> str:
    with pytest.raises(StoreError) as caught:
        await task
    return str(caught.value)


@pytest.fixture
def play(open_pages: OpenStore) -> Callable[[Story], None]:
    """Let a story take place on a stage."""

    async def played(story: Story) -> None:
        async with stage(open_pages) as here:
            await asyncio.wait_for(story(here), 5)

    return lambda story: asyncio.run(played(story))


@asynccontextmanager
async def stage(open_pages: OpenStore) -> AsyncGenerator[Stage]:
    async with serving() as (server, url):
        store = opened(open_pages, redis_backend(url), budget=2 * LIMIT)
        await store.afetch(["to connect"])
        server.holds = {b"MGET", b"SET"}
        yield Stage(server, store)


class Clock:
    """The time of lines, which stands still but for what a test lets pass."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(awaited, "monotonic", clock)
    return clock


def test_who_looks_up_at_the_same_moment_is_sent_together_and_gets_own_answers(play: Any) -> None:
    async def story(here: Stage) -> None:
        keys = [f"k{number}" for number in range(8)]
        tasks = await here.sent(*keys)
        here.held.answer()
        assert await asyncio.gather(*tasks) == [own(key) for key in keys]
        assert here.tap.packets == [LOOK_UP, LOOK_UP * 7]
        assert len(here.server.held) == 1

    play(story)


def test_who_looks_up_alone_is_sent_at_once(play: Any) -> None:
    async def story(here: Stage) -> None:
        line, task = here.line, here.look_up("a")
        await asyncio.sleep(0)
        assert (len(line._sent), len(line._unsent)) == (1, 0)
        await here.server.until(2)
        here.held.answer()
        assert await task == own("a")

    play(story)


def test_who_joins_is_answered_from_what_was_asked_afterwards(play: Any) -> None:
    """Another has asked for the same before, and versions are read after a look-up began."""

    async def story(here: Stage) -> None:
        tasks = await here.sent("a")
        tasks += await here.sent("a")
        assert [command[0] for command in here.held.commands] == LOOK_UP * 2
        here.held.answer(2)
        assert await tasks[0] == own("a")
        assert not tasks[1].done()
        here.held.answer()
        assert await tasks[1] == own("a")

    play(story)


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_answers_come_in_whatever_pieces(play: Any, piece: int) -> None:
    async def story(here: Stage) -> None:
        tasks = await here.sent("a", "b", "c")
        said = b"".join(here.server.said(command) for command in here.held.commands)
        for at in range(0, len(said), piece):
            here.line.data_received(said[at : at + piece])
        assert await asyncio.gather(*tasks) == [own("a"), own("b"), own("c")]

    play(story)


@pytest.mark.parametrize("gone", [{0}, {1}, {3}, {0, 1}, {1, 2}, {0, 1, 2}])
@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_who_goes_away_shifts_no_answers(play: Any, gone: set[int], answered: int) -> None:
    """Before any answer has come, in the midst of their own, and after it."""

    async def story(here: Stage) -> None:
        keys = ["a", "b", "c", "d"]
        tasks = await here.sent(*keys)
        here.held.answer(answered)
        for number in gone:
            tasks[number].cancel()
        here.held.answer()
        given = await asyncio.gather(*tasks, return_exceptions=True)
        for number, (key, values) in enumerate(zip(keys, given, strict=True)):
            if number in gone:
                assert isinstance(values, asyncio.CancelledError) or values == own(key)
            else:
                assert values == own(key)
        again = await here.sent("e")
        here.held.answer()
        assert await again[0] == own("e")
        assert len(here.server.held) == 1

    play(story)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_who_goes_away_before_the_turn_ends_is_not_sent(play: Any, gone: int) -> None:
    async def story(here: Stage) -> None:
        (first,) = await here.sent("first")
        keys = ["a", "b", "c"]
        tasks = [here.look_up(key) for key in keys]
        asyncio.get_running_loop().call_soon(tasks[gone].cancel)  # behind their first steps
        await here.server.until(2 + 4)
        here.held.answer()
        assert await first == own("first")
        given = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(given.pop(gone), asyncio.CancelledError)
        keys.pop(gone)
        assert given == [own(key) for key in keys]
        assert here.tap.packets == [LOOK_UP, LOOK_UP * 2]

    play(story)


def test_whose_time_is_over_leaves_the_others_theirs(play: Any, clock: Clock) -> None:
    async def story(here: Stage) -> None:
        line = here.line
        (early,) = await here.sent("early")
        clock.pass_by(0.6 * LIMIT)
        (later,) = await here.sent("later")
        clock.pass_by(0.6 * LIMIT)
        line._look()
        assert "fetch failed: TimeoutError" in await failure(early)
        new = here.look_up("new")
        (await here.server.until(2, on=1)).answer()
        assert await new == own("new"), "nobody joins the line that was left"
        here.held.answer()
        assert await later == own("later")
        await here.server.until_open(1)
        assert here.line is not line

    play(story)


def test_all_whose_time_is_over_fail_and_nothing_stays_open(play: Any, clock: Clock) -> None:
    async def story(here: Stage) -> None:
        line = here.line
        tasks = await here.sent("a", "b")
        clock.pass_by(LIMIT)
        line._look()
        for task in tasks:
            assert "TimeoutError" in await failure(task)
        await here.server.until_open(0)

    play(story)


def test_an_answer_that_has_come_counts_however_late_it_is_looked_at(
    play: Any, clock: Clock
) -> None:
    async def story(here: Stage) -> None:
        line = here.line
        (task,) = await here.sent("a")
        said = b"".join(here.server.said(command) for command in here.held.commands)
        pieces = [said[at : at + 5] for at in range(0, len(said), 5)]
        clock.pass_by(2 * LIMIT)
        line._look()
        for piece in pieces:  # one in a turn: a loop that was busy reads large answers so
            line.data_received(piece)
            await asyncio.sleep(0)
        assert await task == own("a")

    play(story)


def test_an_answer_that_lies_there_is_read_before_anybody_gives_up(play: Any, clock: Clock) -> None:
    async def story(here: Stage) -> None:
        (task,) = await here.sent("a")
        here.held.answer()
        clock.pass_by(2 * LIMIT)
        here.line._look()
        assert await task == own("a")

    play(story)


def test_a_timer_comes_again_while_somebody_waits_and_not_else(play: Any, clock: Clock) -> None:
    async def story(here: Stage) -> None:
        line = here.line
        (task,) = await here.sent("a")
        line._look()
        assert has_timer(line)
        here.held.answer()
        await task
        line._look()
        assert not has_timer(line), "an idle loop has nothing to do"
        (gone,) = await here.sent("b")
        gone.cancel()
        await asyncio.wait([gone])
        clock.pass_by(2 * LIMIT)
        line._look()
        assert not has_timer(line)

    play(story)


@pytest.mark.parametrize(
    "breaks",
    [
        lambda held: held.close(),
        lambda held: held.say(b"?"),
        lambda held: held.say(b"-LOADING Redis is loading the dataset in memory\r\n"),
        lambda held: held.say(b"-NOAUTH Authentication required.\r\n"),
    ],
    ids=["closed", "out of step", "loading", "wants a password"],
)
@pytest.mark.parametrize("answered", [0, 1, 2])
def test_a_line_that_breaks_fails_all_who_wait(play: Any, breaks: Any, answered: int) -> None:
    async def story(here: Stage) -> None:
        tasks = await here.sent("a", "b", "c")
        here.held.answer(answered)
        if answered == 2:
            assert await tasks.pop(0) == own("a")
        breaks(here.held)
        for task in tasks:
            assert "fetch failed" in await failure(task)
        new = here.look_up("new")
        (await here.server.until(2, on=1)).answer()
        assert await new == own("new")
        await here.server.until_open(1)

    play(story)


def test_a_line_that_breaks_fails_also_who_is_not_sent_yet(play: Any) -> None:
    async def story(here: Stage) -> None:
        line = here.line
        tasks = await here.sent("a")
        tasks.append(here.look_up("b"))
        asyncio.get_running_loop().call_soon(line.data_received, b"?")  # behind its first step
        for task in tasks:
            assert "fetch failed" in await failure(task)
        assert here.tap.packets == [LOOK_UP]

    play(story)


def test_nobody_asks_on_over_a_line_that_broke(play: Any) -> None:
    async def story(here: Stage) -> None:
        here.server.holds.add(b"EVALSHA")
        save = asyncio.ensure_future(here.store.asave(plan_of()))
        await here.server.until(1)
        here.held.say(b"-NOSCRIPT send it\r\n?")
        with pytest.raises(StoreError, match="save failed"):
            await save
        await here.server.until_open(0)

    play(story)


def test_a_connection_that_ended_while_it_was_opened_is_no_line(play: Any) -> None:
    async def story(here: Stage) -> None:
        connection: Any = redis.asyncio.Connection(port=here.server.port, protocol=2)
        await connection.connect()
        here.server.held[1].end()
        assert await connection._reader.read() == b""
        line = AsyncLine(connection, LIMIT)
        with pytest.raises(ClosedError):
            await line.open()
        await line.close()

    play(story)


def test_an_answer_that_nobody_asked_for_reaches_nobody(play: Any) -> None:
    async def story(here: Stage) -> None:
        here.held.say(b"*1\r\n$4\r\nnone\r\n+OK\r\n")
        await here.server.until_open(0)
        task = here.look_up("a")
        (await here.server.until(2, on=1)).answer()
        assert await task == own("a")

    play(story)


def test_a_quiet_line_asks_who_answers_and_all_depend_on_it(play: Any) -> None:
    """A failover in the midst of it: some have been answered, and others are not."""

    async def story(here: Stage) -> None:
        here.server.holds.add(b"INFO")
        let_time_pass(here.store)
        tasks = [here.look_up(key) for key in ("a", "b", "c")]
        await here.server.until(10)
        assert here.tap.packets == [WHO + LOOK_UP, WHO + LOOK_UP * 2]
        here.held.answer(4)
        assert await tasks.pop(0) == own("a")
        here.server.run_id = b"2"
        here.held.answer()
        for task in tasks:
            assert "another server answers than before" in await failure(task)
        here.server.holds.clear()
        new = here.look_up("new")
        assert await new == own("new")

    play(story)


def test_whose_time_is_over_on_a_quiet_line_leaves_it(play: Any) -> None:
    """Or who goes away, which is not told apart: who comes next finds out who answers now."""

    async def story(here: Stage) -> None:
        let_time_pass(here.store)
        task = here.look_up("a")
        await here.server.until(2)
        task.cancel()
        await asyncio.wait([task])
        new = here.look_up("new")
        (await here.server.until(2, on=1)).answer()
        assert await new == own("new")

    play(story)


def test_a_loop_that_was_busy_before_it_sent_asks_who_answers(play: Any, clock: Clock) -> None:
    async def story(here: Stage) -> None:
        (first,) = await here.sent("first")
        second = here.look_up("second")
        asyncio.get_running_loop().call_soon(clock.pass_by, QUIET)  # behind its first step
        await here.server.until(6)
        assert here.tap.packets == [LOOK_UP, WHO + LOOK_UP]
        here.held.answer()
        assert await first == own("first")
        assert await second == own("second")

    play(story)


def test_a_line_is_as_old_as_the_question_that_was_answered_last(play: Any, clock: Clock) -> None:
    """The answer may have lain there for long."""

    async def story(here: Stage) -> None:
        (first,) = await here.sent("first")
        clock.pass_by(QUIET)
        here.held.answer()
        assert await first == own("first")
        assert not here.line.is_ready()

    play(story)


@pytest.mark.parametrize(
    "says", [b"-READONLY You can't write.\r\n", b"-NOREPLICAS Not enough.\r\n"]
)
def test_a_line_to_what_takes_no_writes_is_left(play: Any, says: bytes) -> None:
    async def story(here: Stage) -> None:
        tasks = await here.sent("a", "b")
        here.server.takes_writes = says
        here.held.answer()
        for task in tasks:
            assert "fetch failed: Re" in await failure(task)
        await here.server.until_open(0)

    play(story)


def test_an_error_in_answer_to_one_is_nothing_to_the_others(play: Any) -> None:
    async def story(here: Stage) -> None:
        tasks = await here.sent("a", "b")
        here.held.commands.popleft()
        here.held.say(b"-ERR no\r\n")
        here.held.answer()
        assert "fetch failed: ResponseError" in await failure(tasks[0])
        assert await tasks[1] == own("b")
        again = await here.sent("c")
        here.held.answer()
        assert await again[0] == own("c")

    play(story)


def test_what_cannot_be_sent_is_nothing_to_the_others(play: Any) -> None:
    async def story(here: Stage) -> None:
        tasks = [here.look_up(key) for key in ("a", "\N{SNOWMAN}", "b")]
        await here.server.until(2)
        assert "UnicodeEncodeError" in await failure(tasks.pop(1))
        here.held.answer()
        (await here.server.until(2, on=1)).answer()
        assert await asyncio.gather(*tasks) == [own("a"), own("b")]

    play(story)


def test_other_verbs_get_their_own_answers_beside_look_ups(play: Any) -> None:
    async def story(here: Stage) -> None:
        (first,) = await here.sent("first")
        put = asyncio.ensure_future(here.store.aput({"x": b"1"}, None))
        await here.server.until(3)
        second = here.look_up("second")
        (await here.server.until(2, on=1)).answer()
        assert await second == own("second"), "a line of its own"
        here.held.answer()
        assert await first == own("first")
        await put
        assert here.server.open == 2

    play(story)


@pytest.mark.parametrize("is_first_gone", [False, True])
def test_one_opens_a_line_for_all_who_wait(open_pages: OpenStore, is_first_gone: bool) -> None:
    async def played() -> None:
        async with serving() as (server, url):
            store = opened(open_pages, redis_backend(url))
            server.holds = {b"INFO"}
            tasks = [asyncio.ensure_future(store.afetch([key])) for key in ("a", "b", "c")]
            await server.until(1)
            if is_first_gone:
                tasks.pop(0).cancel()
            server.holds.clear()
            server.held[0].answer()
            keys = ("a", "b", "c")[-len(tasks) :]
            assert await asyncio.gather(*tasks) == [own(key) for key in keys]
            assert len(server.held) == 1 + is_first_gone
            await server.until_open(1)

    asyncio.run(asyncio.wait_for(played(), 20))


def test_loops_do_not_share_a_line(instance: Instance, open_pages: OpenStore) -> None:
    store = opened(open_pages, instance.backend)
    store.put({"a": b"1"}, HOUR)

    async def other() -> list[bytes | None]:
        return await store.afetch(["a"])

    async def both() -> tuple[Values, Values]:
        here = await store.afetch(["a"])
        return here, await asyncio.to_thread(lambda: asyncio.run(other()))

    assert asyncio.run(both()) == ([b"1"], [b"1"])


def test_look_ups_share_a_line_over_tls_and_see_its_end(
    open_pages: OpenStore, tmp_path: Path
) -> None:
    secure, keys = servers.free_port(), [f"k{number}" for number in range(100)]
    options = ("--tls-port", str(secure), *certificate(tmp_path, "own"))
    url = f"rediss://127.0.0.1:{secure}/0?ssl_ca_certs={tmp_path / 'own.crt'}"

    async def played(instance: Instance) -> None:
        store = opened(open_pages, redis_backend(url), budget=20)
        await store.aput({key: key.encode() * 1000 for key in keys}, HOUR)
        for _ in range(2):
            given = await asyncio.gather(*(store.afetch([key]) for key in keys))
            assert given == [[key.encode() * 1000] for key in keys]
            assert instance.others() == 1
            instance.disconnect_others()
            let_time_pass(store)

    with Instance(*QUIETLY, *options) as instance:
        asyncio.run(played(instance))


def test_all_works_without_hiredis(
    instance: Instance, open_pages: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaited, "reader_of", lambda line: Reader(line._parser.parse_error))
    store, fresh = opened(open_pages, instance.backend), version()

    async def played() -> None:
        instance.admin.script_flush()
        assert await store.asave(plan_of(watched("t", None, fresh))) is not None
        await store.aput({"a": b"x\r\n" * 100_000}, HOUR)
        assert await store.afetch(["t", "a", "none"]) == [fresh, b"x\r\n" * 100_000, None]
        assert await store.alease("l", b"token", HOUR, "a") == (None, (b"x\r\n" * 2000)[:4096])

    asyncio.run(played())
