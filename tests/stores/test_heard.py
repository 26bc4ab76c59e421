"""What is kept of versions, in every order of what happens: never an old one without word of the new one on its way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest

from pagecache.news import news
from pagecache.stores import heard
from pagecache.stores.heard import MOVED, Heard, clock
from tests.stores.verbs import held_of

KEY = "k"
CHANGED, ANSWER = "changed", "answer"
BOUND = 100.0  # seconds
Steps = Generator[None, None, None]


def version(number: int) -> bytes:
    return bytes([number]) * 16


class Server:
    """A server as Redis is: it answers at once, and tells of changes at the end of each round."""

    def __init__(self, table: Heard) -> None:
        self.heard = table
        self.number = 1
        self.untold = False
        self.wire: list[str] = []  # what is on its way to the process, in order

    @property
    def version(self) -> bytes:
        return version(self.number)

    def write(self) -> None:
        self.number += 1
        self.untold = True

    def end_round(self) -> None:
        if self.untold:
            self.wire.append(CHANGED)
            self.untold = False

    def deliver(self) -> str | None:
        said = self.wire.pop(0) if self.wire else None
        if said == CHANGED:
            self.heard.moved([KEY])
        return said

    @property
    def is_all_told(self) -> bool:
        return not self.wire and not self.untold


def kept(table: Heard) -> object:
    return table._versions.get(KEY)


def reader(server: Server) -> Steps:
    """Asks, is answered, and keeps the answer: the server may do anything in between."""
    asked = server.heard.ask([KEY])
    yield
    answer = server.version
    yield
    server.heard.keep(asked, [(KEY, answer)])


def writer(server: Server) -> Steps:
    server.write()
    yield
    server.end_round()


def delivery(server: Server) -> Steps:
    server.deliver()
    yield
    server.deliver()


def own_writer(server: Server) -> Steps:
    """A write of this process, which forgets the version itself."""
    server.write()
    yield
    server.heard.moved([KEY])


Actor = Callable[[Server], Steps]


def orders(*lengths: int) -> Iterator[tuple[int, ...]]:
    """Yield every order of so many steps of each actor."""
    if not any(lengths):
        yield ()
    for actor, left in enumerate(lengths):
        if left:
            rest = (*lengths[:actor], left - 1, *lengths[actor + 1 :])
            yield from ((actor, *order) for order in orders(*rest))


def run(order: tuple[int, ...], *actors: Actor) -> Iterator[Server]:
    """Take the steps in an order; give the server after each."""
    server = Server(Heard("", 1.0, 10))
    live = [actor(server) for actor in actors]
    for actor in order:
        next(live[actor], None)
        yield server


def old_and_untold(*actors: Actor, steps: dict[Actor, int]) -> tuple[int, int]:
    """Return in how many orders something old was kept of which no word is on its way, and how many kept anything."""
    found = useful = 0
    for order in orders(*(steps[actor] for actor in actors)):
        states = list(run(order, *actors))
        for server in run(order, *actors):
            is_old = kept(server.heard) not in {None, MOVED, server.version}
            is_old = is_old and isinstance(kept(server.heard), bytes)
            if is_old and server.is_all_told:
                found += 1
                break
        useful += kept(states[-1].heard) == states[-1].version
    return found, useful


STEPS: dict[Actor, int] = {reader: 3, writer: 2, delivery: 2, own_writer: 2}


@pytest.mark.parametrize(
    "actors",
    [
        (reader, writer, delivery),
        (reader, reader, writer, delivery),
        (reader, writer, writer, delivery),
        (reader, reader, writer, own_writer),
    ],
    ids=["one reader", "two readers", "two writers", "a writer of its own"],
)
def test_nothing_old_is_kept_of_which_no_word_is_on_its_way(actors: tuple[Actor, ...]) -> None:
    found, useful = old_and_untold(*actors, steps=STEPS)
    assert found == 0
    assert useful > 10, "some orders keep the version"


def test_teeth_an_answer_that_is_kept_whatever_was_told_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(self: Heard, _asked: Any, answers: Any) -> None:
        self._versions.update(answers)

    monkeypatch.setattr(Heard, "keep", careless)
    assert old_and_untold(reader, writer, delivery, steps=STEPS)[0]


def test_teeth_a_mark_that_is_put_in_once_the_answer_is_there() -> None:
    def careless(server: Server) -> Steps:
        answer = server.version
        yield
        asked = server.heard.ask([KEY])
        yield
        server.heard.keep(asked, [(KEY, answer)])

    assert old_and_untold(careless, writer, delivery, steps={**STEPS, careless: 3})[0]


def test_teeth_a_writer_that_forgets_its_version_before_it_writes() -> None:
    def careless(server: Server) -> Steps:
        server.heard.moved([KEY])
        yield
        server.write()
        server.untold = False  # and nobody tells
        yield

    assert old_and_untold(reader, careless, steps={**STEPS, careless: 2})[0]


# How long it stands

Prove = Callable[[Heard, float, float], None]


def missed(prove: Prove) -> list[int]:
    """Return at which moments a write can come that is held to be told before it is; each step takes a second.

    A question is sent, answered, the round ends; then the answer comes with all that was sent before it.
    """
    return [moment for moment in range(12) if any(_is_missed(prove, moment))]


def _is_missed(prove: Prove, moment: int) -> Iterator[bool]:
    server, now, asked = Server(Heard("", BOUND, 10)), 0.0, 0.0
    server.heard.keep(server.heard.ask([KEY]), [(KEY, server.version)])
    for step in range(16):
        if step == moment:
            server.write()
        match step % 4:
            case 0:
                asked = now
            case 1:
                server.wire.append(ANSWER)
            case 2:
                server.end_round()
            case 3:
                while server.deliver() != ANSWER:
                    continue
                prove(server.heard, asked, now + 0.5)
        now += 1.0
        is_old = step >= moment and kept(server.heard) == version(1)
        yield is_old and server.heard.until - BOUND > moment


def test_what_changed_before_the_last_but_one_question_is_told() -> None:
    assert missed(lambda table, asked, _now: table.prove(asked)) == []


def test_teeth_the_last_question_that_was_answered() -> None:
    def careless(table: Heard, asked: float, _now: float) -> None:
        table.until = asked + BOUND

    assert missed(careless)


def test_teeth_the_time_of_the_answer() -> None:
    assert missed(lambda table, _asked, now: table.prove(now))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [100.0]
    monkeypatch.setattr(heard, "clock", lambda: at[0])
    return at


def knowing(*keys: str, most: int = 10) -> Heard:
    table = Heard("", 1.0, most)
    asked = table.ask(keys)
    table.keep(asked, [(key, version(1)) for key in keys])
    return table


def test_it_stands_for_the_bound_after_the_last_but_one_question(now: list[float]) -> None:
    table = knowing(KEY)
    found = [(table.is_proven, table.stand([KEY], (version(1),)))]
    for asked in (100.0, 100.5):
        table.prove(asked)
        found.append((table.is_proven, table.stand([KEY], (version(1),))))
    assert found == [(False, None), (False, None), (True, True)]
    for now[0], stands in ((100.6, True), (100.999, True), (101.0, None), (500.0, None)):
        assert table.stand([KEY], (version(1),)) is stands


@pytest.mark.usefixtures("now")
def test_it_tells_what_moved_from_what_is_not_known() -> None:
    table = knowing("a", "b")
    table.prove(100.0)
    table.prove(100.0)
    ones = (version(1), version(1))
    assert table.stand(["a", "b"], ones) is True
    assert table.stand(["a", "c"], ones) is None
    assert table.stand(["a", "b"], (version(1), version(2))) is False
    table.moved(["b", "never asked for"])
    assert table.stand(["a", "b"], ones) is False
    asked = table.ask(["b"])
    assert table.stand(["a", "b"], ones) is None
    table.keep(asked, [("b", version(3))])
    assert table.stand(["a", "b"], ones) is False
    assert table.stand(["a", "b"], (version(1), version(3))) is True
    table.moved(None)
    assert table.stand(["a"], (version(1),)) is None


class Page:
    """A page that is looked at as one at hand is: its versions are where there was news since they were."""

    def __init__(self, *keys: str) -> None:
        self.held = held_of(keys, [version(1) for _ in keys])
        self._seen: object = None

    def stands(self, table: Heard) -> bool:
        until, latest = table.until, news.latest
        if self._seen is not latest:
            if not table.stand(self.held.keys, self.held.versions):
                return False
            self._seen = latest
        return heard.clock() < until


def answered(key: str, number: int) -> Callable[[Heard], None]:
    """Return what asks for a version, and is answered."""
    return lambda table: table.keep(table.ask([key]), [(key, version(number))])


EVENTS: dict[str, Callable[[Heard], object]] = {
    "a moves": lambda table: table.moved(["a"]),
    "another moves": lambda table: table.moved(["c"]),
    "c is as before": answered("c", 1),
    "all move": lambda table: table.moved(None),
    "a is as before": answered("a", 1),
    "b is as before": answered("b", 1),
    "a is another": answered("a", 2),
    "too many are asked for": lambda table: [table.ask([str(n)]) for n in range(12)],
}


@pytest.mark.usefixtures("now")
def test_a_page_stands_whatever_happens_where_its_versions_do() -> None:
    found = set()
    for events in product(EVENTS.values(), repeat=4):
        table, page = knowing("a", "b"), Page("a", "b")
        table.prove(100.0)
        table.prove(100.0)
        for event in events:
            event(table)
            stands = page.stands(table)
            assert stands == (table.stand(page.held.keys, page.held.versions) is True)
            found.add(stands)
    assert found == {True, False}


def test_a_page_stands_no_longer_than_its_versions(now: list[float]) -> None:
    table, page = knowing("a"), Page("a")
    found = [page.stands(table)]
    for asked in (100.0, 100.5):
        table.prove(asked)
    for now[0] in (100.6, 100.999, 101.0):
        found.append(page.stands(table))
    assert found == [False, True, True, False]


def test_nothing_stands_once_it_has_ended(now: list[float]) -> None:
    table, page = knowing("a"), Page("a")
    for now[0] in (100.0, 100.5):
        table.prove(now[0])
    before = page.stands(table)

    table.end()
    for now[0] in (100.6, 100.7, 100.8):
        table.prove(now[0])

    assert before
    assert not page.stands(table)
    assert table.stand(page.held.keys, page.held.versions) is None


class CaughtUp(dict[str, object]):
    """Versions; while somebody looks, questions are answered."""

    prove: Callable[[], object]

    def get(self, key: str, default: object = None) -> object:
        self.prove()
        self.prove()
        return super().get(key, default)


def test_what_is_known_again_only_while_somebody_looks_does_not_stand(now: list[float]) -> None:
    table = knowing("a")
    for asked in (100.0, 100.5):
        table.prove(asked)
    now[0] = 150.0
    table._versions = CaughtUp(table._versions)
    table._versions.prove = partial(table.prove, 150.0)

    assert table.stand(["a"], (version(1),)) is None
    assert table.stand(["a"], (version(1),)) is True


def test_word_of_what_nobody_knows_is_no_news() -> None:
    table, before = knowing("a"), news.latest
    table.moved(["another"])
    assert news.latest is before


class LookedAt(dict[str, object]):
    """Versions; somebody looks before each of them changes."""

    def __init__(self, known: dict[str, object], look: Callable[[], object]) -> None:
        super().__init__(known)
        self.look = look

    def __setitem__(self, key: str, value: object) -> None:
        self.look()
        super().__setitem__(key, value)

    def clear(self) -> None:
        self.look()
        super().clear()


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("name", ["a moves", "all move", "a is another", "too many are asked for"])
def test_who_looks_just_before_a_change_does_not_take_it_for_known(name: str) -> None:
    table, page = knowing("a"), Page("a")
    table.prove(100.0)
    table.prove(100.0)
    table._versions = LookedAt(table._versions, lambda: page.stands(table))

    EVENTS[name](table)

    assert not page.stands(table)


@pytest.mark.parametrize("answer", [None, b"", b"short", bytes(28)])
def test_what_is_no_version_is_not_kept(answer: bytes | None) -> None:
    table = Heard("", 1.0, 10)
    table.keep(table.ask([KEY]), [(KEY, answer), ("not asked for", version(1))])
    assert table._versions == {KEY: MOVED}


def test_an_answer_that_is_not_what_was_kept_is_word_of_a_change() -> None:
    table = knowing(KEY)
    table.keep(table.ask([KEY]), [(KEY, version(1))])
    assert kept(table) == version(1)
    table.keep(table.ask([KEY]), [(KEY, version(2))])
    assert kept(table) == MOVED


def test_it_keeps_no_more_than_it_may() -> None:
    table = Heard("", 1.0, 10)
    for number in range(100):
        table.keep(table.ask([str(number)]), [(str(number), version(1))])
        assert len(table._versions) <= 11
    asked = table.ask(["late"])
    table._versions.clear()
    table.keep(asked, [("late", version(1))])
    assert "late" not in table._versions


def test_the_clock_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock() <= clock()
    monkeypatch.setattr(heard, "_BOOTTIME", None)
    assert clock() <= clock()
