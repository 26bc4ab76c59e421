"""One request as a generator: bypass, look up, serve; or render and store. It yields effects and decides the rest."""

import random
import time
from typing import Any

from pagecache import conf
from pagecache.core.codec import Entry
from pagecache.core.freshness import is_due_early
from pagecache.core.reasons import Reason
from pagecache.core.rules import REQUEST_RULES, first
from pagecache.core.types import Outcome, Refused
from pagecache.engine.background import background
from pagecache.engine.checking import check, tally
from pagecache.engine.effects import Announce, Fill, Later, Render
from pagecache.engine.leasing import WAITS, holding, is_made_anew, release, take
from pagecache.engine.looking import begin, is_still_current, look_up, look_up_again
from pagecache.engine.storing import store
from pagecache.engine.visit import Flow, Unsent, Visit, key_material, unsafe
from pagecache.events import logger
from pagecache.stores import StoreError
from pagecache.tags import page_tag

ERRORS = frozenset({500, 502, 503, 504})  # RFC 5861 4
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 9.2.1


def page(visit: Visit) -> Flow:
    """Answer one request."""
    if not visit.found.is_begun:
        yield from _begin(visit)
    if (response := (yield from _serve(visit))) is not None:
        return response
    return (yield from holding(_make(visit), visit))


def _make(visit: Visit) -> Flow:
    """Let the view answer, unless another request makes the page just now."""
    if not visit.is_waiting and (response := (yield from _without_view(visit))) is not None:
        return response
    found = visit.found
    if found.reason is not None:
        found.forward = "method" if found.reason is Reason.METHOD else "bypass"
    try:
        response = yield from _rendered(visit)
    except Exception as error:
        failed = None if found.reserve is None else visit.failed(error)
        stored = None if failed is None else (yield from _in_place(visit, failed))
        if stored is None:
            raise
        return stored
    yield from _unsafe(visit, response)
    return (yield from keep(visit, response))


def _without_view(visit: Visit) -> Flow:
    """Give a response where the view is not to be asked, or need not: another request may just make the page."""
    if _is_unwanted(visit):
        return visit.unavailable()
    if (ended := visit.found.ended) is not None:
        is_left = yield from _guard(is_made_anew(visit), visit)
        twin = None if is_left else _twin(visit, ended)
        if twin is not None:
            yield Later(visit, twin, refresh(twin, ended))
        if is_left or twin is not None:
            visit.found.entry = ended
            return (yield from _guard(_made_of(visit, ended), visit))
        if visit.found.turn is not None:
            return None
    until = time.monotonic() + conf.get().options.WAIT_SECONDS
    for _ in range(WAITS):
        if not (yield from _guard(take(visit, until), visit)):
            break
        yield from _guard(look_up_again(visit), visit)
        if (response := (yield from _serve(visit))) is not None:
            return response
    return None


def _twin(visit: Visit, ended: Entry) -> Unsent | None:
    """Return who makes a page anew behind the visitor's back, in the turn that they have; None where nobody can."""
    turn = visit.found.turn
    if turn is None or not background.has_room:
        return None
    try:
        twin = visit.twin()
        if twin is None or key_material(twin, visit.found.recipe) != ended.material:
            return None
    except Exception:  # noqa: BLE001 whatever fails here, the view answers
        logger.exception("A visitor makes a page anew, since pagecache failed to ask for it.")
        return None
    twin.found.turn, visit.found.turn = turn, None
    return twin


def refresh(visit: Visit, ended: Entry) -> Flow:
    """Make a page anew that nobody waits for, in the turn that was taken for it; gives what its view answered."""
    return (yield from holding(_refreshed(visit, ended), visit))


def _refreshed(visit: Visit, ended: Entry) -> Flow:
    found = visit.found
    response = None
    visit.is_ahead = False  # nothing of a visitor is to be found out
    yield from _guard(look_up(visit), visit)
    yield from _guard(_start_late(visit), visit)
    there, found.entry = found.entry, None
    is_due = there is None or there.created <= ended.created
    if found.reason is None and is_due and found.turn.until > time.monotonic():
        response = yield from _rendered(visit)
        if response.status_code not in ERRORS:  # else what is there is still good for a while
            response = yield from keep(visit, response)
    yield from release(visit)
    return response


def ahead(visit: Visit) -> Flow:
    """Answer one request before Django has it; gives None for the middleware, which goes on from what was found.

    That fills holes, for which it takes a request of Django's. And Django logs what it answers from 400 on.
    """
    yield from _begin(visit)
    entry = visit.found.entry
    if entry is None or entry.holes or entry.status >= 400:  # noqa: PLR2004 a status code
        return None
    return (yield from _serve(visit))


def _begin(visit: Visit) -> Flow:
    """Look up, unless a rule about the request says otherwise."""
    found = visit.found
    found.is_begun = True
    if visit.asked.way is None:
        found.reason = first(REQUEST_RULES, visit.asked)
    if found.reason is None:
        yield from _guard(_start(visit), visit)
    found.glance = None  # from here on that is long ago


def _start(visit: Visit) -> Flow:
    """Look up at once, unless the visitor's class is found out by the site's own middleware.

    What finds it out reads data, which must not be older than the start versions.
    """
    if visit.is_segmented:
        yield from begin(visit)
    if not visit.late:
        yield from look_up(visit)


def _serve(visit: Visit) -> Flow:
    """Give the response for the entry that was found, None for the view to answer."""
    found, entry = visit.found, visit.found.entry
    if entry is None:
        return None
    if visit.is_checked(random.random()):  # noqa: S311 no secret
        found.proof, found.entry = entry, None
    elif _is_due_early(visit, entry):
        found.ended = found.reserve = entry
        found.entry = None
    else:
        return (yield from _guard(_made_of(visit, entry), visit))
    yield from _guard(_start_late(visit), visit)
    return None


def _start_late(visit: Visit) -> Flow:
    """Read start versions where a page was found without a trip, and is not what answers."""
    if visit.found.star is None and visit.found.reason is None:
        yield from begin(visit)


def _is_due_early(visit: Visit, entry: Entry) -> bool:
    """Whether this request is the one, by chance, for which the page is made anew before it ends."""
    eagerness = conf.get().options.EARLY_REFRESH
    if not eagerness or visit.asked.method != "GET" or "only-if-cached" in visit.asked.directives:
        return False
    left = entry.expires - time.time()
    return is_due_early(left, entry.took, eagerness, random.random())  # noqa: S311 no secret


def _made_of(visit: Visit, entry: Entry) -> Flow:
    if entry.holes:
        yield Fill(visit)
    return visit.serve(entry, time.time())


def keep(visit: Visit, response: Any) -> Flow:
    """Store what the view answered, if nothing speaks against it; gives the response to send."""
    found = visit.found
    if found.entry is not None:
        return visit.serve_again(response, found.entry, time.time())
    if visit.awaits(response):
        return response
    response = visit.as_known(response)
    if response.status_code in ERRORS and (stored := (yield from _in_place(visit, response))):
        return stored
    yield from _guard(_uncover(visit, response), visit)
    outcome = None
    if found.reason is None:
        decide = store if found.proof is None else check
        outcome = yield from _guard(decide(visit, response, time.time()), visit)
    outcome = outcome or Outcome(found.forward, found.reason)
    yield from release(visit, outcome.reason)
    tally.note(found, outcome)
    return visit.finish(response, outcome)


def resume(visit: Visit) -> Flow:
    """Let a page be made that was still to be made after the view returned, and keep it."""
    return (yield from holding(_resumed(visit), visit))


def _resumed(visit: Visit) -> Flow:
    response = yield from _rendered(visit)
    return (yield from keep(visit, response))


def _rendered(visit: Visit) -> Flow:
    """Let the view answer, and note how long that took; one that answered for another page is asked once more."""
    began = time.perf_counter()
    try:
        response = yield Render(visit)
        return (yield Render(visit)) if visit.is_misled(response) else response
    finally:
        visit.found.took += time.perf_counter() - began


def _in_place(visit: Visit, response: Any) -> Flow:
    """Give the response for an entry that may stand in for an error; None where there is none."""
    found = visit.found
    if found.reserve is None or visit.is_checked(draw=1):
        return None
    stored = yield from _guard(_standing_in(visit, response, found.reserve), visit)
    if stored is not None:
        yield from release(visit, None if found.ended else Reason.STATUS)
    return stored


def _standing_in(visit: Visit, response: Any, entry: Entry) -> Flow:
    """Give the response for an entry that has ended, in place of an error, if its data did not move meanwhile."""
    if (yield from is_still_current(visit, entry)):
        if entry.holes:
            visit.found.entry = entry
            visit.is_ahead = True  # the site's middleware sets no cookie any more
            yield Fill(visit)
        return visit.serve_instead(response, entry, time.time())
    return None


def _uncover(visit: Visit, response: Any) -> Flow:
    visit.uncover(response)
    yield from ()


def examine(visit: Visit) -> Flow:
    """Look up without serving, as if the site's middleware had seen the request; what was found is in the visit."""
    visit.is_ahead = False
    yield from _guard(look_up(visit), visit)


def look_up_late(visit: Visit) -> Flow:
    """Look up behind the site's middleware; gives the response to send, or None for the view to answer."""
    visit.is_ahead = False
    yield from _guard(look_up(visit), visit)
    if (response := (yield from _serve(visit))) is not None:
        return response
    if (response := (yield from holding(_without_view(visit), visit))) is None:
        visit.ask_view()
    return response


def _is_unwanted(visit: Visit) -> bool:
    """Whether the client wants no page but a stored one (RFC 9111 5.2.1.7), and none was found; then so it is said."""
    found = visit.found
    is_sure = found.reason is None and found.proof is None
    if not is_sure or "only-if-cached" not in visit.asked.directives:
        return False
    found.reason = Reason.ONLY_IF_CACHED
    return True


def _unsafe(visit: Visit, response: Any) -> Flow:
    """An unsafe method that succeeded may have changed what its URL shows, and others that it names (RFC 9111 4.4)."""
    if visit.asked.method not in SAFE and 200 <= response.status_code < 400:  # noqa: PLR2004 status codes
        unsafe.at = time.time()
        yield Announce([page_tag(path) for path in visit.changes(response)])


def _guard(steps: Flow, visit: Visit) -> Flow:
    """Turn whatever stops the steps into a reason: the view answers."""
    try:
        return (yield from steps)
    except Refused as refused:
        visit.found.reason = refused.reason
    except StoreError:
        visit.found.reason = Reason.STORE
    except Exception:  # noqa: BLE001 whatever fails here, the view answers
        logger.exception("The view answers, since pagecache failed.")
        visit.found.reason = Reason.ERROR
    visit.found.entry = None
    return None
