"""The fast lane under WSGI: hits are answered before Django has the request."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.fast import (
    VISIT,
    FastVisit,
    Lane,
    Sent,
    asks_database,
    asks_plainly,
    plainly,
    standing,
)
from pagecache.bridge.ways import Recalled, address_in
from pagecache.core.codec import Entry
from pagecache.engine.drive import drive
from pagecache.engine.flow import ahead
from pagecache.engine.glancing import Glance, glance
from pagecache.stores.waiting import Patience, part_of

Environ = dict[str, Any]


class PageCache:
    """`PageCache(get_wsgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: WSGIHandler) -> None:
        self._lane = WSGILane(application, WSGIHandler)
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, from the store where that is right."""
        sent = self._lane.sent(environ)
        if sent is None:
            return self._application(environ, start_response)
        start_response(sent.line, sent.headers)
        return [sent.body]


class WSGILane(Lane):
    """A lane that makes no request of what the server says, where another one has said the same."""

    def sent(self, environ: Environ) -> Sent | None:
        """Return the answer for a hit; else hand over what was found, unless Django is to fail by itself."""
        if not self.is_open():
            return None
        try:
            address = address_in(environ)
            recalled = self.place.ways.recall(address, environ)
            if recalled is not None:
                return _recalled(recalled, environ)
            request = Arrival(environ)
            facts = self.place.facts(request)
            visit = FastVisit(request, self.place.ways.watch(address, environ, facts))
            return None if asks_database(visit) else _sent(visit, environ)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            return None


def _recalled(recalled: Recalled, environ: Environ) -> Sent | None:
    """Return the answer for a hit of which all is known but whether it stands; else look it up."""
    is_plain = asks_plainly(environ["REQUEST_METHOD"], environ)
    look = glance(recalled.path, recalled.way) if is_plain else None
    waits = None if look is None or not look.keys else Patience()
    entry = None if look is None else _asked(look, waits)

    def arrived() -> FastVisit:
        return FastVisit(None, recalled.facts(environ, partial(Arrival, environ)), waits)

    if look is not None and entry is not None:
        sent: Sent = standing(entry, look.way, partial(plainly, entry, look.held), arrived)
        return sent
    visit = arrived()
    visit.found.glance = look
    return _sent(visit, environ)


def _asked(look: Glance, waits: Patience | None) -> Entry | None:
    """Return the page, if it stands at a glance; what that waits for the store counts for the request."""
    if waits is None:
        return look.run()
    with part_of(waits):
        return look.run()


def _sent(visit: FastVisit, environ: Environ) -> Sent | None:
    with part_of(visit.patience):
        sent: Sent | None = drive(ahead(visit))
    if sent is None:
        visit.complete()
        environ[VISIT] = visit
    return sent
