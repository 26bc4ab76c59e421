"""The fast lane under WSGI: hits are answered before Django has the request."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.fast import VISIT, FastVisit, Lane, Sent
from pagecache.engine.drive import drive
from pagecache.engine.flow import ahead
from pagecache.stores.waiting import patience

Environ = dict[str, Any]


class PageCache:
    """`PageCache(get_wsgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: WSGIHandler) -> None:
        self._lane = Lane(application, WSGIHandler, Arrival)
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, from the store where that is right."""
        visit = self._lane.arrive(environ)
        sent = None if visit is None else _sent(visit, environ)
        if sent is None:
            return self._application(environ, start_response)
        start_response(sent.line, sent.headers)
        return [sent.body]


def _sent(visit: FastVisit, environ: Environ) -> Sent | None:
    """Return the answer for a hit; else hand over what was found, unless Django is to fail by itself."""
    token = patience.set(visit.patience)
    try:
        sent: Sent | None = drive(ahead(visit))
    except Exception:  # noqa: BLE001 it fails again where Django can say so
        return None
    finally:
        patience.reset(token)
    if sent is None:
        environ[VISIT] = visit
    return sent
