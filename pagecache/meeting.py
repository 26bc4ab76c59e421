"""A request that comes, up to where its page is found at a glance or there is to be a look-up.

A thread that waits for the store has time. So the store is asked at once for the page that the request is led to most
likely, and whether it is led there is found out meanwhile, before anything is sent.
"""

import time
from collections.abc import Callable
from typing import Any

from pagecache.announcing import announcer, site_store
from pagecache.bridge import plain
from pagecache.bridge.addresses import Address, Variables
from pagecache.bridge.fast import FastVisit, asks_database, asks_plainly
from pagecache.bridge.guesses import Guesses
from pagecache.bridge.plain import Sent
from pagecache.bridge.ways import Recalled
from pagecache.core.codec import Entry
from pagecache.engine.glancing import Glance, glance
from pagecache.engine.visit import barred, local, recipes
from pagecache.news import news
from pagecache.stores.heard import clock
from pagecache.stores.local import Held
from pagecache.writes import writes

Recall = Callable[[Recalled | None], tuple[Address | None, Recalled | None]]


class Meeting:
    """A request that comes.

    There is a glance at its page if its `method` is to get that, as a whole; with None there is no glance.
    What the store leaves time for is to `begin` the answer.
    """

    __slots__ = (
        "_begin",
        "_guess",
        "_guesses",
        "_method",
        "_variables",
        "address",
        "begun",
        "glance",
        "recalled",
    )

    def __init__(
        self,
        variables: Variables,
        guesses: Guesses | None,
        *,
        method: str | None,
        begin: Callable[[], Any] | None = None,
    ) -> None:
        self._variables, self._method, self._begin = variables, method, begin
        self.address: Address | None = None
        self.recalled: Recalled | None = None
        self.begun: Any = None
        self.glance: Glance | None = None
        self._guess: Recalled | None = None
        self._guesses = guesses if method == "GET" else None
        if self._guesses is not None and (guess := self._guesses.guess(variables)) is not None:
            self.glance = glance(guess.path, guess.way)
            if self.glance is not None:
                self._guess = guess

    def asks(self) -> bool:
        """Ask the store for what is guessed, whose answer is taken with the page; return whether something is."""
        if self.glance is not None:
            self.glance.ask()
        return self.glance is not None

    def is_of(self, variables: Variables, guesses: Guesses) -> bool:
        """Whether it is a meeting of the request with these variables, at the place of these guesses.

        If not, such a request is not guessed at its own place any more: it comes to another one.
        """
        if self._variables is variables and self._guesses is guesses:
            return True
        if self._guess is not None and self._guesses is not None:
            self._guesses.give_up(self._variables)
        return False

    def entry(self, recall: Recall) -> Entry | None:
        """Return the page, if it stands at a glance; after a guess what came counts only where that was right.

        `recall` finds out what is known of the request, which may be what was guessed.
        """
        if self._guess is None:
            self._look(recall)
        if (glance := self.glance) is None:
            return None
        has_time = glance.ask()
        is_right = self._guess is None or self._confirms(self._guess, recall)
        if has_time and self._begin is not None:
            try:
                self.begun = self._begin()
            except Exception:  # noqa: BLE001 the answer is still to come, and taken
                self.begun = None
        entry = glance.page()
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
        if self.recalled is not None and asks_plainly(self._method, self._variables):
            self.glance = glance(self.recalled.path, self.recalled.way)

    def _confirms(self, guess: Recalled, recall: Recall) -> bool:
        """Whether the request is led where it was guessed."""
        try:
            self.address, self.recalled = recall(guess)
        except Exception:  # noqa: BLE001 whoever looks at the request next raises it
            return False
        led, guesses = self.recalled, self._guesses
        if led is not None and led.path == guess.path and led.way == guess.way:
            return True
        if guesses is not None and led is None:
            guesses.forget(self._variables)
        elif guesses is not None:
            guesses.give_up(self._variables)
        return False

    def _expect(self, entry: Entry | None) -> None:
        """Let the next request like this one be met with a guess, where its page stood and there is time."""
        if entry is None or self.recalled is None or self._guesses is None:
            return
        if site_store().leaves_time:
            self._guesses.expect(self._variables, self.recalled)


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
