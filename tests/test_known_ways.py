"""A request that says what another one said is led to the same page; one that differs in what counts is not.

Each case comes three times as it is, so that its way is known, and then otherwise in one thing.
"""

from __future__ import annotations

import gc
import gzip
import io
import math
import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_offset
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import request_finished, setting_changed
from django.db import connections, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import path
from django.utils import timezone, translation
from django.utils.translation import trans_real
from freezegun import freeze_time

from pagecache import conf, invalidate, meeting
from pagecache.announcing import Due, announcer, site_store
from pagecache.bridge import outgoing, plain, routes
from pagecache.bridge.addresses import address_in_scope
from pagecache.bridge.arrivals import ALL, Watched, is_in_scope, variables_in, watched
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.plain import Dressed, plainly
from pagecache.bridge.ways import MOST_ALIKE, MOST_TEXT, Alike, Recalled, Ways, _all
from pagecache.core import codec
from pagecache.core.codec import FOREVER, Entry, decode
from pagecache.core.types import QUERY, Input, Way
from pagecache.engine.glancing import Glance
from pagecache.engine.visit import barred, local, recipes
from pagecache.news import news
from pagecache.recording import ambient
from pagecache.stores.heard import Heard, clock
from pagecache.stores.local import Held
from tests.lanes import (
    ASGI,
    FAST,
    MIDDLEWARE,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    PAGECACHE,
    REDIS,
    STOCK,
    WSGI,
    Lane,
    hear,
    noting_not_at_hand,
    showing,
    status,
    text,
    through,
)
from tests.site.factories import make_author
from tests.test_leases import come, slow
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)
LANES = (*MIDDLEWARE, WSGI, ASGI)
REVEAL = "tests.lanes_site.access.everybody"
LOCALE = "django.middleware.locale.LocaleMiddleware"
MIDWAY = STOCK.index("django.contrib.sessions.middleware.SessionMiddleware") + 1

Asked = dict[str, Any]


def headers(**named: str) -> Asked:
    return {"headers": {name.replace("_", "-"): value for name, value in named.items()}}


class Case(NamedTuple):
    """What a page shows, for whom, and who differs in one thing and is shown something else, if anything."""

    shows: Callable[[HttpRequest], object] = lambda _request: "page"
    plain: Asked = {}
    differs: Asked = {}
    other: str = "page"
    django: dict[str, Any] = {}
    pagecache: dict[str, Any] = {}


LANGUAGES = {
    "LANGUAGES": [("en", "English"), ("de", "Deutsch")],
    "MIDDLEWARE": [PAGECACHE, *STOCK[:MIDWAY], LOCALE, *STOCK[MIDWAY:]],
}
ANY_HOST = {"ALLOWED_HOSTS": ["*"]}
CASES = {
    "a session": Case(differs={"cookies": {"sessionid": "x"}}),
    "a session beside what nobody reads": Case(
        plain={"cookies": {"_ga": "1"}}, differs={"cookies": {"_ga": "2", "sessionid": "x"}}
    ),
    "credentials": Case(differs=headers(Authorization="Bearer 1")),
    "chunks of a body": Case(differs=headers(Transfer_Encoding="chunked")),
    "another method": Case(differs=headers(X_HTTP_Method_Override="DELETE")),
    "a range": Case(differs=headers(Range="bytes=0-1")),
    "a precondition": Case(differs=headers(If_Match='"x"')),
    "a credential in the query": Case(differs={"path": "/page/?token=1"}),
    "a parameter": Case(
        lambda request: request.GET.get("q"), {"path": "/page/?q=1"}, {"path": "/page/?q=2"}, "2"
    ),
    "a declared header": Case(
        lambda request: request.headers.get("X-Plan"),
        headers(X_Plan="free"),
        headers(X_Plan="paid"),
        "paid",
        pagecache={"KEY_HEADERS": ["X-Plan"]},
    ),
    "a header that is not declared": Case(
        lambda request: request.headers.get("X-Plan"), {}, headers(X_Plan="paid"), "paid"
    ),
    "a declared cookie": Case(
        lambda request: request.COOKIES.get("theme"),
        {"cookies": {"theme": "light"}},
        {"cookies": {"theme": "dark"}},
        "dark",
        pagecache={"KEY_COOKIES": ["theme"]},
    ),
    "a cookie that is not declared": Case(
        lambda request: request.COOKIES.get("theme"), {}, {"cookies": {"theme": "dark"}}, "dark"
    ),
    "the scheme": Case(lambda request: request.scheme, {}, {"secure": True}, "https"),
    "the scheme that a proxy tells": Case(
        lambda request: request.scheme,
        {},
        headers(X_Forwarded_Proto="https"),
        "https",
        {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
    ),
    "the host": Case(
        lambda request: request.get_host(), {}, headers(Host="b.example"), "b.example", ANY_HOST
    ),
    "the host that a proxy tells": Case(
        lambda request: request.get_host(),
        {},
        headers(X_Forwarded_Host="b.example"),
        "b.example",
        {**ANY_HOST, "USE_X_FORWARDED_HOST": True},
    ),
    "the language that is asked for": Case(
        lambda _request: translation.get_language(),
        headers(Accept_Language="en"),
        headers(Accept_Language="de"),
        "de",
        LANGUAGES,
    ),
    "the language that was chosen": Case(
        lambda _request: translation.get_language(),
        {"cookies": {"_ga": "1"}},
        {"cookies": {"_ga": "2", "django_language": "de"}},
        "de",
        LANGUAGES,
    ),
    "what caches are told": Case(
        differs=headers(Cache_Control="no-cache"), pagecache={"OBEY_REQUEST_DIRECTIVES": True}
    ),
    "an agent that is turned away": Case(
        differs=headers(User_Agent="evil"),
        other="",
        django={"DISALLOWED_USER_AGENTS": [re.compile("evil")]},
    ),
}


@pytest.fixture(autouse=True)
def _nothing_active() -> Iterator[None]:
    yield
    translation.deactivate()
    timezone.deactivate()


def ways_known() -> int:
    return sum(len(alike.known) for place in _all for alike in place._alike.values())


def addresses_known() -> int:
    return sum(len(place._alike) for place in _all)


def pages_sent_plainly() -> int:
    return sum(held.dressed is not None for held in local.held.values())


def judge(lane: Lane, case: Case) -> None:
    """Ask as the case says."""
    lane.show(showing(case.shows))
    hear()
    first = [lane.get(**case.plain) for _ in range(4)]

    other = lane.get(**case.differs)

    assert [status(answer).hit for answer in first] == [False, True, True, True]
    assert ways_known()
    assert not status(other).hit
    assert not case.other or text(other) == case.other
    assert status(lane.get(**case.plain)).hit


def set_up(lane: Lane, case: Case, **pagecache: Any) -> None:
    for name, value in case.django.items():
        setattr(lane.settings, name, value)
    lane.configure(**case.pagecache, **pagecache)


@pytest.mark.parametrize("name", CASES)
def test_whoever_differs_in_what_counts_is_not_led_to_the_page(lane: Lane, name: str) -> None:
    set_up(lane, CASES[name])

    judge(lane, CASES[name])


@pytest.fixture
def dressed(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """The pages that were served at a glance."""
    served: list[Entry] = []
    of_entry, of_held = outgoing.fields_at, plain.dressed

    def fields_at(entry: Entry, now: float) -> plain.Fields:
        served.append(entry)
        return of_entry(entry, now)

    def dressed(held: Held) -> Dressed:
        served.append(held.entry)
        return of_held(held)

    monkeypatch.setattr(plain, "fields_at", fields_at)
    monkeypatch.setattr(plain, "dressed", dressed)
    return served


@through(*MIDDLEWARE, *FAST)
@pytest.mark.parametrize("local", [None, "validate"])
@pytest.mark.parametrize("name", CASES)
def test_whoever_differs_in_what_counts_is_not_served_at_a_glance(
    lane: Lane, dressed: list[Entry], name: str, local: str | None
) -> None:
    case = CASES[name]
    set_up(lane, case, LOCAL=local, REVEAL=None)

    judge(lane, case)

    assert dressed or "OBEY_REQUEST_DIRECTIVES" in case.pagecache  # each request may say something
    again = lane.get(**case.differs)
    assert not case.other or text(again) == case.other
    assert case.other != "page" or not status(again).hit


@through(*MIDDLEWARE, *FAST)
def test_who_is_told_more_gets_the_same_page_at_a_glance(lane: Lane, dressed: list[Entry]) -> None:
    lane.show(showing(lambda _request: "page"))
    told = [status(lane.get()) for _ in range(4)]
    lane.configure(REVEAL=None)
    untold = [status(lane.get()) for _ in range(4)]

    assert [each.hit for each in (*told, *untold)] == [False, *[True] * 7]
    assert {each.key is None for each in told} == {False}
    assert {each.key for each in untold} == {None}
    assert dressed


def sync_only(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Return middleware that takes no event loop: what stands before it is sync, too."""

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware


def whereabouts(request: HttpRequest) -> str:
    return f"{request.scheme} {request.path}"


SCOPES = {
    "the scheme": ({"scheme": "http"}, {"scheme": "https"}, "https /page/"),
    "the path": (
        {"root_path": "/x", "path": "/x/page/"},
        {"root_path": "/x", "path": "/page/"},
        "http /page/",
    ),
}


@through(MIDDLEWARE_ASYNC, stores=(REDIS,))
@pytest.mark.parametrize("name", SCOPES)
def test_whoever_differs_is_not_guessed_where_sync_middleware_is_on_an_event_loop(
    lane: Lane, name: str
) -> None:
    guessed, differs, expected = SCOPES[name]
    lane.middleware_inside(f"{__name__}.sync_only")
    lane.show(showing(whereabouts))

    def shown(scope: dict[str, Any]) -> str:
        visitor = lane.visitor()
        visitor.client.scope = scope
        return text(visitor.get())

    before = {shown(guessed) for _ in range(5)}
    assert lane.renders == 1
    assert expected not in before
    assert [shown(differs) for _ in range(3)] == [expected] * 3


@through(MIDDLEWARE_SYNC, stores=(REDIS,))
@pytest.mark.parametrize("name", ["path", "path_info"])
def test_a_request_that_was_changed_before_is_not_guessed(lane: Lane, name: str) -> None:
    view = lane.page(showing(lambda request: vars(request).get(name)))
    lane.mount(path("page/", view), path("other/", view))
    before = {lane.read() for _ in range(5)}
    assert lane.renders == 1
    handler = lane.visitor().client.handler
    answer = handler._middleware_chain

    def changed(request: HttpRequest) -> Any:
        setattr(request, name, "/other/")
        return answer(request)

    handler._middleware_chain = changed
    assert lane.read() not in before


@pytest.fixture
def not_at_hand(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the WSGI lane did not find at hand."""
    return noting_not_at_hand(monkeypatch)


def have_at_hand(
    lane: Lane,
    not_at_hand: list[Any],
    view: Callable[[HttpRequest], object],
    pagecache: dict[str, Any] | None = None,
    **asked: Any,
) -> list[str]:
    """Ask for such a page until it is at hand; return what the first ones were."""
    lane.configure(LOCAL="push", REVEAL=None, **(pagecache or {}))
    lane.show(showing(view))
    hear()
    first = [lane.read(**asked) for _ in range(3)]
    until_at_hand(lane, not_at_hand, **asked)
    return first


def the_page(_request: HttpRequest) -> str:
    return "page"


def until_at_hand(lane: Lane, not_at_hand: list[Any], **asked: Any) -> None:
    def is_at_hand() -> bool:
        not_at_hand.clear()
        return status(lane.get(**asked)).hit and not not_at_hand

    until(is_at_hand, "no page at hand")


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("name", CASES)
def test_whoever_differs_in_what_counts_is_not_sent_a_page_at_hand(
    lane: Lane, not_at_hand: list[Any], name: str
) -> None:
    case = CASES[name]
    set_up(lane, case, LOCAL="push", REVEAL=None)

    judge(lane, case)

    if "OBEY_REQUEST_DIRECTIVES" not in case.pagecache:  # then each request may say something
        until_at_hand(lane, not_at_hand, **case.plain)
    again = lane.get(**case.differs)
    assert not case.other or text(again) == case.other
    assert case.other != "page" or not status(again).hit


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize(
    "options",
    [
        {"VERIFY": 1.0},
        {"SHADOW": True},
        {"EARLY_REFRESH": 1.0},
        {"MIN_HITS": 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_page_that_is_not_served_as_a_matter_of_course_is_not_at_hand(
    lane: Lane, options: dict[str, Any]
) -> None:
    lane.configure(**{"LOCAL": "push", "REVEAL": None, **options})
    lane.show(showing(lambda _request: "page"))
    hear()

    assert [lane.read() for _ in range(8)] == ["page"] * 8
    assert ways_known()
    assert not pages_sent_plainly()


@through(WSGI, stores=(REDIS,))
def test_what_nobody_read_of_visitors_keeps_no_page_from_their_hands(
    lane: Lane, not_at_hand: list[Any]
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    visitors = [
        {"cookies": {"_ga": str(number)}, **headers(User_Agent=f"browser {number}")}
        for number in range(5)
    ]

    def are_at_hand() -> bool:
        not_at_hand.clear()
        return [lane.read(**visitor) for visitor in visitors] == ["page"] * 5 and not not_at_hand

    until(are_at_hand, "a page is not at hand for all")
    assert [lane.read(cookies={"sessionid": "x"}) for _ in range(2)] == ["page"] * 2
    assert len(not_at_hand) == 2


@through(WSGI, ASGI, stores=(REDIS,))
def test_who_is_told_more_is_so_while_the_page_stands_without_a_question(lane: Lane) -> None:
    lane.configure(LOCAL="push", REVEAL=REVEAL)
    lane.show(showing(lambda _request: "page"))
    hear()

    told = [status(lane.get()) for _ in range(8)]

    assert {(each.hit, each.key is not None) for each in told[1:]} == {(True, True)}


def listener() -> Any:
    store: Any = site_store()
    return store._listener


def another(held: Held) -> Held:
    """Return another page that is held in the same place, and stands."""
    entry = held.entry._replace(material=b"another")
    made = Held(entry, held.vector, held.keys, held.seen)
    made.dressed, made.heard = held.dressed, held.heard
    return made


Change = Callable[[pytest.MonkeyPatch, Recalled, Held], object]
SINCE_THEN: dict[str, Change] = {
    "it is held no more": lambda _patch, _known, _held: local.clear(),
    "a moment has passed": lambda patch, _known, held: patch.setattr(
        held, "dressed", held.dressed._replace(until=0.0)
    ),
    "the clock was set back": lambda patch, _known, held: patch.setattr(
        held, "dressed", held.dressed._replace(since=time.time() + 60, until=time.time() + 61)
    ),
    "another page has its key": lambda patch, known, held: patch.setitem(
        local.held, known.key, another(held)
    ),
    "its route is forgotten": lambda _patch, _known, _held: routes.remembered.clear(),
    "more is read of its path": lambda patch, known, _held: patch.setitem(
        recipes, known.path, (Input(QUERY, "more"),)
    ),
    "its path is barred": lambda patch, known, _held: patch.setitem(
        barred, known.path, time.time() + 60
    ),
    "an announcement is owed": lambda patch, _known, _held: patch.setitem(
        announcer.owed, "once", Due(frozenset({"another"}))
    ),
    "another server is looked up on": lambda _patch, _known, _held: listener().hold_to("another:"),
    "a version has moved": lambda _patch, _known, held: listener().moved(held.keys[:1]),
    "any version may have moved": lambda _patch, _known, _held: listener().heard.moved(None),
}


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("name", SINCE_THEN)
def test_a_page_is_not_at_hand_once_something_has_changed(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()

    SINCE_THEN[name](monkeypatch, led_to(held), held)
    shown = lane.read()

    assert not_at_hand
    assert shown == "page"


@through(WSGI, stores=(REDIS,))
def test_a_page_at_hand_is_of_those_who_are_told_no_more_than_others(
    lane: Lane, not_at_hand: list[Any]
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()
    known = led_to(held)
    others = copy(known)
    others.is_sent_as_it_is = False

    found = [meeting.at_hand(one) is not None for one in (known, others, known)]

    assert found == [True, False, True]


@through(WSGI, stores=(REDIS,))
def test_whether_a_page_at_hand_stands_is_looked_at_only_after_news(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()
    known, stands, looks = led_to(held), meeting._stands, []

    def looking(*of: Any) -> bool:
        looks.append(of)
        return stands(*of)

    monkeypatch.setattr(meeting, "_stands", looking)

    for _ in range(3):
        meeting.at_hand(known)
    news.tell()
    for _ in range(3):
        meeting.at_hand(known)

    assert len(looks) == 1


@through(WSGI, stores=(REDIS,))
def test_a_moment_that_passes_while_a_page_is_looked_at_is_over(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()
    known, stands = led_to(held), meeting._stands

    def slowly(*of: Any) -> bool:
        held.dressed = held.dressed._replace(until=time.time() - 1)
        return stands(*of)

    monkeypatch.setattr(meeting, "_stands", slowly)
    news.tell()

    assert meeting.at_hand(known) is None


@through(WSGI, stores=(REDIS,))
def test_a_page_is_at_hand_while_another_thread_writes(lane: Lane, not_at_hand: list[Any]) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    wrote, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with suppress(InterruptedError), transaction.atomic():
            make_author()
            wrote.set()
            may_end.wait(10)
            raise InterruptedError
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write)
        assert wrote.wait(10)
        until_at_hand(lane, not_at_hand)
        may_end.set()
        written.result()


@through(WSGI, stores=(REDIS,))
def test_a_listener_that_catches_up_while_a_page_is_looked_at_lets_no_old_one_stand(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()
    silent, latest = Heard("", 1.0, 10), news.latest
    monkeypatch.setattr(held, "heard", silent)

    class CatchingUp:
        @property
        def latest(self) -> object:
            silent.prove(clock())
            silent.prove(clock())
            return latest

    monkeypatch.setattr(held, "stood", (led_to(held), latest))
    monkeypatch.setattr(meeting, "news", CatchingUp())
    lane.read()

    assert silent.is_proven
    assert not_at_hand


def led_to(held: Held) -> Recalled:
    """Return what is known of those who are led to a page that is held."""
    (found,) = (
        known
        for place in _all
        for alike in place._alike.values()
        for known in alike.known.values()
        if local.held.get(known.key) is held
    )
    return found


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("name", SINCE_THEN)
def test_what_changes_while_a_page_is_looked_at_is_seen_by_the_next_request(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()
    stands, looks = meeting._stands, []

    def changing(*looked_at: Any) -> bool:
        monkeypatch.setattr(meeting, "_stands", stands)
        found = stands(*looked_at)
        looks.append(found)
        SINCE_THEN[name](monkeypatch, led_to(held), held)
        return found

    monkeypatch.setattr(meeting, "_stands", changing)
    news.tell()
    shown = [lane.read() for _ in range(2)]

    assert looks == [True]
    assert not_at_hand
    assert shown == ["page"] * 2


def active(_request: object = None) -> str:
    return f"{translation.get_language()} {timezone.get_current_timezone_name()}"


BESIDE: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "a language is active": lambda _patch: translation.activate("de"),
    "a time zone is active": lambda _patch: timezone.activate(ZoneInfo("Asia/Tokyo")),
    "the language of the site": lambda patch: patch.setattr(django_settings, "LANGUAGE_CODE", "fr"),
    "languages are held elsewhere": lambda patch: patch.setattr(
        trans_real, "_active", SimpleNamespace(value=translation.trans_real.translation("de"))
    ),
}


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("name", BESIDE)
def test_a_page_at_hand_is_of_what_is_active(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = have_at_hand(lane, not_at_hand, active)

    BESIDE[name](monkeypatch)
    expected = active()

    assert expected not in before
    assert [lane.read() for _ in range(3)] == [expected] * 3


@through(WSGI, stores=(REDIS,))
def test_a_page_is_at_hand_again_where_another_language_was_active_once(
    lane: Lane, not_at_hand: list[Any]
) -> None:
    have_at_hand(lane, not_at_hand, active)
    for language in ("en", "de", "en"):
        translation.activate(language)
        until_at_hand(lane, not_at_hand)
        assert lane.read().startswith(language)


@through(WSGI, stores=(REDIS,))
def test_a_page_is_at_hand_for_each_of_visitors_who_take_turns(
    lane: Lane, not_at_hand: list[Any]
) -> None:
    lane.configure(LOCAL="push", REVEAL=None, KEY_HEADERS=["X-Plan"])
    lane.show(showing(lambda request: request.headers.get("X-Plan")))
    hear()
    plans = [headers(X_Plan=plan) for plan in ("free", "paid")]
    for _ in range(3):
        for plan in plans:
            lane.read(**plan)

    def are_at_hand() -> bool:
        not_at_hand.clear()
        return [lane.read(**plan) for plan in plans] == ["free", "paid"] and not not_at_hand

    until(are_at_hand, "a page is not at hand for both")


@through(WSGI, stores=(REDIS,))
def test_a_page_at_hand_is_of_the_settings(
    lane: Lane, not_at_hand: list[Any], settings: Any
) -> None:
    forwarded = headers(X_Forwarded_Proto="https")
    have_at_hand(lane, not_at_hand, lambda request: request.scheme, **forwarded)

    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert [lane.read(**forwarded) for _ in range(3)] == ["https"] * 3


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize(
    "asked", [headers(If_None_Match="{etag}"), headers(Range="bytes=0-1")], ids=["known", "a part"]
)
def test_who_wants_less_than_a_page_at_hand_gets_that(
    lane: Lane, not_at_hand: list[Any], asked: dict[str, Any]
) -> None:
    have_at_hand(lane, not_at_hand, the_page, pagecache={"RANGES": True})
    etag = lane.get()["ETag"]

    answer = lane.get(headers={name: f.format(etag=etag) for name, f in asked["headers"].items()})

    assert answer.status_code == (304 if "If-None-Match" in asked["headers"] else 206)


@through(WSGI, stores=(REDIS,))
def test_a_page_is_shown_where_it_cannot_be_found_out_whether_it_is_at_hand(
    lane: Lane, not_at_hand: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    have_at_hand(lane, not_at_hand, the_page)
    (held,) = local.held.values()

    monkeypatch.setattr(held, "heard", object())  # which tells nothing

    assert lane.read() == "page"


@through(WSGI, stores=(REDIS,))
def test_a_page_is_not_at_hand_while_something_written_is_not_announced(
    lane: Lane, not_at_hand: list[Any]
) -> None:
    have_at_hand(lane, not_at_hand, the_page)

    with transaction.atomic():
        make_author()
        shown = lane.read()

    assert not_at_hand
    assert shown == "page"


@through(WSGI, MIDDLEWARE_SYNC, stores=(REDIS,))
@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "DISALLOWED_USER_AGENTS"])
def test_settings_may_be_tuples(lane: Lane, settings: Any, name: str) -> None:
    settings.ALLOWED_HOSTS, settings.DISALLOWED_USER_AGENTS = ["*"], []
    setattr(settings, name, tuple(getattr(settings, name)))
    lane.show(showing(lambda _request: "page"))
    for _ in range(3):
        lane.read()
    before = ways_known()

    for _ in range(5):
        lane.read()

    assert before
    assert ways_known() == before


@through(MIDDLEWARE_SYNC, WSGI)
def test_hosts_that_change_while_it_is_found_out_what_is_active_are_others(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts, asked, name_of = ["testserver", "a.example"], headers(Host="a.example"), ambient.name_of
    lane.settings.ALLOWED_HOSTS = hosts
    lane.configure(REVEAL=None)
    lane.show(showing(lambda request: request.get_host()))
    translation.activate("en")
    assert [lane.read(**asked) for _ in range(4)] == ["a.example"] * 4

    def others_remove_it(zone: tzinfo) -> str | None:
        if "a.example" in hosts:
            hosts.remove("a.example")
        return name_of(zone)

    monkeypatch.setattr(ambient, "name_of", others_remove_it)
    translation.activate("de")
    lane.get()
    translation.activate("en")

    assert lane.get(**asked).status_code == 400


def test_what_is_active_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may change what all have where nothing is active, and change it back."""
    translation.deactivate()
    timezone.deactivate()
    tokyo, berlin = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
    zones, name_of = iter([tokyo, berlin, tokyo]), ambient.name_of
    monkeypatch.setattr(timezone, "get_default_timezone", lambda: next(zones))

    def while_others_set_the_language(zone: tzinfo) -> str | None:
        monkeypatch.setattr(django_settings, "LANGUAGE_CODE", "de")
        return name_of(zone)

    monkeypatch.setattr(ambient, "name_of", while_others_set_the_language)

    *_, beside = address_in_scope({"method": "GET"}) or ()

    assert isinstance(beside, tuple)
    assert beside[:2] == ("en", "Asia/Tokyo")


class Tenants:
    """Hosts that are found out each time, and are equal to all others that are found out so."""

    def __init__(self, hosts: list[str]) -> None:
        self.hosts: list[str] | None = hosts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tenants)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[str]:
        if self.hosts is None:
            raise LookupError
        return iter(self.hosts)

    def __copy__(self) -> Tenants:
        raise TypeError


@pytest.mark.parametrize("local", [None, "validate"])
def test_hosts_that_are_found_out_are_told_apart_by_what_is_found(
    lane: Lane, local: str | None
) -> None:
    tenants, asked = Tenants(["testserver", "a.example"]), headers(Host="a.example")
    lane.settings.ALLOWED_HOSTS = tenants
    lane.configure(REVEAL=None, LOCAL=local)
    lane.show(showing(lambda request: request.get_host()))
    assert [lane.read(**asked) for _ in range(4)] == ["a.example"] * 4

    tenants.hosts = ["testserver"]

    assert lane.get(**asked).status_code == 400


@pytest.mark.parametrize("local", [None, "validate"])
def test_hosts_that_cannot_be_found_out_stop_nobody_who_does_not_ask(
    lane: Lane, local: str | None
) -> None:
    lane.settings.ALLOWED_HOSTS = tenants = Tenants(["testserver"])
    lane.configure(REVEAL=None, LOCAL=local)
    lane.middleware()
    lane.show(showing(lambda _request: "page"))
    for _ in range(4):
        lane.read()

    tenants.hosts = None

    assert [lane.read() for _ in range(3)] == ["page"] * 3


def heard(**_kwargs: Any) -> None:
    """Hear of the end of a request: the fast lane leaves all to Django then."""


@through(WSGI, ASGI)
@pytest.mark.parametrize(
    "asked",
    [{"cookies": {"sessionid": "x"}}, headers(Authorization="Bearer 1")],
    ids=["session", "credentials"],
)
def test_whoever_waited_for_a_page_leads_nobody_past_the_rules(lane: Lane, asked: Asked) -> None:
    lane.configure(WAIT_SECONDS=30)
    lane.show(slow())
    come(lane)
    request_finished.connect(heard)
    try:
        other = lane.see(**asked)
    finally:
        request_finished.disconnect(heard)

    assert not other.hit
    assert other.reason


def other_language() -> None:
    translation.activate("de")


def other_zone() -> None:
    timezone.activate("Asia/Tokyo")


def other_name_of_the_zone() -> None:
    timezone.activate(fixed_offset(timedelta(hours=1), "Beta"))


def other_hosts() -> None:
    django_settings.ALLOWED_HOSTS = ["elsewhere.example"]  # without a word of it


def hosts_taken_away() -> None:
    django_settings.ALLOWED_HOSTS.clear()


def agents_turned_away() -> None:
    django_settings.DISALLOWED_USER_AGENTS.append(re.compile(""))


CHANGES = [
    *(other_language, other_zone, other_name_of_the_zone),
    *(other_hosts, hosts_taken_away, agents_turned_away),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_active_when_a_request_comes_counts(
    lane: Lane, change: Callable[[], None], settings: Any
) -> None:
    settings.ALLOWED_HOSTS, settings.DISALLOWED_USER_AGENTS = ["*"], []
    timezone.activate(fixed_offset(timedelta(hours=1), "Alpha"))
    lane.show(showing(lambda _request: "page"))
    seen = [lane.see() for _ in range(3)]

    change()

    assert [one.hit for one in seen] == [False, True, True]
    assert not lane.see().hit


def test_setting_that_changes_ends_all_ways(lane: Lane, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    lane.show(showing(lambda request: request.get_host()))
    asked = headers(X_Forwarded_Host="b.example")
    seen = [text(lane.get(**asked)) for _ in range(3)]

    settings.USE_X_FORWARDED_HOST = True

    assert len(set(seen)) == 1
    assert "b.example" not in seen
    assert text(lane.get(**asked)) == "b.example"


def test_way_that_was_found_by_old_settings_is_not_kept() -> None:
    ways, request = Ways(), RequestFactory().get("/page/")
    asked = DjangoAsked(watched(request), derives_language=False)
    ways.watch(("address",), request.META, asked)

    setting_changed.send(None, setting="USE_X_FORWARDED_HOST", value=True, enter=True)
    asked.found_way(Way((), b"", "key"))

    assert ways.recall(("address",), request.META) is None


@through(MIDDLEWARE_SYNC, WSGI)
def test_what_a_decorator_states_of_another_path_ends_no_way(lane: Lane) -> None:
    inner = lane.page(showing(lambda _request: "inner"), timeout=60)

    def hidden(request: HttpRequest) -> Any:
        return inner(request)

    page = lane.page(showing(lambda _request: "page"))
    lane.mount(path("page/", page), path("other/", hidden))
    known = [lane.read() for _ in range(3)]
    before = ways_known()

    other = lane.read("/other/")

    assert [*known, other] == ["page", "page", "page", "inner"]
    assert lane.see().hit
    assert ways_known() == before  # else it would have been learned anew


def test_cookies_of_one_do_not_end_the_ways_of_others(lane: Lane) -> None:
    lane.configure(KEY_COOKIES=["theme"])
    lane.show(showing(lambda request: request.COOKIES.get("theme")))
    for number in range(3):
        lane.read(cookies={"_ga": str(number)})

    odd = [lane.read(cookies={"xtheme": "1"}), *(lane.read(cookies={"theme": "a"}) for _ in "123")]
    before = ways_known()
    others = [lane.read(cookies={"_ga": str(number)}) for number in range(10, 20)]

    assert odd == ["None", "a", "a", "a"]
    assert others == ["None"] * 10
    assert ways_known() == before  # led by what they have in common


def test_variable_without_a_value_is_not_absent() -> None:
    ways = Ways()
    request = RequestFactory().get("/page/")
    asked = DjangoAsked(watched(request), derives_language=False)
    assert "HTTP_AUTHORIZATION" not in asked.meta
    ways.watch(("address",), request.META, asked)
    asked.found_way(Way((), b"", "key"))

    assert alike_of(ways).said(request.META) in alike_of(ways).known
    with_none = {**request.META, "HTTP_AUTHORIZATION": None}
    assert alike_of(ways).said(with_none) not in alike_of(ways).known


def alike_of(ways: Ways) -> Alike:
    (alike,) = ways._alike.values()
    return alike


@through(WSGI, MIDDLEWARE_SYNC, stores=(REDIS,))
def test_request_leaves_nothing_to_collect(lane: Lane) -> None:
    lane.show(showing(lambda _request: "page"))
    asking = [partial(lane.visitor().ask, method) for method in ("post", "get", "head")]
    for ask in asking:
        ask()
    gc.collect()
    gc.disable()
    try:
        before = sum(type(one) is DjangoAsked for one in gc.get_objects())
        for number in range(10):
            lane.visitor().ask("post")
            lane.read(f"/page/?{number}")
        left = sum(type(one) is DjangoAsked for one in gc.get_objects()) - before
    finally:
        gc.enable()
    assert left <= 2  # of the last request


@through(WSGI, ASGI, *MIDDLEWARE)
def test_long_requests_leave_no_way(lane: Lane, settings: Any) -> None:
    settings.DISALLOWED_USER_AGENTS = [re.compile("evil")]
    lane.show(showing(lambda _request: "page"))
    for _ in range(3):
        lane.read()
    before = ways_known(), addresses_known()

    assert lane.see(f"/page/?{'q' * MOST_TEXT}").hit
    assert lane.see(headers={"User-Agent": "a" * MOST_TEXT}).hit
    assert (ways_known(), addresses_known()) == before


def test_page_that_comes_to_read_more_is_found_by_all_that_it_reads(lane: Lane) -> None:
    """Others are led there by what was read before; then that is no more the way."""
    reads = ["a"]
    lane.show(showing(lambda request: [request.GET.get(name) for name in reads]))
    query = "/page/?a=1&b=2&c="
    before = [lane.read(f"{query}{n}") for n in (1, 1, 1)]

    reads.append("b")
    invalidate("site")
    after = [lane.read(f"{query}1") for _ in range(4)]
    other = lane.read("/page/?a=1&b=3&c=1")

    assert before == ["['1']"] * 3
    assert after == ["['1', '2']"] * 4
    assert other == "['1', '3']"
    assert lane.renders == 4  # one to find out that more is read


def test_ways_of_one_address_are_bounded(lane: Lane) -> None:
    lane.configure(KEY_HEADERS=["X-Plan"])
    lane.show(showing(lambda request: request.headers.get("X-Plan")))
    plans = [str(number) for number in range(MOST_ALIKE + 3)]

    for plan in plans * 2:
        assert lane.read(**headers(X_Plan=plan)) == plan
    assert lane.renders == len(plans)
    assert max(len(alike.known) for place in _all for alike in place._alike.values()) == MOST_ALIKE


@through(*MIDDLEWARE, *FAST)
def test_one_browser_leads_others_where_none_is_turned_away(lane: Lane) -> None:
    lane.show(showing(lambda _request: "page"))
    for _ in range(3):
        lane.read()
    before = ways_known()

    for number in range(2 * MOST_ALIKE):
        assert lane.see(headers={"User-Agent": f"browser {number}"}).hit
    assert ways_known() == before


def test_addresses_that_are_asked_for_once_leave_no_way(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.get("q")))
    before = ways_known()

    for number in range(5):
        lane.read(f"/page/?q={number}")

    assert ways_known() == before


READS: list[tuple[str, Callable[[Watched], object]]] = [
    ("HTTP_HOST", lambda meta: meta.get("HTTP_HOST")),
    ("HTTP_HOST", lambda meta: meta["HTTP_HOST"]),
    ("HTTP_RANGE", lambda meta: "HTTP_RANGE" in meta),
    (ALL, list),
    (ALL, lambda meta: meta.keys()),
    (ALL, lambda meta: meta.values()),
    (ALL, lambda meta: meta.items()),
    (ALL, dict),
]


@pytest.mark.parametrize("name, read", READS)
def test_each_way_to_read_a_variable_is_taken_down(
    name: str, read: Callable[[Watched], object]
) -> None:
    watched = Watched({"HTTP_HOST": "a"})

    read(watched)

    assert name in watched.names


def test_what_is_no_text_leads_nowhere() -> None:
    assert Ways().recall(("address",), {"HTTP_HOST": []}) is None


@pytest.mark.parametrize("since", [-0.3, 0.0, 0.2, 7.0])
def test_what_is_sent_of_a_page_is_kept_no_longer_than_the_page(since: float) -> None:
    """It may end between the moment in which it is found and the one in which it is dressed."""
    entry = Entry(b"", (), 200, (), b"page", 1000.0, 1060.0)
    held = Held(entry, b"", ())

    with freeze_time(datetime.fromtimestamp(entry.expires + since, UTC)):
        assert plain.dressed(held).until <= entry.expires


@pytest.mark.parametrize("expires", [90.3, FOREVER], ids=["ends", "lasts"])
def test_age_and_time_to_live_of_a_page_at_hand_are_those_of_the_moment(expires: float) -> None:
    begun = 1_700_000_000.75
    ends = begun + expires if expires != FOREVER else FOREVER
    entry = Entry(b"", (), 200, (("ETag", '"x"'),), b"page", begun, ends, age=4.5)
    held = Held(entry, b"", ())

    for later in (0.0, 0.1, 0.2, 0.3, 0.5, 0.51, 1.2, 1.31, 3.0, 2.0, 89.9):
        with freeze_time(datetime.fromtimestamp(begun + later, UTC)):
            sent = dict(plainly(entry, held).headers)
            left = "" if expires == FOREVER else f"; ttl={int(ends - time.time())}"
            assert sent == {
                "ETag": '"x"',
                "Age": str(int(4.5 + time.time() - begun)),
                "Cache-Status": f"pagecache; hit{left}",
            }


SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "scheme": "https",
    "path": "/app/page/",
    "root_path": "/app",
    "query_string": b"a=1",
    "client": ["10.0.0.1", 4000],
    "server": ("one.example", 8000),
    "headers": [(b"host", b"one.example"), (b"accept", b"text/html"), (b"content-type", b"a/b")],
}
BARE_SCOPE = {"type": "http", "method": "HEAD", "path": "/page/", "headers": []}


@pytest.mark.parametrize("prefix", [None, "/other"])
@pytest.mark.parametrize("scope", [SCOPE, {**SCOPE, "query_string": "b"}, BARE_SCOPE])
def test_what_a_scope_says_is_what_django_makes_of_it(
    settings: Any, scope: dict[str, Any], prefix: str | None
) -> None:
    settings.FORCE_SCRIPT_NAME = prefix
    variables = variables_in(scope)
    meta = ASGIRequest(scope, io.BytesIO()).META

    assert variables is not None
    assert is_in_scope(variables)
    assert variables == {name: meta[name] for name in meta if is_in_scope([name])}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-a", b"1"), (b"x-a", b"2")],
        [(b"x_a", b"1")],
        [(b"X-A", b"1")],
        [(b"x-\xff", b"1")],
    ],
)
def test_a_scope_with_headers_that_django_may_take_otherwise_says_nothing(
    headers: list[tuple[bytes, bytes]],
) -> None:
    assert variables_in({**SCOPE, "headers": [*SCOPE["headers"], *headers]}) is None


def test_a_scope_with_long_names_of_headers_says_the_same_and_leaves_nothing() -> None:
    names = [b"x-%d" % number + b"y" * 10_000 for number in range(100)]
    scopes = [{**SCOPE, "headers": [(name, b"1")]} for name in names]
    tracemalloc.start()
    try:
        said = [
            f"HTTP_{name.decode().upper().replace('-', '_')}" in (variables_in(scope) or {})
            for name, scope in zip(names, scopes, strict=True)
        ]
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(said)
    assert left < 10_000 * len(names)


@pytest.mark.parametrize(
    "read, known", [("HTTP_ACCEPT", 1), ("HTTP_COOKIE", 0), ("REMOTE_PORT", 0), ("HTTP_X_MADE", 0)]
)
def test_a_way_is_known_only_where_what_was_read_is_what_the_scope_says(
    read: str, known: int
) -> None:
    scope = {**SCOPE, "headers": [*SCOPE["headers"], (b"cookie", b"a=1; ")]}
    request = watched(ASGIRequest(scope, io.BytesIO()))
    meta: Any = request.META
    meta |= {"HTTP_COOKIE": "a=1", "HTTP_X_MADE": "1"}  # as some release of Django may have it
    variables, address, ways = variables_in(scope), address_in_scope(scope), Ways()
    assert variables is not None
    asked = DjangoAsked(request, derives_language=False)
    meta.names = {read}
    ways.watch_scope(address, variables, asked)

    asked.found_way(Way((), b"", "key"))

    assert len(ways._alike) == known


def failing() -> bool:
    """Fail, as what a site says about its databases may."""
    raise LookupError


def of_no_age(*args: Any) -> Any:
    """Return what is decoded, with an age that is no number."""
    decoded = decode(*args)
    return decoded and (decoded[0]._replace(age=math.nan), decoded[1])


@through(*MIDDLEWARE, *FAST)
@pytest.mark.parametrize("reveal", [None, REVEAL])
@pytest.mark.parametrize("fails", ["to be asked", "to be sent"])
def test_view_answers_where_a_glance_fails(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, reveal: str | None, fails: str
) -> None:
    lane.configure(REVEAL=reveal)
    lane.show(showing(lambda _request: "page"))
    known = [lane.see().hit for _ in range(3)]

    if fails == "to be asked":
        monkeypatch.setattr(site_store(), "is_frozen", failing)
    else:
        monkeypatch.setattr(codec, "decode", of_no_age)

    assert known == [False, True, True]
    assert lane.read() == "page"
    assert lane.renders == 2


@through(*MIDDLEWARE, *FAST)
def test_who_is_told_more_is_found_out_within_the_time_of_the_request(lane: Lane) -> None:
    lane.configure(REVEAL="tests.lanes_site.access.in_requests")
    lane.show(showing(lambda _request: "page"))

    told = [status(lane.get()) for _ in range(4)]

    assert [each.hit for each in told] == [False, True, True, True]
    assert {each.key is not None for each in told} == {True}


@through(*MIDDLEWARE, *FAST)
@pytest.mark.parametrize("compress", [True, False])
def test_what_came_at_a_glance_is_of_no_use_once_more_is_announced(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, compress: bool
) -> None:
    """Another thread wrote meanwhile and could not say so; this one does, and then looks the page up."""
    lane.configure(COMPRESS=compress)
    texts, asked = ["old " * 200], headers(Accept_Encoding="gzip")
    lane.show(showing(lambda _request: texts[-1]))
    known = [status(lane.get(**asked)).hit for _ in range(3)]
    look = Glance._page

    def others_write(glance: Glance) -> Entry | None:
        monkeypatch.setattr(Glance, "_page", look)
        texts.append("new " * 200)
        announcer.owed[object()] = Due(frozenset({"site"}))
        return look(glance)

    monkeypatch.setattr(Glance, "_page", others_write)
    answer = lane.get(**asked)

    assert known == [False, True, True]
    assert not announcer.owed
    content = gzip.decompress(answer.content) if compress else answer.content
    assert content.decode() == texts[-1]


def addresses_in(*languages: str) -> list[Any]:
    """What the same request has for an address, while one language after the other is active."""
    found = []
    for language in languages:
        with translation.override(language):
            found.append(address_in_scope(SCOPE))
    return found


def test_address_is_the_same_again_once_the_same_is_active() -> None:
    german, french, again = addresses_in("de", "fr", "de")

    assert german == again != french


@pytest.mark.parametrize(
    "within", [partial(translation.override, "de"), partial(timezone.override, "Asia/Tokyo")]
)
def test_address_of_a_thread_is_not_that_of_the_one_whose_context_it_runs_in(
    within: Callable[[], AbstractContextManager[None]],
) -> None:
    """What is active is a thread's own, and so is what is found of it, whoever came before."""
    before = address_in_scope(SCOPE)
    with within():
        own, there = address_in_scope(SCOPE), copy_context()
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(there.run, address_in_scope, SCOPE).result()

    assert own != before
    assert others == before


def test_address_is_another_once_the_settings_are(settings: Any) -> None:
    before = address_in_scope(SCOPE)

    settings.PAGECACHE = {**settings.PAGECACHE, "ENABLED": False}

    assert address_in_scope(SCOPE) != before


def test_address_tells_languages_apart_that_are_not_seen_where_django_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trans_real, "_active", threading.local())  # which holds it in another way

    german, french, again = addresses_in("de", "fr", "de")

    assert german == again != french


def named(**stated: Any) -> Callable[[], None]:
    """Return what changes settings without a word of it."""

    def change() -> None:
        for name, value in stated.items():
            setattr(django_settings, name, value)

    return change


def no_test_runner() -> None:
    """Be what `ENABLED` is by default where no test runner has set Django up."""
    del mail.outbox


@pytest.mark.parametrize(
    "change", [*CHANGES, named(LANGUAGE_CODE="fr"), named(DEBUG=True), no_test_runner]
)
def test_address_tells_apart_what_changed_without_a_word(
    settings: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> None:
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    settings.ALLOWED_HOSTS, settings.DISALLOWED_USER_AGENTS = ["one.example"], []
    settings.LANGUAGE_CODE, settings.DEBUG, settings.PAGECACHE = "en", False, {}
    alpha = fixed_offset(timedelta(hours=1), "Alpha")
    with translation.override("en"), timezone.override(alpha):
        translation.deactivate()
        before = address_in_scope(SCOPE)
        change()
        after = address_in_scope(SCOPE)

    assert after != before


def test_address_is_another_with_another_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = address_in_scope(SCOPE)
    monkeypatch.setattr(conf, "last", replace(conf.get(), prefix="another"))
    assert address_in_scope(SCOPE) != before


class OfTheSite(list[str]):
    """A setting that code of the site may find out each time."""


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "DISALLOWED_USER_AGENTS"])
def test_there_is_no_address_where_a_setting_is_found_out_by_the_site(
    settings: Any, name: str
) -> None:
    setattr(settings, name, ["one.example"])
    before = address_in_scope(SCOPE)
    setattr(django_settings, name, OfTheSite(["one.example"]))  # without a word
    assert before is not None
    assert address_in_scope(SCOPE) is None
