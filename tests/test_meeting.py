"""How a request is met: its page is asked for before all is known of it, and its end is told to whoever hears of it."""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from gettext import NullTranslations
from inspect import GEN_CLOSED, getgeneratorstate
from threading import Event, current_thread
from typing import Any, ClassVar

import pytest
from django.core.handlers.wsgi import WSGIHandler, get_path_info
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import path
from django.utils import translation
from django.utils.translation import trans_real
from freezegun import freeze_time
from redis.exceptions import ResponseError

from pagecache import depends_on, invalidate, meeting, wsgi
from pagecache.announcing import Due, _announcement, announcer, site_store
from pagecache.bridge import plain
from pagecache.bridge.fast import HANDED_OVER
from pagecache.bridge.guesses import Guesses
from pagecache.bridge.plain import PlainResponse
from pagecache.bridge.ways import MOST, MOST_TEXT, Recalled, Ways
from pagecache.core.codec import Entry
from pagecache.engine.background import NAME
from pagecache.meeting import Meeting
from pagecache.middleware import PageCacheMiddleware
from pagecache.recording.recorder import current
from pagecache.stores import open_store
from pagecache.stores.lines import Line
from pagecache.stores.local import Held
from pagecache.stores.redis import RedisStore
from pagecache.stores.waiting import current_patience
from tests.lanes import (
    ASGI,
    MIDDLEWARE,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    PATH,
    REDIS,
    STOCK,
    WSGI,
    Lane,
    showing,
    status,
    text,
    through,
)
from tests.test_known_ways import headers
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)
GUESSING = (MIDDLEWARE_SYNC, WSGI)


@pytest.fixture(autouse=True)
def _nothing_active() -> Iterator[None]:
    yield
    translation.deactivate()


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done in turn: a Redis is asked, it is found out what is known of a request, an answer is begun."""
    done: list[str] = []

    def noting(cls: type, name: str, word: str) -> None:
        before = getattr(cls, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            done.append(word)
            return before(*args, **kwargs)

        monkeypatch.setattr(cls, name, noted)

    noting(Line, "send", "asked")
    noting(Ways, "recall", "recalled")
    noting(PlainResponse, "__init__", "begun")
    return done


def count(trips: list[str], ask: Callable[[], object]) -> int:
    """Return how often a Redis is asked meanwhile."""
    trips.clear()
    ask()
    return trips.count("asked")


def warm_with(lane: Lane, read: Callable[[Any], object] = lambda _request: "page") -> None:
    """Ask for such a page until a guess leads to it."""
    lane.configure(REVEAL=None)
    lane.show(showing(read))
    for _ in range(4):
        lane.read()


def warm(lane: Lane, **options: Any) -> None:
    """Ask for a page until a guess leads to it."""
    lane.configure(REVEAL=None, **options)
    lane.show(showing(lambda request: (request.headers.get("X-Plan"), translation.get_language())))
    for _ in range(4):
        lane.read()


# What is asked for


@through(*GUESSING, stores=(REDIS,))
def test_a_page_is_asked_for_before_all_is_known_of_the_request(
    lane: Lane, trips: list[str]
) -> None:
    warm(lane)
    trips.clear()

    assert lane.see().hit
    begun = ["begun"] if lane.kind is MIDDLEWARE_SYNC else []
    assert trips == ["asked", "recalled", *begun]


@through(MIDDLEWARE_ASYNC, ASGI, stores=(REDIS,))
def test_an_event_loop_has_other_things_to_do_than_to_guess(lane: Lane, trips: list[str]) -> None:
    warm(lane)
    trips.clear()

    assert lane.see().hit
    assert trips[0] == "recalled"


@through(*GUESSING, stores=(REDIS,))
@pytest.mark.parametrize(
    "asked",
    [
        headers(Authorization="Bearer 1"),
        headers(X_HTTP_Method_Override="DELETE"),
        headers(Transfer_Encoding="chunked"),
        {"cookies": {"sessionid": "x"}},
    ],
    ids="credentials method body session".split(),
)
def test_who_is_not_looked_up_is_not_guessed_either(
    lane: Lane, trips: list[str], asked: dict[str, Any]
) -> None:
    warm(lane)

    assert count(trips, lambda: lane.read(**asked)) == 0
    assert count(trips, lane.read) == 1
    assert trips[:2] == ["asked", "recalled"]  # as before


@through(*GUESSING, stores=(REDIS,))
def test_who_says_something_else_is_not_guessed(lane: Lane, trips: list[str]) -> None:
    free, paid = headers(X_Plan="free"), headers(X_Plan="paid")
    lane.configure(REVEAL=None, KEY_HEADERS=["X-Plan"])
    lane.show(showing(lambda request: request.headers.get("X-Plan")))
    for plan in (free, paid) * 4:
        assert lane.read(**plan) == plan["headers"]["X-Plan"]

    for plan in (free, paid, paid, free):
        assert count(trips, partial(lane.read, **plan)) == 1
        assert lane.read(**plan) == plan["headers"]["X-Plan"]
    assert lane.renders == 2


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_guess_that_was_wrong_is_made_no_more(lane: Lane, trips: list[str]) -> None:
    """Nothing that a request says tells which language its thread has active."""
    shown = []

    def ask(language: str) -> int:
        translation.activate(language)
        return count(trips, lambda: shown.append(lane.read()))

    lane.configure(REVEAL=None)
    lane.show(showing(lambda _request: translation.get_language()))
    for language in ("en", "de"):
        for _ in range(3):
            ask(language)
    shown.clear()
    asked = [ask(language) for language in ("de", "en", "de", "en", "en")]

    assert shown == ["de", "en", "de", "en", "en"]
    assert sum(asked) <= len(asked) + 1
    assert asked[-2:] == [1, 1]


@through(*GUESSING, stores=(REDIS,))
def test_a_page_that_comes_to_read_more_is_guessed_anew(lane: Lane, trips: list[str]) -> None:
    lane.configure(REVEAL=None)
    lane.show(showing(lambda request: request.GET.get("page")))
    for _ in range(4):
        lane.read()
    lane.read("/page/?page=2")  # the recipe of the path is wider than before
    for _ in range(4):
        lane.read()
    trips.clear()

    assert lane.read() == "None"
    assert trips[:2] == ["asked", "recalled"]


@through(*GUESSING, stores=(REDIS,))
@pytest.mark.parametrize("local", [None, "validate"])
def test_a_page_that_was_made_of_other_data_is_found_in_one_trip(
    lane: Lane, trips: list[str], local: str | None
) -> None:
    tags = ["one"]

    def shown(_request: HttpRequest) -> str:
        depends_on(*tags)
        return " ".join(tags)

    lane.configure(REVEAL=None, LOCAL=local)
    lane.show(showing(shown))
    for _ in range(4):
        lane.read()
    tags.append("two")
    invalidate("one")
    lane.read()

    assert [count(trips, lane.read) for _ in range(3)] == [1, 1, 1]
    assert lane.read() == "one two"


# Ahead of Django


@contextmanager
def making(note: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Note the variables of each request that Django begins to make."""

    def noted(environ: dict[str, Any]) -> str:
        note(environ)
        return get_path_info(environ)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("django.core.handlers.wsgi.get_path_info", noted)
        yield


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_the_store_is_asked_before_django_makes_a_request(lane: Lane, trips: list[str]) -> None:
    warm(lane)
    trips.clear()

    with making(lambda _environ: trips.append("made")):
        assert lane.see().hit

    assert trips == ["asked", "made", "recalled", "begun"]


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_only_django_finds_out_is_asked_for_where_the_request_comes(
    lane: Lane, trips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads a path as UTF-8, and has a script name where a server tells none."""
    address = "/page/%C3%A9/"
    lane.configure(REVEAL=None)
    lane.mount(path("page/é/", lane.page(showing(lambda _request: "page"))))
    for _ in range(4):
        lane.read(address)
    trips.clear()

    with making(lambda _environ: trips.append("made")):
        assert lane.see(address).hit

    assert trips == ["made", "asked", "recalled", "begun"]


class Noting:
    """Notes what a variable of the context is set to."""

    def __init__(self, variable: ContextVar[Any], noted: list[Any]) -> None:
        self._variable, self._noted = variable, noted

    def get(self) -> Any:
        return self._variable.get()

    def set(self, value: Any) -> None:
        self._variable.set(value)
        if value is not None:
            self._noted.append(value.met)


@pytest.fixture
def met_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The meetings that were begun before there was a request."""
    met: list[Any] = []
    monkeypatch.setattr(meeting, "_ahead", Noting(meeting._ahead, met))
    yield met
    meeting._ahead.set(None)


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_nothing_is_left_in_a_request_that_was_met_ahead(lane: Lane, met_ahead: list[Any]) -> None:
    kept: list[dict[str, Any]] = []
    warm_with(lane)
    met_ahead.clear()
    with making(kept.append):
        assert lane.see().hit

    assert [met.variables for met in met_ahead] == kept
    assert meeting._ahead.get() is None
    assert HANDED_OVER not in kept[0]


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
@pytest.mark.parametrize("is_named", [True, False])
def test_who_hears_of_a_request_first_may_write_what_its_page_shows(
    lane: Lane, met_ahead: list[Any], is_named: bool
) -> None:
    """Named or not: that they need not hear of hits does not say that they write nothing."""
    texts = ["old"]

    def writing(**_kwargs: object) -> None:
        texts.append(f"new {len(texts)}")
        invalidate("site")

    lane.configure(REVEAL=None, OUTSIDE=[f"{__name__}.writes_first"] if is_named else [])
    lane.show(showing(lambda _request: texts[-1]))
    writing.__qualname__ = "writes_first"
    for _ in range(4):
        lane.read()
    met_ahead.clear()
    request_started.connect(writing)
    try:
        assert [lane.read() for _ in range(3)] == ["new 1", "new 2", "new 3"]
    finally:
        request_started.disconnect(writing)
    assert not met_ahead


@through(WSGI, stores=(REDIS,))
def test_a_request_that_a_lane_looked_up_is_not_met_again(
    lane: Lane, trips: list[str], met_ahead: list[Any]
) -> None:
    """Though the middleware behind it knows what to guess, of requests that did not come through the lane."""
    texts = ["old"]
    warm_with(lane, lambda _request: texts[-1])
    behind = Client()
    for _ in range(4):
        assert behind.get(PATH).content == b"old"
    met_ahead.clear()
    texts.append("new")
    invalidate("site")

    assert count(trips, lane.read) == 3  # the lane's, the lease, the save
    assert not met_ahead
    assert lane.read() == "new"


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
@pytest.mark.parametrize("local", ["push", "validate", None])
def test_what_this_process_holds_and_is_told_of_is_not_asked_for(
    lane: Lane, met_ahead: list[Any], local: str | None
) -> None:
    warm(lane, LOCAL=local)
    lane.read()

    assert bool(met_ahead) is (local != "push")


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_comes_elsewhere_is_asked_for_in_vain_once(
    lane: Lane, trips: list[str], met_ahead: list[Any]
) -> None:
    """Where a process has two handlers, each with middleware of its own, the last one is taken for who has it."""
    warm_with(lane)
    first, lane._handler = lane.visitor(), None
    last = lane.visitor()
    for client in (first,) * 4 + (last,) * 4:
        client.get()
    met_ahead.clear()
    asked = [count(trips, first.get) for _ in range(3)]

    assert asked == [3, 1, 1]  # the connection is closed, and another one learns who answers
    assert len(met_ahead) == 1
    assert [count(trips, last.get) for _ in range(2)] == [1, 1]


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_django_cannot_make_leaves_the_store_in_step(
    lane: Lane, met_ahead: list[Any]
) -> None:
    texts, errors = ["old"], [OSError("none")]
    warm_with(lane, lambda _request: texts[-1])

    def fails(_environ: object) -> None:
        if errors:
            raise errors.pop()

    with making(fails):
        with pytest.raises(OSError, match="none"):
            lane.read()
        texts.append("new")
        invalidate("site")
        assert [lane.read() for _ in range(3)] == ["new"] * 3
    assert met_ahead
    assert site_store().reading.is_well


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_was_asked_for_a_request_that_did_not_come_is_of_no_use_for_another(
    lane: Lane, met_ahead: list[Any]
) -> None:
    """Though a server says the same of both, in the same mapping."""
    texts, heads = ["old"], []
    errors: list[Exception] = []
    warm_with(lane, lambda _request: texts[-1])
    handler: Any = WSGIHandler()

    def answer(variables: dict[str, Any]) -> bytes:
        response = handler(variables, lambda *head: heads.append(head))
        response.close()
        return b"".join(response)

    def fails(_environ: object) -> None:
        if errors:
            raise errors.pop()

    for _ in range(4):
        assert answer(environ()) == b"old"
    variables = environ()
    errors.append(OSError("none"))
    with making(fails):
        with pytest.raises(OSError, match="none"):
            answer(variables)
        texts.append("new")
        invalidate("site")

        assert met_ahead[-1].variables is variables
        assert answer(variables) == b"new"


Hook = Callable[[HttpRequest], object]


class Hooked(PageCacheMiddleware):
    """A site's own class, which has each request first."""

    hooks: ClassVar[list[Hook]] = []

    def __call__(self, request: HttpRequest) -> Any:
        for hook in self.hooks:
            hook(request)
        return super().__call__(request)


@pytest.fixture(params=["class", "handler"])
def hooks(lane: Lane, request: pytest.FixtureRequest) -> Iterator[list[Hook]]:
    """What code of the site does with each request between Django and the middleware: in a class of it, or before."""
    hooks: list[Hook] = []
    load = ClientHandler.load_middleware

    def wrapped(self: Any, is_async: bool = False) -> None:
        load(self, is_async)
        chain = self._middleware_chain

        def hooked(asked: HttpRequest) -> Any:
            for hook in hooks:
                hook(asked)
            return chain(asked)

        self._middleware_chain = hooked

    with pytest.MonkeyPatch.context() as patched:
        if request.param == "class":
            patched.setattr(Hooked, "hooks", hooks)
            lane.settings.MIDDLEWARE = [f"{__name__}.Hooked", *STOCK]
        else:
            patched.setattr(ClientHandler, "load_middleware", wrapped)
        yield hooks


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_is_changed_of_a_request_before_it_comes_leads_elsewhere(
    lane: Lane, hooks: list[Hook]
) -> None:
    """What a visitor says of their plan counts only until the site has looked at their token."""

    def plan(request: HttpRequest) -> None:
        is_paid = request.META.get("HTTP_X_TOKEN") == "secret"
        request.META["HTTP_X_PLAN"] = "paid" if is_paid else "free"

    lane.configure(REVEAL=None, KEY_HEADERS=["X-Plan"])
    lane.show(showing(lambda request: request.headers.get("X-Plan")))
    hooks.append(plan)
    for _ in range(4):
        assert lane.read(**headers(X_Token="secret")) == "paid"

    assert lane.read(**headers(X_Plan="paid")) == "free"


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_is_written_for_a_request_before_it_comes_is_shown(
    lane: Lane, hooks: list[Hook]
) -> None:
    texts = ["0"]

    def write(_request: HttpRequest) -> None:
        texts.append(str(len(texts)))
        invalidate("site")

    warm_with(lane, lambda _request: texts[-1])
    hooks.append(write)

    assert [lane.read() for _ in range(3)] == ["1", "2", "3"]


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_class_that_keeps_requests_costs_nothing(
    lane: Lane, trips: list[str], met_ahead: list[Any]
) -> None:
    lane.settings.MIDDLEWARE = [f"{__name__}.Hooked", *STOCK]
    warm_with(lane)

    assert count(trips, lane.read) == 1
    assert not met_ahead


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_who_hears_of_requests_no_more_may_write_a_last_time(lane: Lane) -> None:
    """Django tells all who heard of it when it began to tell."""
    texts = ["old"]
    warm_with(lane, lambda _request: texts[-1])

    def second(**_kwargs: object) -> None:
        texts.append("new")
        invalidate("site")

    def first(**_kwargs: object) -> None:
        request_started.disconnect(first)
        request_started.disconnect(second)

    request_started.connect(first)
    request_started.receivers.insert(0, request_started.receivers.pop())
    request_started.connect(second)
    try:
        assert lane.read() == "new"
    finally:
        first()


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_was_asked_for_one_request_is_for_no_other_of_which_nobody_was_told(
    lane: Lane, met_ahead: list[Any]
) -> None:
    lane.configure(REVEAL=None, KEY_HEADERS=["X-Plan"])
    lane.show(showing(lambda request: request.headers.get("X-Plan")))
    for plan in ("paid", "free") * 4:
        lane.read(**headers(X_Plan=plan))
    met_ahead.clear()
    free, paid = (RequestFactory().get(PATH, HTTP_X_PLAN=plan) for plan in ("free", "paid"))
    request_started.send(sender=WSGIHandler, environ=free.META)
    handler: Any = lane.visitor().client.handler

    assert [met.variables for met in met_ahead] == [free.META]
    assert handler.get_response(paid).content == b"paid"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """The connections to a Redis that are opened."""
    lines: list[Line] = []
    opens = Line.open

    def noted(self: Line) -> None:
        lines.append(self)
        opens(self)

    monkeypatch.setattr(Line, "open", noted)
    return lines


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_django_reads_otherwise_costs_no_connection(
    lane: Lane, met_ahead: list[Any], opened: list[Line]
) -> None:
    """What is no UTF-8 stays escaped in a path, but a server says it as it says the letter of another path."""
    lane.configure(REVEAL=None)
    lane.mount(path("page/é/", lane.page(showing(lambda _request: "page"))))
    for _ in range(4):
        assert lane.read("/page/%C3%A9/") == "page"
    opened.clear()
    for _ in range(5):
        assert lane.get("/page/%E9/").status_code == 404

    assert len(met_ahead) == 5
    assert not opened


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_is_announced_before_a_request_comes_costs_no_connection(
    lane: Lane, hooks: list[Hook], opened: list[Line]
) -> None:
    warm_with(lane)
    lane.read()
    hooks.append(lambda _request: invalidate("visits"))
    lane.read()
    opened.clear()
    for _ in range(5):
        assert lane.read() == "page"

    assert not opened


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_was_guessed_of_a_request_that_was_kept_is_guessed_no_more(lane: Lane) -> None:
    """Though whoever kept it has changed what it says."""
    warm_with(lane)
    guesses = meeting.last.guesses
    assert guesses is not None
    variables = RequestFactory().get(PATH).META
    assert guesses.guess(variables) is not None
    request_started.send(sender=WSGIHandler, environ=variables)
    variables["HTTP_HOST"] = "elsewhere.example"
    request_started.send(sender=WSGIHandler)

    assert guesses.guess(RequestFactory().get(PATH).META) is None


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_an_announcement_that_ends_before_a_request_comes_is_heard_of(
    lane: Lane, hooks: list[Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began before the store was asked, in another thread, and its write had returned by then."""
    texts = ["old"]
    warm_with(lane, lambda _request: texts[-1])
    lane.read()
    announce, begun, goes = RedisStore.announce, Event(), Event()

    def slowly(self: RedisStore, *args: Any, **kwargs: Any) -> None:
        begun.set()
        assert goes.wait(30)
        announce(self, *args, **kwargs)

    def write() -> None:
        texts.append("new")
        invalidate("site")

    monkeypatch.setattr(RedisStore, "announce", slowly)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write)
        assert begun.wait(30)

        def waits(_request: HttpRequest) -> None:
            goes.set()
            written.result(30)

        hooks.append(waits)
        assert lane.read() == "new"


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_what_was_asked_for_a_while_ago_is_of_no_use(
    lane: Lane, hooks: list[Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that takes its time may have waited for what another process writes."""
    texts = ["old"]
    warm_with(lane, lambda _request: texts[-1])
    lane.read()
    now = time.monotonic

    def write(_request: HttpRequest) -> None:
        texts.append("new")
        elsewhere = open_store("default", budget=10)
        elsewhere.announce(*_announcement(frozenset({"site"})))
        elsewhere.close()
        monkeypatch.setattr(time, "monotonic", lambda: now() + meeting.MOMENT)

    hooks.append(write)
    assert lane.read() == "new"


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_nothing_is_asked_for_before_a_handler_of_the_site(
    lane: Lane, met_ahead: list[Any]
) -> None:
    warm_with(lane)
    met_ahead.clear()
    for sender in (type("Handler", (WSGIHandler,), {}), None):
        request_started.send(sender=sender, environ=RequestFactory().get(PATH).META)
    assert not met_ahead

    request_started.send(sender=WSGIHandler, environ=RequestFactory().get(PATH).META)
    assert len(met_ahead) == 1


def test_what_is_no_mapping_is_not_met() -> None:
    for environ in ([("a", "b")], 5, ""):
        request_started.send(sender=WSGIHandler, environ=environ)

    assert meeting._ahead.get() is None


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_nobody_sent_is_not_met(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made for a page that has ended, which is there, in a thread of its own."""
    renders: list[str] = []
    met_in: list[str] = []

    def shown(_request: HttpRequest) -> str:
        renders.append(current_thread().name)
        return str(len(renders))

    def is_met() -> bool:
        met_in.append(current_thread().name)
        return False

    monkeypatch.setattr(meeting, "others_begin", is_met)
    lane.configure(REVEAL=None, TIMEOUT=60, STALE_WHILE_REVALIDATE=60)
    lane.show(showing(shown))
    with freeze_time() as clock:
        for _ in range(4):
            lane.read()
        clock.tick(70)
        assert lane.read() == "1"
        until(lambda: lane.read() == "2", "the page that is made anew")

    here = current_thread().name
    assert renders == [here, NAME]
    assert set(met_in) == {here}


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_did_not_come_is_given_up_by_the_next_one(
    lane: Lane, met_ahead: list[Any]
) -> None:
    """Whoever sends that."""
    warm_with(lane)
    met_ahead.clear()
    asked = RequestFactory().get(PATH).META
    request_started.send(sender=WSGIHandler, environ=asked)
    assert len(met_ahead) == 1
    request_started.send(sender=WSGIHandler)

    assert meeting._ahead.get() is None
    assert getgeneratorstate(met_ahead[0].glance._awaited) == GEN_CLOSED
    for _ in range(2):
        request_started.send(sender=WSGIHandler, environ=asked)
    assert len(met_ahead) == 1


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_the_place_of_the_last_request_is_the_next_ones_where_that_of_an_earlier_one_is_gone(
    lane: Lane, met_ahead: list[Any]
) -> None:
    warm_with(lane)
    Client().get("/page/?other")
    met_ahead.clear()
    for _ in range(2):
        assert lane.read() == "page"

    assert len(met_ahead) == 1


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_a_request_that_cannot_be_met_ahead_is_met_where_it_comes(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warm_with(lane)

    def fails() -> bool:
        raise ValueError

    monkeypatch.setattr(meeting, "others_begin", fails)
    with caplog.at_level("DEBUG", "pagecache"):
        assert lane.read() == "page"

    assert lane.renders == 1
    assert "The store is not asked before Django makes a request." in caplog.text


# What may go wrong


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
@pytest.mark.parametrize("said", [5, ["de"], None, b"de"], ids=lambda said: type(said).__name__)
def test_what_is_no_text_is_no_guess(lane: Lane, said: Any) -> None:
    warm(lane)
    client = lane.visitor()

    answers = [client.ask("get", HTTP_ACCEPT_LANGUAGE=said) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 4


@through(MIDDLEWARE_SYNC, WSGI, stores=(REDIS,))
def test_what_was_asked_for_while_an_announcement_was_owed_is_of_no_use_once_it_is_paid(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write returned before the request came; another thread tells of it while the store is asked."""
    texts = ["old"]
    warm_with(lane, lambda _request: texts[-1])
    texts.append("new")
    announcer.owed[object()] = Due(frozenset({"site"}))
    confirms = Meeting._confirms

    def others_pay(self: Meeting, *args: Any) -> bool:
        announcer.announce()
        return confirms(self, *args)

    monkeypatch.setattr(Meeting, "_confirms", others_pay)

    assert lane.read() == "new"


@through(WSGI, stores=(REDIS,))
def test_an_answer_that_nobody_wants_any_more_is_not_taken_for_another(lane: Lane) -> None:
    """Nor are the other connections to the same server closed for that."""
    lane.read()
    store: Any = site_store()
    store.put({"a": b"1", "b": b"2"}, 60)
    idle = store._take()
    asked = store.fetching(("a",))
    next(asked)
    store._idle.give(idle)
    asked.close()

    assert store.fetch(("b",)) == [b"2"]
    assert list(store._idle._things) == [idle]
    assert store.reading.is_well


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_an_answer_that_cannot_be_begun_leaves_the_store_in_step(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_with(lane)
    begins, errors = PlainResponse.__init__, [ResponseError("of another server")]

    def fails(self: PlainResponse) -> None:
        if errors:
            raise errors.pop()
        begins(self)

    monkeypatch.setattr(PlainResponse, "__init__", fails)

    assert [lane.read() for _ in range(2)] == ["page"] * 2
    assert not errors
    assert lane.renders == 1
    assert site_store().reading.is_well


class Hosts:
    """Hosts that are found out each time they are looked at, as sites do whose domains are rows."""

    def __init__(self, find: Callable[[], object]) -> None:
        self._find = find

    def __iter__(self) -> Iterator[str]:
        self._find()
        return iter(["*"])

    def __eq__(self, other: object) -> bool:
        self._find()
        return isinstance(other, Hosts) and other._find is self._find

    __hash__ = None  # type: ignore[assignment]


class Words(NullTranslations):
    """Translations that are found out to be of a language by some code of the site's."""

    def __init__(self, find: Callable[[], object]) -> None:
        super().__init__()
        self._find = find

    def to_language(self) -> str:
        self._find()
        return "en-us"


@through(*GUESSING, stores=(REDIS,))
def test_a_language_that_cannot_be_found_out_leaves_the_store_in_step(lane: Lane) -> None:
    errors: list[Exception] = []

    def speak() -> None:
        trans_real._active.value = Words(find)  # type: ignore[attr-defined]

    def find() -> None:
        if errors:
            raise errors.pop()

    texts = ["old"]
    speak()
    warm_with(lane, lambda _request: texts[-1])
    speak()
    errors.append(ResponseError("MISCONF"))
    seen = [lane.read() for _ in range(3)]

    texts.append("new")
    elsewhere = open_store("default", budget=10)
    elsewhere.announce(*_announcement(frozenset({"site"})))
    elsewhere.close()

    assert not errors
    assert seen == ["old"] * 3
    assert [lane.read() for _ in range(3)] == ["new"] * 3
    assert site_store().reading.is_well


@through(*GUESSING, stores=(REDIS,))
def test_view_answers_where_a_guess_cannot_be_asked_for(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_with(lane)

    def failing(*_args: object, **_kwargs: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(Line, "send", failing)

    assert lane.read() == "page"
    assert lane.renders == 2


def test_guesses_are_few_and_short() -> None:
    guesses, known = Guesses(), Known()
    for number in range(MOST + 5):
        guesses.expect({"PATH_INFO": str(number)}, known)
    guesses.expect({"PATH_INFO": "/", "HTTP_HOST": "x" * MOST_TEXT}, known)

    assert len(guesses._known) == MOST
    assert guesses.guess({"PATH_INFO": "9"}) == known
    assert guesses.guess({"PATH_INFO": "/"}) is None


class Known(Recalled):
    """What is known of requests, of which nothing was read."""

    def __init__(self) -> None:
        """Know nothing."""

    def fits(self, _variables: object) -> bool:
        """Whether one says the same."""
        return True


# How it ends


def hits(lane: Lane) -> list[Any]:
    """Ask until a page is served at a glance."""
    lane.configure(REVEAL=None)
    lane.show(showing(lambda _request: "page"))
    return [lane.get() for _ in range(4)]


@through(*MIDDLEWARE)
def test_who_hears_of_the_end_of_requests_hears_of_that_of_hits(lane: Lane) -> None:
    ended: list[Any] = []

    def hears(**kwargs: Any) -> None:
        ended.append(kwargs)

    request_finished.connect(hears)
    try:
        answers = hits(lane)
    finally:
        request_finished.disconnect(hears)
    assert [status(answer).hit for answer in answers] == [False, True, True, True]
    assert len(ended) == 4


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The ends of requests that were told."""
    told: list[Any] = []
    send = request_finished.send

    def noted(**kwargs: Any) -> Any:
        told.append(kwargs)
        return send(**kwargs)

    monkeypatch.setattr(request_finished, "send", noted)
    return told


@through(MIDDLEWARE_SYNC)
def test_nobody_is_told_of_the_end_of_a_hit_where_nothing_is_to_be_ended(
    lane: Lane, ends: list[Any]
) -> None:
    answers = hits(lane)

    assert [status(answer).hit for answer in answers] == [False, True, True, True]
    assert len(ends) == 2  # the first look-up learned the way
    assert current_patience() is None
    last = current.get()
    assert last is None or last.is_over
    assert answers[-1].closed


def test_what_a_hit_holds_open_is_closed() -> None:
    closed: list[str] = []

    def failing() -> None:
        closed.append("fails")
        raise OSError

    response: Any = PlainResponse()
    response._resource_closers.extend([failing, partial(closed.append, "closes")])
    response.close()

    assert closed == ["fails", "closes"]
    assert response.closed


def test_a_response_tells_its_headers_as_others_do() -> None:
    entry = Entry(b"", (), 200, (("Content-Type", "text/plain"), ("X-A", "b")), b"body", 0.0)
    response = PlainResponse().showing(entry)

    assert list(response.items()) == list(response.headers.items())
    response["X-C"] = "d"
    assert list(response.items()) == list(response.headers.items())
    assert (response.content, response.status_code) == (b"body", 200)


def test_a_response_is_as_django_makes_one() -> None:
    shown = PlainResponse().showing(Entry(b"", (), 200, (), b"body", 0.0))

    mine, made = vars(shown), vars(HttpResponse(b"body", content_type=""))
    assert mine.keys() == made.keys()
    assert all(mine[name] == made[name] for name in plain.BLANK)
    assert {name: type(value) for name, value in mine.items()} == {
        name: type(value) for name, value in made.items()
    }


def test_responses_for_one_page_share_nothing() -> None:
    entry = Entry(b"", (), 200, (("X-A", "b"),), b"body", 0.0)
    held = Held(entry, b"", ())
    one, other = (PlainResponse().showing(entry, held) for _ in range(2))

    one["X-A"] = "c"
    one.set_cookie("name", "value")

    assert (other["X-A"], len(other.cookies)) == ("b", 0)
    constant = type(None), bool
    assert not [
        name
        for name, value in vars(one).items()
        if value is vars(other)[name] and not isinstance(value, constant)
    ]


def loaded_anew(name: str) -> Any:
    """Return a module as it would be if it were imported now; others keep what they have of it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("is_before", [True, False])
def test_a_response_has_what_others_give_to_all_and_shares_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, is_before: bool
) -> None:
    """Who puts their own in the place of Django's `__init__` may do so before the module is imported, or later."""
    init = HttpResponseBase.__init__

    def more(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.notes = []

    monkeypatch.setattr(HttpResponseBase, "__init__", more)
    made = loaded_anew("pagecache.bridge.plain").PlainResponse if is_before else PlainResponse
    entry = Entry(b"", (), 200, (), b"body", 0.0)
    responses: list[Any] = [made().showing(entry) for _ in range(2)]

    responses[0].notes.append("of one visitor")
    assert responses[1].notes == []
    assert responses[1].content == b"body"


def begins(**_kwargs: object) -> None:
    """Begin something with a request."""


@through(MIDDLEWARE_SYNC)
@pytest.mark.parametrize("is_named", [True, False])
def test_who_begins_something_with_a_request_is_told_of_its_end(
    lane: Lane, ends: list[Any], is_named: bool
) -> None:
    lane.configure(OUTSIDE=[f"{__name__}.{begins.__qualname__}"] if is_named else [])
    request_started.connect(begins)
    try:
        hits(lane)
    finally:
        request_started.disconnect(begins)

    assert len(ends) == 4


@through(MIDDLEWARE_SYNC)
def test_a_hit_from_a_table_ends_as_other_requests_do(lane: Lane, ends: list[Any]) -> None:
    lane.settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "meeting_table",
        }
    }
    call_command("createcachetable", verbosity=0)

    assert [text(answer) for answer in hits(lane)] == ["page"] * 4
    assert len(ends) == 4


def environ() -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/page/",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_HOST": "testserver",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }


@through(MIDDLEWARE_SYNC, WSGI, stores=(REDIS,))
def test_a_hit_leaves_no_connection_that_was_opened_to_find_out_its_hosts(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def find() -> None:
        connection.ensure_connection()
        done.append("opened")

    def ended(self: BaseDatabaseWrapper) -> None:
        done.append("closed")

    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", ended)
    lane.settings.ALLOWED_HOSTS = Hosts(find)
    warm_with(lane)
    django, heads = WSGIHandler(), []
    handler: Any = wsgi.PageCache(django) if lane.kind is WSGI else django
    for _ in range(5):
        response: Any = handler(environ(), lambda *head: heads.append(head))
        response.close()

    assert "hit" in str(heads[-1])
    assert "opened" in done
    assert done[-1] == "closed"


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
def test_who_hears_in_the_name_of_another_hears_of_hits_too(lane: Lane) -> None:
    heard: list[object] = []

    @wraps(close_old_connections)
    def hears(**_kwargs: object) -> None:
        heard.append(hears)

    warm_with(lane)
    request_finished.connect(hears)
    try:
        hit = lane.see().hit
    finally:
        request_finished.disconnect(hears)

    assert hit
    assert heard == [hears]
