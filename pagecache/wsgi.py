"""The fast lane under WSGI: hits are answered before Django has the request."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.fast import VISIT, FastVisit, Lane, Sent, asks_database, is_plain, plainly
from pagecache.bridge.ways import Address, ambient
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
            address = _address(environ)
            recalled = self.place.ways.recall(address, environ)
            if recalled is None:
                visit = self._visit(address, environ)
            elif (held := at_hand(recalled.path, recalled.way)) and is_plain(held, environ):
                return plainly(held)
            else:
                facts = recalled.facts(environ, partial(Arrival, environ))
                visit = FastVisit(None, facts, partial(self._visit, address, environ))
            return None if asks_database(visit) else _sent(visit, environ)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            return None

    def _visit(self, address: Address | None, environ: Environ) -> FastVisit:
        request = Arrival(environ)
        facts = self.place.facts(request)
        return FastVisit(request, self.place.ways.watch(address, environ, facts))


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


def _address(environ: Environ) -> Address | None:
    """Return what requests are told apart by first; None where they are to be read each time."""
    said = ambient() if "wsgi.input" in environ else None
    return said and (
        *said,
        environ["REQUEST_METHOD"],
        environ.get("SCRIPT_NAME"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
    )
