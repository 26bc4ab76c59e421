"""Checking: a stored page is not served, but compared with what the view answers: for a share of hits, or all."""

import time
from collections import Counter
from typing import Any

from pagecache import conf
from pagecache.core.reasons import Reason
from pagecache.core.rules import RESPONSE_RULES, first
from pagecache.core.types import Found, Outcome, remember
from pagecache.engine.looking import is_still_current
from pagecache.engine.storing import drop
from pagecache.engine.visit import MOST, Flow, Visit, barred
from pagecache.events import logger, settings_reloaded

# For which a path is left to its view, after a stored page of it was not what the view answers.
BAR_SECONDS = 600.0
EACH = 1000  # requests that one summary tells of


def check(visit: Visit, response: Any, now: float) -> Flow:
    """Compare the entry that was found with a response; gives the outcome.

    What moved meanwhile proves nothing, and HEAD neither. A page that cannot be stored any more is dropped, as without
    a check.
    """
    found, entry = visit.found, visit.found.proof
    if entry is None or visit.asked.method == "HEAD":
        return Outcome("bypass", Reason.CHECKED)
    if (reason := first(RESPONSE_RULES, visit.answered(response, now))) is not None:
        yield from drop(visit)
        return Outcome("bypass", reason)
    differing = visit.differences(response, entry)
    if differing and (yield from is_still_current(visit, entry)):
        remember(barred, visit.path, time.time() + BAR_SECONDS, MOST)
        yield from drop(visit)
        tally.differed += 1
        logger.error(
            "A stored page was not what the view answers: %s. Its path is left to the view for %d s. Differing: %s. "
            "Stored with the inputs %s and the tags %s; this time the page read the inputs %s and the tags %s.",
            *(visit.path, BAR_SECONDS, ", ".join(differing)),
            *(_listed(found.recipe), _listed(entry.tags)),
            *(_listed(visit.recorder.inputs), _listed(visit.recorder.tags)),
        )
    return Outcome("bypass", Reason.CHECKED)


def _listed(names: Any) -> str:
    """Return names, and no values, for the log."""
    said = (name if isinstance(name, str) else " ".join(filter(None, name)) for name in names)
    return "[" + ", ".join(sorted(said)) + "]"


class Tally:
    """Counts how requests were, or would have been, answered; says so now and then."""

    def __init__(self, each: int = EACH) -> None:
        self.differed = 0
        self._each = each
        self._number = 0
        self._answers: Counter[str] = Counter()

    def note(self, found: Found, outcome: Outcome) -> None:
        """Count a request: in the shadow each of them, else those whose page was compared."""
        is_compared = found.proof is not None
        if not is_compared and not conf.get().options.SHADOW:
            return
        said = "stored" if outcome.stored else str(outcome.reason or outcome.forward)
        self._answers["hit" if is_compared else said] += 1
        self._number += 1
        if self._number >= self._each:
            self.tell()

    def tell(self) -> None:
        """Say what was counted, and begin anew."""
        parts = (f"{word} {number}" for word, number in self._answers.most_common())
        how = "In the shadow" if conf.get().options.SHADOW else "Compared"
        logger.info("%s: %s; %d stored pages differed.", how, ", ".join(parts), self.differed)
        self.forget()

    def forget(self, **_kwargs: Any) -> None:
        """Begin anew."""
        self._answers.clear()
        self.differed = self._number = 0


tally = Tally()
settings_reloaded.connect(tally.forget, dispatch_uid="pagecache.checking")
