"""One request as a generator: bypass, look up, serve; or render and store. It yields effects and decides the rest."""

import time
from typing import Any

from pagecache.core.reasons import Reason
from pagecache.core.rules import REQUEST_RULES, first
from pagecache.core.types import Found, Outcome, Refused
from pagecache.engine.effects import Announce, Render
from pagecache.engine.looking import begin, look_up
from pagecache.engine.storing import store
from pagecache.engine.visit import Flow, Visit
from pagecache.events import logger
from pagecache.stores import StoreError
from pagecache.tags import page_tag

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 9.2.1


def page(visit: Visit) -> Flow:
    """Answer one request."""
    found = visit.found
    found.reason = first(REQUEST_RULES, visit.asked)
    if found.reason is None:
        yield from _guard(_start(visit), found)
    if found.entry is not None:
        return visit.serve(found.entry, time.time())
    if found.reason is not None:
        found.forward = "method" if found.reason is Reason.METHOD else "bypass"
    response = yield Render(visit)
    yield from _unsafe(visit, response)
    return (yield from keep(visit, response))


def _start(visit: Visit) -> Flow:
    """Look up at once, unless the visitor's class is found out by the site's own middleware.

    What finds it out reads data, which must not be older than the start versions.
    """
    if visit.is_segmented:
        yield from begin(visit)
    if not visit.late:
        yield from look_up(visit)


def keep(visit: Visit, response: Any) -> Flow:
    """Store what the view answered, if nothing speaks against it; gives the response to send."""
    found = visit.found
    if found.entry is not None:
        return visit.serve_again(response, found.entry, time.time())
    if visit.awaits(response):
        return response
    outcome = None
    if found.reason is None:
        outcome = yield from _guard(store(visit, response, time.time()), found)
    return visit.finish(response, outcome or Outcome(found.forward, found.reason))


def examine(visit: Visit) -> Flow:
    """Look up without serving; what was found stands in the visit."""
    yield from _guard(look_up(visit), visit.found)


def look_up_late(visit: Visit) -> Flow:
    """Look up behind the site's middleware; gives the response to send, or None for the view to answer."""
    yield from _guard(look_up(visit), visit.found)
    entry = visit.found.entry
    return None if entry is None else visit.serve(entry, time.time())


def _unsafe(visit: Visit, response: Any) -> Flow:
    """An unsafe method that succeeded may have changed what its URL shows (RFC 9111 4.4)."""
    if visit.asked.method not in SAFE and response.status_code < 400:  # noqa: PLR2004 a status code
        yield Announce([page_tag(visit.path)])


def _guard(steps: Flow, found: Found) -> Flow:
    """Turn whatever stops the steps into a reason: the view answers."""
    try:
        return (yield from steps)
    except Refused as refused:
        found.reason = refused.reason
    except StoreError as error:
        logger.warning("The view answers, since the store failed: %s", error)
        found.reason = Reason.STORE
    except Exception:  # noqa: BLE001 whatever fails here, the view answers
        logger.exception("The view answers, since pagecache failed.")
        found.reason = Reason.ERROR
    found.entry = None
    return None
