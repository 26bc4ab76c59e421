"""The fast lane under WSGI: hits are answered before Django has the request."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pagecache.bridge.addresses import Address, address_in, beside
from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.fast import FAILED, HANDED_OVER, FastVisit, Lane, asks_plainly
from pagecache.bridge.plain import Sent
from pagecache.bridge.ways import Recalled
from pagecache.engine.drive import drive
from pagecache.engine.flow import ahead
from pagecache.events import logger
from pagecache.meeting import Meeting, at_hand, settled
from pagecache.stores.waiting import Patience, part_of

Environ = dict[str, Any]


class PageCache:
    """`PageCache(get_wsgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: WSGIHandler) -> None:
        self._sent = WSGILane(application, WSGIHandler).sent
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, from the store where that is right."""
        sent = self._sent(environ)
        if sent is None:
            return self._application(environ, start_response)
        _, line, headers, body = sent
        start_response(line, list(headers))  # a server may change it
        return [body]


class WSGILane(Lane):
    """A lane that makes no request of what the server says, where another one has said the same."""

    def sent(self, environ: Environ) -> Sent | None:
        """Return the answer for a hit; else hand over what was found, unless Django is to fail by itself."""
        if (config := self.config()) is None:
            return None
        try:
            if config.options.LOCAL == "push" and environ["REQUEST_METHOD"] == "GET":
                known = self.place.guesses.guess(environ)
                if known is None or known.beside != beside():  # given up, or of somebody else
                    known = self._recalled(environ)
                if "wsgi.input" in environ and (sent := at_hand(known)) is not None:
                    return sent
            return self._answered(environ)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            logger.debug(FAILED, exc_info=True)
            return None

    def _answered(self, environ: Environ) -> Sent | None:
        """Return the page that stands at a glance; else look it up."""
        recall, patience = partial(self._recall, environ), Patience()
        with part_of(patience):
            met = Meeting(environ, self.place.guesses, method=environ["REQUEST_METHOD"])
            entry = met.entry(recall)
            sent = settled(met, entry, partial(self._made, environ, met, patience))
            return _looked_up(sent, environ) if isinstance(sent, FastVisit) else sent

    def _recalled(self, environ: Environ) -> Recalled | None:
        """Return what is known of a request that wants a page as a whole, by its address."""
        return self._recall(environ)[1] if asks_plainly("GET", environ) else None

    def _recall(
        self, environ: Environ, guess: Recalled | None = None
    ) -> tuple[Address | None, Recalled | None]:
        address = address_in(environ)
        return address, self.place.ways.recall(address, environ, guess)

    def _made(self, environ: Environ, met: Meeting, patience: Patience) -> FastVisit:
        """Return the visit of a request, of which all may be known that decides."""
        if met.recalled is not None:
            asked = met.recalled.facts(environ, partial(Arrival, environ))
            return FastVisit(None, asked, patience, met.address)
        request = Arrival(environ)
        facts = self.place.ways.watch(met.address, environ, self.place.facts(request))
        return FastVisit(request, facts, patience, met.address)


def _looked_up(visit: FastVisit, environ: Environ) -> Sent | None:
    sent: Sent | None = drive(ahead(visit))
    if sent is None:
        visit.hand_over(environ)
        environ[HANDED_OVER] = visit
    return sent
