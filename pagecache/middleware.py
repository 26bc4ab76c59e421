"""The middleware that switches pagecache on: place it first in `MIDDLEWARE`."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest

from pagecache import conf
from pagecache.bridge import fast
from pagecache.bridge.place import Place
from pagecache.bridge.twin import unsent
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.reasons import Reason
from pagecache.engine.drive import adrive, drive
from pagecache.engine.flow import look_up_late, page
from pagecache.recording.recorder import recorder

GetResponse = Callable[[HttpRequest], Any]

_visit: ContextVar[DjangoVisit | None] = ContextVar("pagecache_visit", default=None)


class PageCacheMiddleware:
    """Serves whole GET and HEAD responses from the store, and stores what may be shared; sync and async.

    Raises ImproperlyConfigured at start-up where `PAGECACHE` is wrong, the app is not installed, or `MIDDLEWARE` does
    not name the class itself.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._place = Place(type(self))
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        self.process_view: Any = self._process_view
        if self._is_async:
            markcoroutinefunction(self)
            self.process_view = self._aprocess_view

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request, from the store where that is right."""
        if self._is_async:
            return self.__acall__(request)
        visit = self.arrive(request)
        token = _visit.set(visit)
        try:
            return visit.leaving(drive(page(visit), visit.render))
        finally:
            _visit.reset(token)

    async def __acall__(self, request: HttpRequest) -> Any:
        """Answer a request on the event loop."""
        visit = self.arrive(request)
        token = _visit.set(visit)
        try:
            return visit.leaving(await adrive(page(visit), visit.render))
        finally:
            _visit.reset(token)

    def arrive(self, request: HttpRequest) -> DjangoVisit:
        """Take down the facts of a request as it came, and what a fast lane before Django has found for it.

        A page that made the request, past Django's signals, is not stored.
        """
        if (outer := recorder()) is not None:
            outer.refuse(Reason.NESTED)
        place, ahead = self._place, fast.handed_over(request)
        visit = DjangoVisit(
            request, place.asked(request), outside=place.outside, behind_middleware=False
        )
        visit.render = partial(self._get_response, request)
        if conf.get().asks_by_itself and not place.outside:
            visit.again = partial(unsent, place.facts, self._get_response)
        if ahead is not None:
            visit.go_on_from(ahead)
        return visit

    def _process_view(self, request: HttpRequest, *_view: Any) -> Any:
        """Look up what needs the site's own middleware first: pages of segments."""
        visit = _visit.get()
        if visit is None or visit.request is not request or not visit.is_waiting:
            return None
        return drive(look_up_late(visit))

    async def _aprocess_view(self, request: HttpRequest, *_view: Any) -> Any:
        visit = _visit.get()
        if visit is None or visit.request is not request or not visit.is_waiting:
            return None
        return await adrive(look_up_late(visit))
