"""A request that comes: the store is asked at once for the page that the last one which looked like it was led to.

Whether it is led there, too, is found out while the store is asked, and before anything is sent.
"""

from collections.abc import Callable
from typing import Any

from pagecache import conf
from pagecache.announcing import site_store
from pagecache.bridge.addresses import Address, Variables
from pagecache.bridge.fast import Sent, plainly
from pagecache.bridge.ways import Guess, Recalled, Ways
from pagecache.core.codec import Entry
from pagecache.engine import glancing
from pagecache.engine.glancing import Glance, glance

Recall = Callable[[], tuple[Address | None, Recalled | None]]


class Meeting:
    """A request, up to where its page is found at a glance or there is to be a look-up.

    `recall` finds out what is known of it. `is_plain` says whether it wants a page as a whole: only then is there a
    glance. `waits` says whether its thread waits for the store, and not an event loop with other things to do. What is
    `begun` meanwhile is what `begin` returns.
    """

    __slots__ = (
        "_begin",
        "_guess",
        "_is_led",
        "_recall",
        "_variables",
        "_ways",
        "address",
        "begun",
        "look",
        "recalled",
    )

    def __init__(  # noqa: PLR0913 what a request is met with
        self,
        ways: Ways,
        variables: Variables,
        recall: Recall,
        *,
        is_plain: bool,
        waits: bool = True,
        begin: Callable[[], Any] | None = None,
    ) -> None:
        self._ways, self._variables, self._recall = ways, variables, recall
        self._begin = begin
        self.begun: Any = None
        self._guess = guess = ways.guess(variables) if is_plain and waits else None
        self._is_led: bool | None = None
        self.look: Glance | None = None
        if guess is not None:
            self.address, self.recalled = None, None
            self.look = Glance(guess.led.way, (), guess.keys)
            return
        self.address, self.recalled = recall()
        if self.recalled is not None and is_plain:
            self.look = glance(self.recalled.path, self.recalled.way)

    def page(self) -> Entry | None:
        """Return its page, if that stands at a glance; only where a guess was right does what came count."""
        if self.look is None:
            return None
        entry = self.look.run(self._meanwhile)
        if self._guess is None:
            self._expect(entry, self.look.keys)
            return entry
        if self._is_led is None:
            self._is_led = self._proves(self._guess, self.look)
        if self._is_led:
            return entry
        self.look = None
        return None

    async def apage(self) -> Entry | None:
        """Return it on an event loop."""
        return None if self.look is None else await self.look.arun()

    def _meanwhile(self) -> None:
        """Do what there is time for while the store is asked."""
        if self._guess is not None and self.look is not None:
            self._is_led = self._proves(self._guess, self.look)
        if self._begin is not None:
            self.begun = self._begin()

    def _expect(self, entry: Entry | None, keys: tuple[str, ...]) -> None:
        """Let the next request that looks like this one be met with a guess, where a page stood."""
        if entry is not None and self.recalled is not None and _has_time():
            self._ways.expect(self._variables, Guess(self.recalled, keys))

    def _proves(self, guess: Guess, look: Glance) -> bool:
        """Whether the request is led where it was guessed, and just that would have been asked for."""
        self.address, self.recalled = self._recall()
        if self.recalled is None or self.recalled.way != guess.led.way:
            self._ways.expect(self._variables, None)
            return False
        if not look.proves(self.recalled.path):
            self._ways.forget(self._variables)
            return False
        return True


def at_hand(recall: Recall) -> Sent | None:
    """Return what is sent of a page that this process holds, where that stands without a question."""
    if conf.get().options.LOCAL != "push":
        return None
    _, recalled = recall()
    if recalled is None or recalled.way.tells:
        return None
    held = glancing.at_hand(recalled.path, recalled.way)
    return None if held is None else plainly(held.entry, held)


def _has_time() -> bool:
    """Whether the store is asked for each page, and leaves time for something meanwhile."""
    return site_store().leaves_time and conf.get().options.LOCAL != "push"
