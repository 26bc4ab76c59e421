"""A request that comes, up to where its page is found at a glance or there is to be a look-up.

A thread that waits for the store has time. So the store is asked at once for the page that the request is led to most
likely, under WSGI even before Django makes a request of what the server says, and whether it is led there is found out
meanwhile, before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from pagecache import conf
from pagecache.announcing import announcer, site_store
from pagecache.bridge import plain
from pagecache.bridge.addresses import Address, Variables
from pagecache.bridge.fast import HANDED_OVER, FastVisit, asks_database, asks_plainly
from pagecache.bridge.guesses import Guesses, Likeness, likeness
from pagecache.bridge.outside import others_begin
from pagecache.bridge.plain import PlainResponse, Sent
from pagecache.bridge.ways import Recalled
from pagecache.core.codec import Entry
from pagecache.engine.glancing import Glance, glance
from pagecache.engine.visit import barred, local, recipes
from pagecache.events import logger
from pagecache.news import news
from pagecache.stores.heard import clock
from pagecache.stores.local import Held
from pagecache.writes import writes

MOMENT = 0.05  # seconds that Django takes at most to make a request, unless it does something else

Recall = Callable[[Recalled | None], tuple[Address | None, Recalled | None]]


class Meeting:
    """A request that comes.

    There is a glance at its page if its `method` is to get that, as a whole; with None there is no glance. Where one is
    guessed, it can be asked for at once; what decides is found out once the request is there.
    What the store leaves time for is to `begin` the answer.
    """

    __slots__ = (
        "_begin",
        "_guess",
        "_method",
        "address",
        "begun",
        "glance",
        "guesses",
        "recalled",
        "variables",
    )

    def __init__(
        self,
        variables: Variables,
        guesses: Guesses | None,
        *,
        method: str | None,
        begin: Callable[[], Any] | None = None,
    ) -> None:
        self.variables, self._method, self._begin = variables, method, begin
        self.address: Address | None = None
        self.recalled: Recalled | None = None
        self.begun: Any = None
        self.glance: Glance | None = None
        self.guesses = guesses if method == "GET" else None
        self._guess: tuple[Guesses, Recalled] | None = None
        if self.guesses is not None and (guess := self.guesses.guess(variables)) is not None:
            self.glance = glance(guess.path, guess.way)
            if self.glance is not None:
                self._guess = self.guesses, guess

    def is_guessed(self) -> bool:
        """Whether the request still says what it was guessed by."""
        guess = self._guess
        return guess is not None and guess[0].guess(self.variables) is guess[1]

    def entry(self, recall: Recall) -> Entry | None:
        """Return the page, if it stands at a glance; after a guess what came counts only where that was right.

        `recall` finds out what is known of the request, which may be what was guessed.
        """
        if self._guess is None:
            self._look(recall)
        if (glanced := self.glance) is None:
            return None
        has_time = glanced.ask()
        is_right = self._guess is None or self._confirms(*self._guess, recall)
        if has_time and is_right and self._begin is not None:
            self.begun = _tried(self._begin)
        entry = glanced.page()
        if not is_right:
            self.glance = None
            return None
        if self._guess is None:
            self._expect(entry)
        return entry

    async def aentry(self, recall: Recall) -> Entry | None:
        """Return it on an event loop, which has other things to do than to guess."""
        self._look(recall)
        return None if self.glance is None else await self.glance.arun()

    def _look(self, recall: Recall) -> None:
        """Find out what is known of the request, and what is to be asked for."""
        self.address, self.recalled = recall(None)
        if self.recalled is not None and asks_plainly(self._method, self.variables):
            self.glance = glance(self.recalled.path, self.recalled.way)

    def _confirms(self, guesses: Guesses, guess: Recalled, recall: Recall) -> bool:
        """Whether the request is led where it was guessed."""
        try:
            self.address, self.recalled = recall(guess)
        except Exception:  # noqa: BLE001 whoever looks at the request next raises it
            return False
        led = self.recalled
        if led is not None and led.path == guess.path and led.way == guess.way:
            return True
        if led is None:
            guesses.forget(self.variables)
        else:
            guesses.give_up(likeness(self.variables))
        return False

    def _expect(self, entry: Entry | None) -> None:
        """Let the next request like this one be met with a guess, where its page stood and there is time."""
        if entry is None or self.recalled is None or self.guesses is None:
            return
        if site_store().leaves_time:
            self.guesses.expect(self.variables, self.recalled)


def _tried(begin: Callable[[], Any]) -> Any:
    """Return an answer that is begun; None where that fails, for what was asked is still to be heard."""
    try:
        return begin()
    except Exception:  # noqa: BLE001 it is tried again, where the view answers if it fails
        logger.debug("An answer cannot be begun while the store is asked.", exc_info=True)
        return None


class Last:
    """The place where the last request came that was not asked for ahead: the next one may come there."""

    guesses: Guesses | None = None


class Ahead(NamedTuple):
    """The meeting of a request that Django is about to make, and how all was before the store was asked."""

    met: Meeting
    glance: Glance
    guesses: Guesses
    said: Likeness
    announced: object
    at: float  # by the monotonic clock


last = Last()
_ahead: ContextVar[Ahead | None] = ContextVar("pagecache_ahead", default=None)


def ask_ahead(sender: Any = None, environ: Variables | None = None, **_kwargs: Any) -> None:
    """Ask the store for the page of a request that Django is about to make; the middleware goes on from there.

    It hears of `request_started`; under ASGI that tells no variables. Not where others hear of it, who may write what
    the page shows, nor before a handler of the site's, nor behind a lane, and not where a page may be held that stands
    without a question.
    """
    try:
        if (left := _ahead.get()) is not None:
            _leave(left)
        guesses = last.guesses
        if guesses is None or environ is None or HANDED_OVER in environ or others_begin():
            return
        if not sender.__module__.startswith("django."):
            return
        if (conf.last or conf.get()).options.LOCAL == "push":
            return
        announced, method = announcer.latest, environ.get("REQUEST_METHOD")
        met = Meeting(environ, guesses, method=method, begin=PlainResponse)
        if (glanced := met.glance) is not None:
            said, now = likeness(environ), time.monotonic()
            glanced.ask()
            _ahead.set(Ahead(met, glanced, guesses, said, announced, now))
    except Exception:  # noqa: BLE001 the store is asked where the request comes
        logger.debug("The store is not asked before Django makes a request.", exc_info=True)


def met_ahead(variables: Variables, guesses: Guesses) -> Meeting | None:
    """Return the meeting of a request that has come, if the store was asked for it ahead, at this place.

    Code of the site may have run meanwhile, of a handler say: if that changed what the request says, took its time, or
    this process has written something, what was asked for is of no use.
    """
    if (ahead := _ahead.get()) is not None:
        met = ahead.met
        if met.variables is not variables or ahead.guesses is not guesses:
            _leave(ahead)
        else:
            _ahead.set(None)
            is_of_now = time.monotonic() - ahead.at < MOMENT
            if is_of_now and ahead.announced is announcer.latest and met.is_guessed():
                return met
            ahead.glance.page()  # which is of no use, but the connection is
    last.guesses = guesses
    return None


def _leave(ahead: Ahead) -> None:
    """Want nothing any more of what was asked for a request that did not come; such a one is guessed no more."""
    _ahead.set(None)
    ahead.glance.leave()
    ahead.guesses.give_up(ahead.said)


def at_hand(known: Recalled | None) -> Sent | None:
    """Return what is sent of a page that this process holds, where that stands without a question.

    Whether it stands is looked at where there was news since it did for the same request. In this order: until when
    nothing can have been missed is taken down before the latest news, and the clocks are looked at last, for this
    process may stop anywhere. Once a second, and whenever anything is not so, a glance goes on.
    """
    if known is None or (held := local.held.get(known.key)) is None or held.heard is None:
        return None
    heard_until, stood = held.heard.until, (known, news.latest)
    if held.stood != stood:
        if not _stands(held, known):
            return None
        held.stood = stood
    sent: Sent
    _, sent, since, until = held.dressed
    is_owed = writes.pending and writes.unannounced()  # for most, nothing is pending in the process
    return sent if not is_owed and since <= time.time() < until and clock() < heard_until else None


def _stands(held: Held, known: Recalled) -> bool:
    """Whether a page that is held is what a request is led to, and stands, as far as there is news where it does not.

    It looks at what a glance looks at, but for what needs no look: until when it was dressed is never later than its
    end, only what everybody gets is dressed, and nothing was heard under its versions from another server; a store that
    tells of changes is never frozen; whether pages are served at all is in what led here. What is owed is looked at
    before what stands: what is paid in between has moved by then.
    """
    path, way = known.path, known.way
    return (
        known.is_sent_as_it_is
        and held.dressed is not None
        and held.entry.material == way.material
        and known.holds()
        and recipes.get(path) == way.recipe
        and barred.get(path, 0) <= time.time()
        and not announcer.owed
        and held.heard.stand(held.keys, held.versions) is True
    )


def settled(
    met: Meeting, entry: Entry | None, make_visit: Callable[[], FastVisit]
) -> Sent | FastVisit | None:
    """Return what is sent, or the visit that looks it up; None where Django is to have the request alone.

    Where a look-up takes Django's connection to a database, none was ever made in a lane, and so nothing is known. One
    that finds out the hosts by code of the site may take it, too.
    """
    glanced = met.glance
    if entry is not None and glanced is not None:
        if glanced.way.tells:
            sent: Sent = make_visit().serve_plainly(entry, glanced.way.key)
            return sent
        return plain.plainly(entry, glanced.held)
    if plain.asks_for_hosts():
        return None
    visit = make_visit()
    visit.found.glance = glanced
    return None if asks_database(visit) else visit
