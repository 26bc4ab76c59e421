"""The fast lane under WSGI: hits are answered before Django has the request."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.fast import VISIT, FastVisit, Lane, Sent, asks_database, asks_plainly, plainly
from pagecache.bridge.ways import address_in
from pagecache.engine.drive import drive
from pagecache.engine.flow import ahead
from pagecache.engine.looking import at_hand
from pagecache.stores.waiting import patience

Environ = dict[str, Any]


class PageCache:
    """`PageCache(get_wsgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: WSGIHandler) -> None:
        self._lane = WSGILane(application, WSGIHandler, Arrival)
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
            if recalled is None:
                request = Arrival(environ)
                facts = self.place.facts(request)
                visit = FastVisit(request, self.place.ways.watch(address, environ, facts))
                if asks_database(visit):
                    return None
            elif asks_plainly(environ) and (held := at_hand(recalled.path, recalled.way)):
                return plainly(held)
            else:
                visit = FastVisit(None, recalled.facts(environ, partial(Arrival, environ)))
            return _sent(visit, environ)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            return None


def _sent(visit: FastVisit, environ: Environ) -> Sent | None:
    token = patience.set(visit.patience)
    try:
        sent: Sent | None = drive(ahead(visit))
    finally:
        patience.reset(token)
    if sent is None:
        visit.complete()
        environ[VISIT] = visit
    return sent
