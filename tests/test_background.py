"""Pages that are made anew behind their visitors' backs: by whom, when, and with what of theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from threading import Event
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.signals import request_finished
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils import timezone, translation
from django.utils.decorators import async_only_middleware
from django.views.decorators.http import condition
from freezegun import freeze_time

from pagecache import ainvalidate, apurge, cache_page, depends_on, invalidate, purge
from pagecache.announcing import announcer, site_names, site_store
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.vector import is_unsettled, is_version
from pagecache.engine.background import NAME, Background, background
from pagecache.engine.leasing import turns
from pagecache.stores import StoreError
from pagecache.versions import fresh
from pagecache.writes import writes
from tests.lanes import (
    ASGI,
    DECORATOR_SYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    STOCK,
    WSGI,
    Lane,
    status,
    text,
    through,
    unrecorded,
)
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)
conditional_page = condition(etag_func=lambda request: '"1"')
LANES = (MIDDLEWARE_SYNC, WSGI)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _none_left() -> Any:
    yield
    done()
    assert not turns._turns


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is to be done in the background: it waits until it is called."""
    begun: list[Callable[[], object]] = []
    monkeypatch.setattr(background, "begin", begun.append)
    return begun


def done() -> None:
    """Wait until nothing is done in the background any more."""
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(30)
            assert not thread.is_alive()


def ending(lane: Lane, view: Callable[[HttpRequest], HttpResponse], **options: Any) -> None:
    """Show a page that has ended each time when 70 seconds have passed, and may be served for some more."""
    lane.configure(TIMEOUT=60, STALE_WHILE_REVALIDATE=60, **options)
    lane.show(view)


def over_its_end(lane: Lane) -> list[str]:
    """Return what visitors get of a page that has ended, and once it was made anew."""
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        first = lane.read()
        done()
        return [first, lane.read()]


def counting(lane: Lane, *seen: list[HttpRequest]) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        for requests in seen:
            requests.append(request)
        depends_on("data")
        return HttpResponse(str(lane.renders))

    return view


def test_nobody_waits_for_a_page_that_ended(lane: Lane) -> None:
    go = Event()

    def view(request: HttpRequest) -> HttpResponse:
        assert lane.renders == 1 or go.wait(30)
        return HttpResponse(str(lane.renders))

    ending(lane, view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        answers = [lane.get() for _ in range(3)]
        assert [(text(one), status(one).ttl) for one in answers] == [("1", -10)] * 3
        go.set()
        done()
        assert (lane.read(), lane.see().ttl) == ("2", 60)
    assert lane.renders == 2


def test_it_begins_when_the_visitor_has_the_page(lane: Lane) -> None:
    order: list[str] = []

    def ended(**_kwargs: Any) -> None:
        order.append("ended")

    def view(request: HttpRequest) -> HttpResponse:
        order.append("made")
        return HttpResponse("x")

    ended.__module__ = "django.tests"
    ending(lane, view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        order.clear()
        request_finished.connect(ended)
        try:
            lane.get()
            done()
        finally:
            request_finished.disconnect(ended)
    assert order == ["ended", "made", "ended"]


SCOPES: list[dict[str, Any]] = [
    {},
    {"server": ("/run/site.sock", None)},
    {"query_string": "q=\u20ac".encode()},
]


@through(MIDDLEWARE_ASYNC, ASGI)
@pytest.mark.parametrize("scope", SCOPES)
def test_on_an_event_loop_it_is_a_task(lane: Lane, scope: dict[str, Any]) -> None:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        assert ("q" in request.META["QUERY_STRING"]) is ("query_string" in scope)
        return HttpResponse(str(lane.renders))

    ending(lane, view)
    client: Any = lane.visitor().client
    client.scope = scope

    async def visits(clock: Any) -> list[str]:
        answers = [await client.get("/page/")]
        clock.tick(70)
        for _ in range(2):
            answers.append(await client.get("/page/"))
            while background._tasks:
                await asyncio.wait(background._tasks)
        return [text(one) for one in answers]

    with freeze_time(NOON, real_asyncio=True) as clock:
        assert asyncio.run(visits(clock)) == ["1", "1", "2"]
    assert lane.renders == 2
    assert len({id(request) for request in seen}) == 2


@async_only_middleware
def awaited(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    async def answer(request: HttpRequest) -> Any:
        return await get_response(request)

    return answer


def test_where_a_loop_was_there_for_one_request_it_is_a_thread(lane: Lane) -> None:
    ending(lane, counting(lane))
    lane.middleware(f"{__name__}.awaited")
    assert over_its_end(lane) == ["1", "2"]


def test_it_begins_once_however_often_the_response_is_closed(
    lane: Lane, jobs: list[Callable[[], object]]
) -> None:
    ending(lane, counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        lane.get().close()
        (job,) = jobs
        job()
    assert lane.renders == 2


def test_the_visitor_is_not_in_it(lane: Lane) -> None:
    seen: list[HttpRequest] = []
    ending(lane, counting(lane, seen), AUTHENTICATED="unread")
    visitor = lane.visitor().log_in(User.objects.create_user("ann")).come_from("10.1.2.3")
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        asked = {
            "cookies": {"analytics": "7"},
            "headers": {"User-Agent": "Mozilla", "Referer": "https://a.example", "X-Own": "1"},
        }
        assert visitor.get("/page/?utm_source=mail", **asked).status_code == 200
        done()
        assert lane.read() == "2"
    request = seen[-1]
    meta = unrecorded(request.META)
    assert not meta.get("HTTP_COOKIE")
    assert meta["QUERY_STRING"] == ""
    assert meta["REMOTE_ADDR"] == "127.0.0.1"
    assert {"HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_X_OWN"}.isdisjoint(meta)
    assert request.user.is_anonymous


def test_what_the_page_goes_by_is_in_it(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        read = (
            *request.GET.getlist("q"),
            request.COOKIES.get("theme"),
            request.headers.get("X-Own"),
            request.META["SERVER_PORT"],
            request.build_absolute_uri(),
            translation.get_language(),
            timezone.get_current_timezone_name(),
            request.get_host(),
        )
        return HttpResponse(f"{lane.renders} {read}", headers={"Vary": "X-Other"})

    ending(lane, view, KEY_COOKIES=["theme"], KEY_HEADERS=["X-Own"])
    lane.middleware("django.middleware.locale.LocaleMiddleware", *STOCK)
    asked: dict[str, Any] = {
        "path": "/page/?q=a%26b&q=\u20ac&x",
        "cookies": {"theme": 'a"b,c'},
        "headers": {"X-Own": "\xe9", "X-Other": "o", "Accept-Language": "de;q=0.9, fr;q=0.1"},
    }
    with freeze_time(NOON) as clock:
        first = lane.read(**asked)
        if lane.renders == 1 and not lane.see(**asked).hit:
            lane.get(**asked)  # its recipe was widened
        clock.tick(70)
        made = lane.renders
        assert lane.see(**asked).hit
        done()
        assert lane.renders == made + 1
        again = lane.get(**asked)
    assert status(again).ttl == 60
    assert text(again).partition(" ")[2] == first.partition(" ")[2]
    assert "'de'" in first


def test_a_cookie_of_any_text_is_in_it(lane: Lane) -> None:
    ending(lane, lambda request: HttpResponse(f"{lane.renders} {request.COOKIES['theme']}"))
    lane.configure(KEY_COOKIES=["theme"])
    sent = {"Cookie": "theme=\u20ac\xe9".encode().decode("latin-1")}
    with freeze_time(NOON) as clock:
        lane.get(headers=sent)
        clock.tick(70)
        assert lane.read(headers=sent) == "1 \u20ac\xe9"
        done()
        assert lane.read(headers=sent) == "2 \u20ac\xe9"


def by_moon(request: HttpRequest) -> str | None:
    return request.headers.get("X-Moon", "new")


FOREGROUND: dict[str, Callable[[Lane], Any]] = {
    "it is not wanted": lambda lane: lane.configure(BACKGROUND=False),
    "a cookie that is not to be read": lambda lane: lane.read("/page/?show=theme"),
    "a class of visitors": lambda lane: lane.configure(SEGMENT=f"{__name__}.by_moon"),
    "much to do": lambda lane: background._jobs.extend([int] * 16),
}


@pytest.mark.parametrize("name", FOREGROUND)
def test_where_that_cannot_be_a_visitor_makes_the_page_anew(lane: Lane, name: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        shown = request.COOKIES.get(request.GET.get("show", ""), "")
        return HttpResponse(f"{lane.renders} {shown}")

    asked: dict[str, Any] = {"cookies": {"theme": "dark"}}
    ending(lane, view)
    with freeze_time(NOON) as clock:
        FOREGROUND[name](lane)
        for _ in range(2):
            lane.get(**asked)
        made = lane.renders
        assert lane.see(**asked).hit
        clock.tick(70)
        assert lane.read(**asked) == f"{made + 1} "
    background._jobs.clear()


def test_a_site_has_to_say_so(lane: Lane) -> None:
    """For what stands around Django, and says which tenant a host is for, say, does not see such a request."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(
            str(lane.renders), headers={"Cache-Control": "max-age=60, stale-while-revalidate=60"}
        )

    lane.show(view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        assert lane.read() == "2"
        lane.configure(BACKGROUND=True)
        clock.tick(70)
        assert lane.read() == "2"
        done()
        assert lane.read() == "3"


@through(LAST_SYNC, DECORATOR_SYNC)
def test_where_others_stand_before_it_a_visitor_makes_the_page_anew(lane: Lane) -> None:
    ending(lane, counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(400)
        assert lane.read() == "2"


def test_a_page_that_goes_by_all_cookies_is_made_anew_by_who_has_them(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{lane.renders} {sorted(request.COOKIES)}", headers={"Vary": "Cookie"})

    ending(lane, view)
    with freeze_time(NOON) as clock:
        visits = [lane.read(cookies={"a": "1"}) for _ in range(2)]
        assert visits == ["1 ['a']"] * 2
        clock.tick(70)
        assert lane.read(cookies={"a": "1"}) == "2 ['a']"


def test_a_visitor_makes_the_page_anew_where_it_cannot_be_asked_for(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_arguments: Any) -> Any:
        raise RuntimeError

    ending(lane, counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        monkeypatch.setattr(DjangoVisit, "twin", fails)
        assert lane.see().stored
        assert lane.read() == "2"
    assert "failed to ask for it" in caplog.text


def test_a_view_that_fails_leaves_the_page_as_it_was(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders in (2, 3):
            raise RuntimeError
        return HttpResponse(str(lane.renders))

    ending(lane, view)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        visitor = lane.visitor()
        visitor.client.raise_request_exception = False  # of another request, beside it
        for number in (2, 3, 4):
            assert text(visitor.get()) == "1"
            done()
            assert lane.renders == number
        assert text(visitor.get()) == "4"


def test_a_page_that_is_private_now_is_served_no_more(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        headers = {} if lane.renders == 1 else {"Cache-Control": "private"}
        return HttpResponse(str(lane.renders), headers=headers)

    ending(lane, view)
    assert over_its_end(lane) == ["1", "3"]


def test_a_write_while_it_is_made_lets_it_not_be_kept(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        count = Author.objects.count()
        if lane.renders == 2:
            make_author()
            invalidate("data")
        depends_on("data")
        return HttpResponse(f"{lane.renders} {count}")

    ending(lane, view)
    assert over_its_end(lane) == ["1 0", "3 1"]


def test_a_decorated_view_is_made_anew_like_others(lane: Lane) -> None:
    ending(lane, cache_page(60)(counting(lane)))
    assert over_its_end(lane) == ["1", "2"]


def test_holes_are_filled_for_the_visitor_meanwhile(lane: Lane) -> None:
    template = engines["django"].from_string("{{ n }} {% csrf_token %}")

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(template.render({"n": lane.renders}, request))

    ending(lane, view)
    with freeze_time(NOON) as clock:
        lane.get()
        lane.get()
        clock.tick(70)
        visitor = lane.visitor()
        page = text(visitor.get())
        assert page[:2] == "1 "
        assert "csrfmiddlewaretoken" in page
        assert "csrftoken" in visitor.client.cookies
        done()
        assert text(visitor.get())[:2] == "2 "


GOES: dict[str, Callable[[bool], Any]] = {
    "a tag": lambda soft: invalidate("data", soft=soft),
    "a page": lambda soft: purge("/page/", soft=soft),
    "the site": lambda soft: purge(soft=soft),
    "on a loop": lambda soft: async_to_sync(ainvalidate)("data", soft=soft),
    "a page, on a loop": lambda soft: async_to_sync(apurge)("/page/", soft=soft),
    "by a command": lambda soft: call_command(
        "pagecache_purge", "--tag", "data", *["--soft"] * soft, stdout=StringIO()
    ),
}


@pytest.mark.parametrize("what", GOES)
def test_a_page_that_goes_softly_is_served_while_it_is_made_anew(lane: Lane, what: str) -> None:
    ending(lane, counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(20)
        GOES[what](True)
        clock.tick(5)
        response = lane.get()
        assert (text(response), status(response).ttl) == ("1", -5)
        done()
        assert (lane.read(), lane.see().ttl) == ("2", 60)
        GOES[what](False)
        assert lane.read() == "3"


def softly_twice() -> None:
    invalidate("data", soft=True)
    invalidate("data", soft=True)


def softly_then_not() -> None:
    invalidate("data", soft=True)
    invalidate("data")


def softly_and_another_not() -> None:
    invalidate("data", soft=True)
    purge("/page/")


def not_then_softly() -> None:
    invalidate("data")
    invalidate("data", soft=True)


def softly_and_forgotten() -> None:
    invalidate("data", soft=True)
    store, names = site_store(), site_names()
    store.delete([names.softly("data")])


def rolled_back() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        invalidate("data", soft=True)
        invalidate("data")
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "moves",
    [
        softly_twice,
        softly_then_not,
        softly_and_another_not,
        not_then_softly,
        softly_and_forgotten,
        rolled_back,
    ],
)
def test_a_page_whose_data_moved_otherwise_too_is_served_no_more(
    lane: Lane, moves: Callable[[], None]
) -> None:
    ending(lane, counting(lane), STALE_IF_ERROR=60)
    lane.get()
    assert lane.read() == "1"
    moves()
    assert lane.read() == "2"


def test_a_page_that_goes_softly_is_served_for_so_long_and_no_longer(lane: Lane) -> None:
    ending(lane, counting(lane))
    lane.configure(TIMEOUT=300)
    with freeze_time(NOON) as clock:
        lane.get()
        invalidate("data", soft=True)
        clock.tick(60)
        assert lane.read() == "2"


def test_a_clock_that_is_ahead_lets_no_page_be_served_that_went_softly(lane: Lane) -> None:
    lane.show(counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(5)
        invalidate("data", soft=True)
        clock.tick(-5)
        assert lane.read() == "2"


def test_a_table_that_was_written_does_not_go_softly_by_its_other_name(lane: Lane) -> None:
    ending(lane, lambda request: HttpResponse(str(Author.objects.count())))
    lane.get()
    with transaction.atomic():
        writes.add(frozenset({f"table:{Author._meta.db_table}"}), soft=True)
        make_author()
    assert lane.read() == "1"


def test_a_page_that_may_not_be_served_when_it_has_ended_is_not(lane: Lane) -> None:
    lane.show(counting(lane))
    lane.get()
    invalidate("data", soft=True)
    assert lane.read() == "2"


def test_what_goes_softly_in_a_transaction_goes_at_once_and_when_it_commits(lane: Lane) -> None:
    ending(lane, counting(lane))
    lane.get()
    with transaction.atomic():
        invalidate("data", soft=True)
        assert writes.unannounced() == {"data"}
    assert not writes.unannounced()
    assert lane.read() == "2"  # it moved twice
    with transaction.atomic():
        writes.add(frozenset({"data"}), soft=True)
    assert lane.read() == "2"
    done()
    assert lane.read() == "3"


def test_what_goes_softly_in_a_transaction_is_marked_as_what_it_writes(lane: Lane) -> None:
    """Else who is killed before it announced would leave a page that was made meanwhile for all its life."""
    ending(lane, counting(lane), TWO_PHASE=True)
    names, store = site_names(), site_store()
    store.put({names.version("data"): fresh()}, 60)
    with transaction.atomic():
        invalidate("data", soft=True)
        (version,) = store.fetch([names.version("data")])
        assert is_unsettled(version)
    (version,) = store.fetch([names.version("data")])
    assert is_version(version)


def test_marks_of_transactions_stand_when_a_page_goes_softly(lane: Lane) -> None:
    ending(lane, counting(lane), TWO_PHASE=True)
    lane.get()
    announcer.mark(frozenset({"data"}), b"somebody")
    invalidate("data", soft=True)
    assert [lane.read(), lane.see().reason] == ["2", "unsettled"]


@through(MIDDLEWARE_SYNC, stores=(MEMORY,))
def test_where_the_store_cannot_tell_softly_is_at_once(lane: Lane) -> None:
    ending(lane, counting(lane))
    lane.get()
    invalidate("data", soft=True)
    assert lane.read() == "2"


def test_what_failed_to_go_softly_goes_at_once_later(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(lane, counting(lane))
    lane.get()
    with monkeypatch.context() as patch:
        patch.setattr(type(site_store()), "announce", failing)
        invalidate("data", soft=True)
    assert announcer.owed
    assert lane.read() == "2"
    assert not announcer.owed


def failing(*_arguments: Any, **_more: Any) -> None:
    raise StoreError


def test_it_is_left_undone_where_it_begins_too_late(
    lane: Lane, jobs: list[Callable[[], object]]
) -> None:
    ending(lane, counting(lane), WAIT_SECONDS=5)
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        lane.get()
        clock.tick(6)
        jobs[0]()
        assert lane.renders == 1
        assert [lane.read(), lane.read()] == ["1", "1"]
        jobs[1]()
        assert lane.renders == 2


def test_it_is_left_undone_where_another_was_faster(
    lane: Lane, jobs: list[Callable[[], object]]
) -> None:
    ending(lane, counting(lane))
    with freeze_time(NOON) as clock:
        lane.get()
        clock.tick(70)
        lane.get()
        lane.configure(WAIT_SECONDS=0)  # this process has forgotten whose turn it is
        assert lane.read() == "2"
        jobs[0]()
        assert lane.renders == 2


def drawing(monkeypatch: pytest.MonkeyPatch, draw: float) -> None:
    monkeypatch.setattr("random.random", lambda: draw)


@through(MIDDLEWARE_SYNC, WSGI, DECORATOR_SYNC)
def test_a_page_is_made_anew_before_it_ends_by_chance(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with freeze_time(NOON) as clock:

        def view(request: HttpRequest) -> HttpResponse:
            clock.tick(2)
            return HttpResponse(str(lane.renders))

        lane.configure(EARLY_REFRESH=1)
        lane.show(view, timeout=60)
        drawing(monkeypatch, 0.5)
        lane.get()
        clock.tick(55)
        assert lane.read() == "1"
        drawing(monkeypatch, 0.999)
        asked = {"Cache-Control": "only-if-cached"}
        lane.configure(OBEY_REQUEST_DIRECTIVES=True)
        assert status(lane.get(headers=asked)).ttl == 5
        assert lane.visitor().ask("head")["Age"] == "57"
        assert lane.renders == 1
        lucky = lane.get()
        assert status(lucky).hit is not lane.kind.decorated
        drawing(monkeypatch, 0.5)
        done()
        assert lane.renders == 2
        assert (lane.read(), lane.see().ttl) == ("2", 60)


@through(MIDDLEWARE_SYNC, WSGI, LAST_SYNC, DECORATOR_SYNC)
def test_a_page_that_has_not_ended_stands_in_for_a_view_that_fails_to_make_it_anew(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with freeze_time(NOON) as clock:

        def view(request: HttpRequest) -> HttpResponse:
            clock.tick(2)
            if lane.renders == 2:
                raise RuntimeError
            return HttpResponse(str(lane.renders))

        lane.configure(EARLY_REFRESH=1)
        lane.show(view, timeout=60)
        drawing(monkeypatch, 0.999)
        visitor = lane.visitor()
        visitor.client.raise_request_exception = False
        visitor.get()
        clock.tick(55)
        assert text(visitor.get()) == "1"
        done()
        assert lane.renders == 2


def test_pages_that_were_made_together_end_apart(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane.configure(JITTER=0.5)
    lane.show(counting(lane))
    with freeze_time(NOON):
        for draw, ttl in ((0.0, 300), (0.5, 225)):
            invalidate("data")
            drawing(monkeypatch, draw)
            assert [lane.see().ttl for _ in range(2)] == [ttl] * 2


def test_a_page_that_is_as_it_was_does_not_end_earlier_each_time(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane.configure(JITTER=0.5, TIMEOUT=100)
    lane.show(counting(lane), conditional_page)
    drawing(monkeypatch, 1.0)
    with freeze_time(NOON) as clock:
        ttls = []
        for _ in range(3):
            ttls.append(lane.see().ttl)
            clock.tick(60)
        assert ttls == [50, 50, 50]
        assert lane.read() == "1"


def test_what_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    own = Background()

    def fails() -> None:
        raise RuntimeError

    own.begin(fails)
    done()
    assert "behind its visitors' backs" in caplog.text


def test_what_is_cancelled_ends_no_thread() -> None:
    own = Background()
    begun: list[int] = []

    def cancelled() -> None:
        raise asyncio.CancelledError

    for _ in range(4):
        own.begin(cancelled)
    own.begin(lambda: begun.append(1))
    done()
    assert begun == [1]
    assert not own._threads


def test_no_more_is_begun_than_there_is_room_for() -> None:
    own, go = Background(), Event()
    begun: list[int] = []

    def job() -> None:
        begun.append(1)
        assert go.wait(30)

    for _ in range(30):
        own.begin(job)
    assert not own.has_room
    assert own._threads == 2
    go.set()
    done()
    assert 2 <= len(begun) <= 16
    assert own.has_room


def test_where_no_thread_is_to_be_had_it_is_left_undone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = Background()
    begun: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refusing)
        for _ in range(30):
            own.begin(lambda: begun.append(1))
    assert "behind its visitors' backs" in caplog.text
    own.begin(lambda: begun.append(2))
    done()
    assert begun == [2]


def refusing(_thread: threading.Thread) -> None:
    raise RuntimeError


def test_no_more_tasks_are_begun_than_there_is_room_for(caplog: pytest.LogCaptureFixture) -> None:
    own = Background()
    begun: list[int] = []

    async def fails() -> None:
        begun.append(1)
        raise RuntimeError

    async def loop() -> None:
        for _ in range(30):
            own.begin_task(fails)
        assert not own.has_room
        await asyncio.wait(own._tasks)

    asyncio.run(loop())
    assert len(begun) == 16
    assert "behind its visitors' backs" in caplog.text
