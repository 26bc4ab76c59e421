"""A request that comes: the store is asked at once for the page that the last one which looked like it was led to.

Whether it is led there, too, is found out while the store is asked, and before anything is sent.
"""

from collections.abc import Callable

from pagecache import conf
from pagecache.announcing import site_store
from pagecache.bridge.addresses import Address, Variables
from pagecache.bridge.ways import Recalled, Ways
from pagecache.core.codec import Entry
from pagecache.engine.glancing import glance

Recall = Callable[[], tuple[Address | None, Recalled | None]]


class Meeting:
    """A request, up to where its page is found at a glance or there is to be a look-up.

    `recall` finds out what is known of it. `is_plain` says whether it wants a page as a whole: only then is there a
    glance. `waits` says whether its thread waits for the store, and not an event loop with other things to do.
    """

    __slots__ = (
        "_guess",
        "_knows",
        "_recall",
        "_variables",
        "_ways",
        "address",
        "look",
        "recalled",
    )

    def __init__(
        self,
        ways: Ways,
        variables: Variables,
        recall: Recall,
        *,
        is_plain: bool,
        waits: bool = True,
    ) -> None:
        self._ways, self._variables, self._recall = ways, variables, recall
        guess = ways.guess(variables) if is_plain and waits else None
        look = None if guess is None else glance(guess.path, guess.way)
        self._guess = guess if look is not None else None
        self._knows = look is None
        self.address, self.recalled = recall() if look is None else (None, None)
        if self.recalled is not None and is_plain:
            look = glance(self.recalled.path, self.recalled.way)
        self.look = look

    def _find_out(self) -> None:
        if not self._knows:
            self.address, self.recalled = self._recall()
            self._knows = True

    def page(self, begin: Callable[[], object] | None = None) -> Entry | None:
        """Return its page, if that stands at a glance; an answer may be begun while the store is asked."""
        if self.look is None:
            return None
        if self._guess is None:
            return self._expected(self.look.run(begin))

        def meanwhile() -> None:
            self._find_out()
            if begin is not None:
                begin()

        return self._judged(self._guess, self.look.run(meanwhile))

    async def apage(self) -> Entry | None:
        """Return it on an event loop."""
        return None if self.look is None else await self.look.arun()

    def _expected(self, entry: Entry | None) -> Entry | None:
        """Let the next request that looks like this one be asked at once for the page that stood."""
        if entry is not None and self.recalled is not None and _has_time():
            self._ways.expect(self._variables, self.recalled)
        return entry

    def _judged(self, guess: Recalled, entry: Entry | None) -> Entry | None:
        """Return the page that was guessed, if that is the one."""
        self._find_out()
        if self.recalled is not None and self.recalled.way == guess.way:
            return entry
        self._ways.expect(self._variables, None)
        self.look = None
        return None


def _has_time() -> bool:
    """Whether the store is asked for each page, and leaves time for something meanwhile."""
    return site_store().leaves_time and conf.get().options.LOCAL != "push"
