"""Guesses: where requests that say the same are led most likely, as long as nobody was led elsewhere."""

from typing import Any

from pagecache.bridge.addresses import Variables
from pagecache.bridge.ways import ABSENT, LIKE, MOST, MOST_TEXT, Recalled
from pagecache.core.types import remember

Likeness = tuple[Any, ...]


class Guesses:
    """What is known of the last request that a page was sent to at a glance, among those that are like it.

    A guess is made for requests that say the same in all that was read of that one. What is beside that (the language
    that a thread has active, say) can still lead elsewhere: then no guess is made any more.
    """

    def __init__(self) -> None:
        self._known: dict[Likeness, Recalled | None] = {}

    def guess(self, variables: Variables) -> Recalled | None:
        """Return what is known of a request, most likely."""
        try:
            recalled = self._known.get(tuple(map(variables.get, LIKE)))  # as `likeness` has it
        except TypeError:  # no text
            return None
        return recalled if recalled is not None and recalled.fits(variables) else None

    def expect(self, variables: Variables, recalled: Recalled) -> None:
        """Guess so from now on."""
        said = likeness(variables)
        is_text = all(value is None or type(value) is str for value in said)
        if not is_text or sum(map(len, filter(None, said))) > MOST_TEXT:
            return
        if self._known.get(said, ABSENT) is not None:
            remember(self._known, said, recalled, MOST)

    def give_up(self, said: Likeness) -> None:
        """Make no guess any more for requests that say this."""
        remember(self._known, said, None, MOST)

    def forget(self, variables: Variables) -> None:
        """Make none for requests like this one before a page is sent to one at a glance again."""
        self._known.pop(likeness(variables), None)


def likeness(variables: Variables) -> Likeness:
    """Return what is the same of requests that are like each other."""
    return tuple(map(variables.get, LIKE))
