"""One render for each page: whoever comes meanwhile waits, in its own process or in another, and looks up again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from pagecache import expire_in
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core.reasons import Reason
from pagecache.engine import leasing
from pagecache.engine.drive import adrive, drive
from pagecache.engine.effects import Fetch, Lease, Pause, Release, Render, Wait
from pagecache.engine.flow import page
from pagecache.engine.leasing import MARK, Turn, Turns, turns
from pagecache.engine.visit import MOST, known_tags, recipes, uncacheable
from pagecache.recording.recorder import Recorder, begin_request, end_request, recording
from pagecache.stores import StoreError, generic
from pagecache.stores.waiting import current_patience, in_request
from tests.caches import broken
from tests.engine.orders import (
    Actor,
    Search,
    Steps,
    cold,
    fused_writer,
    known,
    known_elsewhere,
    reader,
    stale,
)
from tests.engine.visits import STORED, answer, data, get, key_of, reason, show, visit_of

OTHER = b"somebody else's.."
made: list[str] = []


@pytest.fixture(autouse=True)
def _memory(settings: Any) -> None:
    memory = {"BACKEND": "tests.caches.WatchedMemory", "LOCATION": "leases"}
    settings.CACHES = {"default": memory, "other": {**memory, "LOCATION": "other"}}
    caches["default"].clear()
    announcer.announce()
    made.clear()


def counted(request: HttpRequest) -> HttpResponse:
    made.append(request.path)
    return show(request)


def private(request: HttpRequest) -> HttpResponse:
    response = counted(request)
    response["Cache-Control"] = "private"
    return response


def lease_of(url: str = "/page/") -> str:
    return f"{key_of(visit_of(url))}:lease"


def hold(holder: bytes = OTHER, url: str = "/page/") -> str:
    """Let another process have the lease of a page that is known."""
    get(url)
    key = lease_of(url)
    site_store().put({key: holder}, 60)
    announcer.announce({"data"})
    made.clear()
    return key


def holder_of(key: str) -> bytes | None:
    return site_store().fetch([key])[0]


class Process:
    """What a process remembers, put in place for each step of those who run in it."""

    def __init__(self) -> None:
        self._kept: list[dict[Any, Any]] = [{}, {}, {}]
        self._turns = Turns()

    def run(self, actor: Actor) -> Actor:
        def steps() -> Steps:
            own = actor()
            with suppress(StopIteration):
                while True:
                    with self._here():
                        step = next(own)
                    yield step

        return steps

    def _here(self) -> Any:
        memos: list[dict[Any, Any]] = [recipes, known_tags, uncacheable]
        return Swapped(memos, self)


class Swapped:
    def __init__(self, memos: list[dict[Any, Any]], process: Process) -> None:
        self.memos, self.process = memos, process

    def __enter__(self) -> None:
        self.before = [dict(memo) for memo in self.memos]
        self.turns, leasing.turns = leasing.turns, self.process._turns
        self._fill(self.process._kept)

    def __exit__(self, *_: object) -> None:
        self.process._kept = [dict(memo) for memo in self.memos]
        leasing.turns = self.turns
        self._fill(self.before)

    def _fill(self, contents: list[dict[Any, Any]]) -> None:
        for memo, content in zip(self.memos, contents, strict=True):
            memo.clear()
            memo.update(content)


def searched(start: Callable[[], None], *actors: Actor) -> tuple[Search, set[int]]:
    """Search all orders; return how many renders there were, in one or another, as well."""
    renders: set[int] = set()

    def begin() -> None:
        start()
        made.clear()

    search = Search(begin, *actors, view=counted, later=lambda: renders.add(len(made)))
    return search.run(), renders


def elsewhere(actor: Actor) -> Actor:
    """Let an actor be of a process of its own, a new one for each order."""

    def steps() -> Steps:
        return Process().run(actor)()

    return steps


READER = partial(reader, fused=True, view=counted)
STARTS = [cold, known, known_elsewhere, stale]


@pytest.mark.parametrize("start", STARTS)
def test_two_requests_of_one_process_make_one_render(start: Callable[[], None]) -> None:
    search, renders = searched(start, READER, READER)
    assert renders == {1}
    assert search.stale == []
    assert search.orders > 5


@pytest.mark.parametrize("start", STARTS)
def test_two_requests_of_two_processes_make_one_render(start: Callable[[], None]) -> None:
    search, renders = searched(start, elsewhere(READER), elsewhere(READER))
    assert renders == {1}
    assert search.stale == []
    assert search.orders > 10


def test_nothing_stale_is_served_to_who_waited() -> None:
    search, renders = searched(known, READER, READER, fused_writer)
    print(f"{search.orders} orders")
    assert search.stale == []
    assert renders <= {0, 1, 2}
    assert search.orders > 100


def test_teeth_who_does_not_look_beside_the_lease_renders_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(_self: Any, key: str, token: bytes, ttl: float, _beside: str) -> Any:
        yield generic.Call("add", (key, token, ttl))
        (holder,) = yield from generic._read((key,))
        return None if holder == token else holder or b"", b""

    monkeypatch.setattr(generic.GenericStore, "_lease", careless)
    assert 2 in searched(cold, READER, READER)[1]


def effects_of(view: Callable[[HttpRequest], HttpResponse], **request: Any) -> list[type]:
    visit = visit_of(**request)
    flow, found, result = page(visit), [], None
    with suppress(StopIteration):
        while True:
            effect = flow.send(result)
            found.append(type(effect))
            result = effect.run(answer(visit, view))
    return found


def test_a_lease_is_taken_for_what_can_be_stored() -> None:
    assert Lease in effects_of(show)
    assert Lease not in effects_of(show, method="HEAD", url="/other/")
    assert Lease not in effects_of(show, method="POST", url="/other/")


def test_none_is_taken_where_waiting_is_switched_off(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "WAIT_SECONDS": 0}
    assert Lease not in effects_of(show)


def test_none_is_taken_in_the_shadow(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "SHADOW": True}
    assert Lease not in effects_of(show)


def test_none_is_taken_for_a_page_that_is_compared(settings: Any) -> None:
    get()
    settings.PAGECACHE = {"ENABLED": True, "VERIFY": 1}
    get()
    assert Lease not in effects_of(show)


def test_none_is_taken_by_who_wants_no_stored_page(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "OBEY_REQUEST_DIRECTIVES": True}
    get()
    assert Lease not in effects_of(show, HTTP_CACHE_CONTROL="no-cache")


@pytest.mark.parametrize("told, waits", [("max-age=20", True), ("no-cache", False)])
def test_none_is_taken_for_a_page_whose_view_is_asked_each_time(
    settings: Any, told: str, *, waits: bool
) -> None:
    """Whoever waited would have to ask all the same."""

    def view(request: HttpRequest) -> HttpResponse:
        response = counted(request)
        response["Cache-Control"], response["ETag"] = told, '"abc"'
        return response

    settings.PAGECACHE = {"ENABLED": True, "TIMEOUT": 0}
    with freeze_time("2026-11-26 12:00") as clock:
        announcer.announce()
        assert "; stored" in get(view=view)[1]
        clock.tick(30)
        assert (Lease in effects_of(view)) is waits


@pytest.mark.django_db
def test_none_is_taken_in_a_transaction_which_others_may_wait_for() -> None:
    with transaction.atomic():
        assert Lease not in effects_of(show)


def test_none_is_taken_for_a_page_that_another_page_asks_for() -> None:
    with recording(Recorder()):
        assert Lease not in effects_of(show)
        begin_request()
        assert Lease not in effects_of(show, url="/other/")
        end_request()
    begin_request()
    assert Lease in effects_of(show, url="/third/")
    end_request()


def test_none_is_taken_for_a_page_that_can_have_no_key() -> None:
    visit = visit_of()
    visit.asked.urlconf = object()
    drive(page(visit), answer(visit))
    assert reason(visit) is Reason.OBJECT
    assert visit.found.forward == "uri-miss"


def test_a_lease_is_given_up_as_the_page_is_saved() -> None:
    assert Release not in effects_of(show)
    assert holder_of(lease_of()) is None


def test_a_lease_is_given_up_after_a_page_that_is_kept_elsewhere_was_put_there() -> None:
    visit = visit_of("/elsewhere/")
    assert effects_of(show, url="/elsewhere/")[-1] is Release
    assert visit.alias == "other"


def test_a_lease_is_given_up_where_the_view_raises() -> None:
    def raising(_request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    get()
    key = lease_of()
    announcer.announce({"data"})
    with pytest.raises(ZeroDivisionError):
        get(view=raising)
    assert holder_of(key) is None
    assert not turns._turns


def test_a_lease_is_given_up_where_the_task_is_canceled() -> None:
    get()
    key = lease_of()
    announcer.announce({"data"})

    async def canceled() -> None:
        begun = asyncio.Event()

        async def view() -> HttpResponse:
            begun.set()
            await asyncio.Event().wait()
            return HttpResponse()

        task = asyncio.create_task(adrive(page(visit_of()), view))
        await begun.wait()
        assert holder_of(key) is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(canceled())
    assert holder_of(key) is None
    assert not turns._turns


def test_a_turn_ends_with_a_flow_that_nobody_drives_any_more() -> None:
    visit = visit_of()
    flow = page(visit)
    effect = next(flow)
    while not isinstance(effect, Render):
        effect = flow.send(effect.run(None))
    assert turns._turns
    flow.close()
    assert not turns._turns


def test_a_flow_that_has_no_lease_can_be_left_too() -> None:
    visit = visit_of(method="POST")
    flow = page(visit)
    assert isinstance(next(flow), Render)
    flow.close()
    assert visit.found.turn is None


def test_the_lease_of_another_is_waited_for_and_left_alone(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "WAIT_SECONDS": 0.05}
    key = hold()
    assert get(view=counted)[:2] == ("old", "fwd=stale; stored; ttl=300")
    assert holder_of(key) == OTHER
    assert made == ["/page/"]


def waiting(visit: Any, meanwhile: Callable[[], Any], view: Any = counted) -> list[type]:
    """Drive a request; do something in its first pause. Gives its effects."""
    flow, found, result = page(visit), [], None
    with suppress(StopIteration):
        while True:
            effect = flow.send(result)
            found.append(type(effect))
            if isinstance(effect, Pause):
                if found.count(Pause) == 1:
                    meanwhile()
                result = None
                continue
            try:
                result = effect.run(answer(visit, view))
            except StoreError as error:
                effect = flow.throw(error)
                found.append(type(effect))
                result = effect.run(answer(visit, view))
    return found


def test_who_waited_for_another_process_looks_up_again() -> None:
    key = hold()

    def end() -> None:
        site_store().delete([key])
        with Process()._here():
            get()

    effects = waiting(visit := visit_of(), end)
    assert visit.found.entry is not None
    assert made == []
    assert effects.count(Pause) == 1


def test_who_waited_in_vain_asks_the_view_for_the_whole_page(settings: Any) -> None:
    """The page that ended meanwhile fell: nothing is left that the view could say is as it was."""
    asked: list[str | None] = []

    def conditional(request: HttpRequest) -> HttpResponse:
        asked.append(request.headers.get("If-None-Match"))
        return HttpResponse("page", headers={"ETag": '"1"', "Cache-Control": "max-age=60"})

    with freeze_time("2026-11-26 12:00") as clock:
        get(view=conditional)
        key = lease_of()
        site_store().put({key: OTHER}, 600)
        clock.tick(70)

        def fall() -> None:
            site_store().delete([key, key_of(visit_of())])

        waiting(visit_of(), fall, conditional)
    assert asked == [None, None]


def test_a_page_that_proved_uncacheable_elsewhere_is_waited_for_no_longer() -> None:
    key = hold()
    effects = waiting(visit_of(), lambda: site_store().put({key: MARK}, 60))
    assert effects.count(Pause) == 1
    assert made == ["/page/"]
    assert key in uncacheable
    announcer.announce({"data"})
    assert Lease not in effects_of(show)


def test_a_page_that_is_known_elsewhere_to_be_uncacheable_is_not_waited_for() -> None:
    hold(MARK)
    assert Pause not in waiting(visit_of(), lambda: None)
    assert made == ["/page/"]


def test_a_page_that_proved_uncacheable_needs_no_lease_for_a_while() -> None:
    assert Lease in effects_of(private)
    (key,) = uncacheable
    assert holder_of(key) == MARK
    assert {Lease, Release}.isdisjoint(effects_of(private))


def test_a_page_whose_data_moved_may_be_stored_the_next_time() -> None:
    def moving(request: HttpRequest) -> HttpResponse:
        announcer.announce({"data"})
        return counted(request)

    get()
    announcer.announce({"data"})
    assert reason(get(view=moving)[2]) is Reason.MOVED
    assert not uncacheable
    assert Lease in effects_of(show)


def test_a_page_that_was_asked_for_too_seldom_may_be_stored_the_next_time(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 2}
    assert Lease in effects_of(counted)
    assert not uncacheable
    assert Lease in effects_of(counted)
    assert get(view=counted)[1].startswith("hit")


def test_nobody_waits_for_a_page_that_is_made_too_quickly_to_be_stored(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_COST": 1000}
    assert reason(get(view=counted)[2]) is Reason.TOO_CHEAP
    assert reason(get(view=counted)[2]) is Reason.TOO_CHEAP
    assert Lease not in effects_of(counted)


def test_two_requests_render_both_where_a_page_must_be_asked_for_twice(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MIN_HITS": 2}
    search, renders = searched(cold, READER, READER)
    assert renders == {2}
    assert search.stale == []
    assert get(view=counted)[1].startswith("hit")


def test_the_lease_of_a_page_that_lasted_too_long_is_not_taken_from_the_next() -> None:
    get()
    key = lease_of()
    announcer.announce({"data"})

    def slow(request: HttpRequest) -> HttpResponse:
        site_store().put({key: OTHER}, 60)
        return private(request)

    get(view=slow)
    assert holder_of(key) == OTHER


def test_turns_that_nobody_ends_take_so_much_room_and_no_more() -> None:
    """As those of pages that were to be made in the background, where there was no room for that."""
    own = Turns()
    first, _ = own.take("first", 60)
    for number in range(MOST):
        own.take(str(number), 60)
    assert len(own._turns) == MOST
    own.end(first)
    assert first.over.done()


def test_a_turn_ends_while_its_thread_takes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where garbage is collected, and in it steps that nobody takes any more."""
    first, _ = turns.take("first", 60)

    def collects() -> bytes:
        turns.end(first)
        return b"token"

    monkeypatch.setattr("pagecache.versions.fresh", collects)
    second, is_ours = turns.take("second", 60)
    assert is_ours
    assert first.over.done()
    turns.end(second)


def test_who_asks_once_a_turn_is_over_does_not_wait() -> None:
    turn, _ = turns.take("key", 60)
    turns.end(turn)
    assert turn.over.done()


def test_who_asks_while_a_turn_ends_does_not_wait_for_ever() -> None:
    both = threading.Barrier(2)

    def end(turn: Turn) -> None:
        both.wait()
        turns.end(turn)

    with ThreadPoolExecutor(1) as pool:
        for number in range(200):
            turn, _ = turns.take(str(number), 60)
            ended = pool.submit(end, turn)
            both.wait()
            turn.over.result(timeout=10)
            ended.result()


def test_a_turn_that_lasted_too_long_passes_on() -> None:
    first, is_first = turns.take("key", 0)
    second, is_second = turns.take("key", 60)
    assert is_first
    assert is_second
    turns.end(first)
    assert turns.take("key", 60) == (second, False)
    turns.end(second)


def test_a_store_that_fails_is_not_waited_for() -> None:
    hold()
    visit = visit_of()
    with broken("add"):
        response = drive(page(visit), answer(visit, counted))
    assert reason(visit) is Reason.STORE
    assert response.content == b"old"
    assert not turns._turns


def test_a_store_that_fails_while_a_request_waits_ends_the_waiting() -> None:
    hold()
    with pytest.MonkeyPatch.context() as patch:

        def fail() -> None:
            def failing(_self: Any, _keys: Any) -> Any:
                raise StoreError

            patch.setattr(generic.GenericStore, "fetch", failing)

        effects = waiting(visit := visit_of(), fail)
    assert effects.count(Pause) == 1
    assert effects.count(Render) == 1
    assert visit.found.reason is Reason.STORE


def test_a_lease_that_cannot_be_given_up_lapses(caplog: pytest.LogCaptureFixture) -> None:
    def failing(request: HttpRequest) -> HttpResponse:
        outage.__enter__()
        return private(request)

    outage = broken("get")
    status = get(view=failing)[1]
    outage.__exit__(None, None, None)
    assert status == "fwd=uri-miss"
    assert "lapses" in caplog.text
    assert not turns._turns


def test_a_store_that_is_slow_is_asked_for_no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generic.GenericStore, "is_quick", lambda _store: False)
    assert Lease not in effects_of(show)


def test_a_store_that_becomes_slow_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    hold()

    def become_slow() -> None:
        monkeypatch.setattr(generic.GenericStore, "is_quick", lambda _store: False)

    assert waiting(visit_of(), become_slow).count(Pause) == 1
    assert made == ["/page/"]


@pytest.mark.parametrize("on_loop", [False, True])
def test_the_time_that_a_store_may_take_counts_anew_after_a_pause(
    on_loop: bool,
) -> None:
    with in_request():
        request = current_patience()
        assert request is not None
        assert site_store().is_quick()
        request.asked = 60.0
        assert not site_store().is_quick()
        if on_loop:
            asyncio.run(Pause(0).arun(None))
        else:
            Pause(0).run(None)
        assert site_store().is_quick()
    Pause(0).run(None)


def test_a_version_of_everything_that_is_none_is_made_anew() -> None:
    site_store().put({site_names().version("*"): b"?"}, 60)
    assert get()[1] == STORED
    assert get()[1].startswith("hit")


def test_who_waits_asks_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("pagecache.engine.leasing.time.monotonic", lambda: clock[0])
    pauses = []
    flow = leasing._when_over("key", OTHER, 1005.0)
    effect = next(flow)
    with suppress(StopIteration):
        while True:
            assert isinstance(effect, Pause)
            pauses.append(effect.seconds)
            clock[0] += effect.seconds
            assert isinstance(flow.send(None), Fetch)
            effect = flow.send([OTHER])
    assert pauses == sorted(pauses[:-1]) + pauses[-1:]
    assert sum(pauses) == pytest.approx(5)
    assert len(pauses) < 40


def test_a_crowd_of_threads_makes_one_render() -> None:
    crowd = 20

    def slow(request: HttpRequest) -> HttpResponse:
        (turn,) = turns._turns.values()
        while len(turn.over._waiters) < crowd - 1:
            threading.Event().wait(0.001)
        return counted(request)

    with ThreadPoolExecutor(crowd) as pool:
        answers = [pool.submit(get, view=slow) for _ in range(crowd)]
        seen = [answer.result()[:2] for answer in answers]
    assert made == ["/page/"]
    assert min(seen) == ("old", STORED)
    assert all(status.startswith("hit") for _, status in sorted(seen)[1:])


async def _crowd(view: Callable[[HttpRequest], HttpResponse], crowd: int) -> list[HttpResponse]:
    """Ask as so many tasks; the first one that makes the page goes on when all others wait."""

    async def one() -> HttpResponse:
        visit = visit_of()

        async def slow() -> HttpResponse:
            waits = [turn.over for turn in turns._turns.values()]
            while waits and len(waits[0]._done_callbacks) < crowd - 1:  # type: ignore[attr-defined]  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0)
            return answer(visit, view)()

        response: HttpResponse = await adrive(page(visit), slow)
        return response

    return await asyncio.gather(*(one() for _ in range(crowd)))


def test_a_crowd_of_tasks_makes_one_render_and_holds_no_threads() -> None:
    before = threading.active_count()

    def alone(request: HttpRequest) -> HttpResponse:
        assert threading.active_count() == before
        return counted(request)

    responses = asyncio.run(_crowd(alone, 200))
    assert made == ["/page/"]
    assert {response.content for response in responses} == {b"old"}


def test_a_crowd_for_an_uncacheable_page_waits_for_one_render_and_is_given_none_of_it() -> None:
    numbers: Mapping[int, str] = {}

    def own(request: HttpRequest) -> HttpResponse:
        private(request)
        return HttpResponse(str(len(made)), headers={"Cache-Control": "private"})

    responses = asyncio.run(_crowd(own, 50))
    numbers = {int(response.content): response["Cache-Status"] for response in responses}
    assert len(numbers) == 50
    assert {Lease, Wait, Release}.isdisjoint(effects_of(private))


def test_a_task_that_is_canceled_while_it_waits_leaves_the_others_waiting() -> None:
    async def canceled() -> list[bytes]:
        go, begun = asyncio.Event(), asyncio.Event()
        visits = [visit_of() for _ in range(3)]

        async def slow(visit: Any) -> HttpResponse:
            begun.set()
            await go.wait()
            return answer(visit, counted)()

        tasks = [asyncio.create_task(adrive(page(v), partial(slow, v))) for v in visits]
        await begun.wait()
        (turn,) = turns._turns.values()
        while len(turn.over._done_callbacks) < 2:  # type: ignore[attr-defined]  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0)
        tasks[1].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[1]
        go.set()
        return [(await tasks[number]).content for number in (0, 2)]

    assert asyncio.run(canceled()) == [b"old", b"old"]
    assert made == ["/page/"]


def by_query(request: HttpRequest) -> HttpResponse:
    made.append(request.GET.get("q", ""))
    return HttpResponse(made[-1])


def test_those_of_other_pages_do_not_wait_for_each_other_once_the_recipe_is_known() -> None:
    """Before, all wait for one; then each makes its own page at the same time as the others."""

    async def crowd() -> list[bytes]:
        inside, urls = [0], [f"/page/?q={number}" for number in range(10)]

        async def one(url: str) -> bytes:
            visit = visit_of(url)

            async def view() -> HttpResponse:
                inside[0] += 1
                while len(made) and inside[0] < len(urls):  # noqa: ASYNC110 nobody tells
                    await asyncio.sleep(0)
                return answer(visit, by_query)()

            return bytes((await adrive(page(visit), view)).content)

        return await asyncio.gather(*map(one, urls))

    assert asyncio.run(crowd()) == [b"%d" % number for number in range(10)]
    assert len(made) == 10
    assert data["value"] == "old"


@contextmanager
def ended(settings: Any, **options: Any) -> Generator[str]:
    """Let a page be there that ended ten seconds ago, and may be served while it is made anew."""
    settings.PAGECACHE = {"ENABLED": True, "STALE_WHILE_REVALIDATE": 30, **options}
    with freeze_time("2026-11-26 12:00") as clock:
        announcer.announce()
        get()
        key = lease_of()
        clock.tick(310)
        yield key


OLD = "hit; ttl=-10"


def test_an_ended_page_is_served_while_another_process_makes_it_anew(settings: Any) -> None:
    with ended(settings) as key:
        site_store().put({key: OTHER}, 60)
        assert get(view=counted)[:2] == ("old", OLD)
        assert made == []
        assert holder_of(key) == OTHER


def test_an_ended_page_is_made_anew_by_who_takes_its_lease(settings: Any) -> None:
    with ended(settings) as key:
        assert get(view=counted)[1] == "fwd=stale; stored; ttl=300"
        assert holder_of(key) is None
        assert get()[1] == "hit; ttl=300"


def test_an_ended_page_is_served_to_who_comes_just_when_it_was_made_anew(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_self: Any, *_arguments: Any) -> Any:
        yield from ()
        return None, b"another"

    with ended(settings):
        monkeypatch.setattr(generic.GenericStore, "_lease", late)
        assert get(view=counted)[1] == OLD
        assert made == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("options", [{"WAIT_SECONDS": 0}, {"SHADOW": True}])
def test_no_ended_page_is_served_where_no_lease_is_taken(
    settings: Any, options: dict[str, Any], method: str
) -> None:
    with ended(settings, **options):
        get(view=counted, method=method)
        assert made == ["/page/"]


def test_an_ended_page_is_served_to_who_can_make_none_anew(settings: Any) -> None:
    with ended(settings):
        assert get(view=counted, method="HEAD")[1] == OLD
        assert made == []


def test_no_ended_page_is_served_that_is_known_to_be_uncacheable(settings: Any) -> None:
    with ended(settings) as key:
        site_store().put({key: MARK}, 60)
        get(view=counted)
        assert made == ["/page/"]


def test_no_page_is_served_after_the_end_that_it_named_itself(settings: Any) -> None:
    def today(request: HttpRequest) -> HttpResponse:
        expire_in(60)
        return counted(request)

    settings.PAGECACHE = {"ENABLED": True, "STALE_WHILE_REVALIDATE": 30}
    with freeze_time("2026-11-26 12:00") as clock:
        get(view=today)
        clock.tick(70)
        site_store().put({lease_of(): MARK}, 60)
        assert get(view=today)[1].startswith("fwd")
    assert made == ["/page/"] * 2


def test_an_ended_page_that_stands_in_for_an_error_goes_on_being_served(settings: Any) -> None:
    def failing(request: HttpRequest) -> HttpResponse:
        counted(request)
        return HttpResponse(status=503)

    with ended(settings, STALE_IF_ERROR=30):
        assert get(view=failing)[:2] == ("old", "fwd=stale; fwd-status=503; ttl=-10")
        assert not uncacheable
