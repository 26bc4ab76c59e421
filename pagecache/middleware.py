"""The middleware that switches pagecache on: place it first in `MIDDLEWARE`."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.signals import request_started
from django.http import HttpRequest

from pagecache import conf
from pagecache.bridge import fast
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.guesses import Guesses
from pagecache.bridge.place import Place
from pagecache.bridge.plain import PlainResponse
from pagecache.bridge.twin import unsent
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.codec import Entry
from pagecache.core.reasons import Reason
from pagecache.engine.drive import adrive, drive
from pagecache.engine.flow import look_up_late, page
from pagecache.meeting import Meeting, ask_ahead, met_ahead
from pagecache.recording.recorder import recorder
from pagecache.recording.standing import take_note
from pagecache.stores.waiting import in_request

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
        # Else code of the site may have a request first, and keep it.
        self._is_stock = type(self) is PageCacheMiddleware
        self.process_view: Any = self._process_view
        if self._is_async:
            markcoroutinefunction(self)
            self.process_view = self._aprocess_view
        elif self._is_stock:
            request_started.connect(ask_ahead, dispatch_uid="pagecache.meeting")

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request, from the store where that is right."""
        if self._is_async:
            return self.__acall__(request)
        with in_request():
            if (visit := self._handed_over(request)) is None:
                met = self._meeting_of(request)
                entry = met.entry(partial(self._place.recall, request))
                if (served := self._served(request, met, entry)) is not None:
                    return served
                visit = self._visit_of(request, met)
            token = _visit.set(visit)
            try:
                return visit.leaving(drive(page(visit), visit.render))
            finally:
                _visit.reset(token)

    async def __acall__(self, request: HttpRequest) -> Any:
        """Answer a request on the event loop."""
        with in_request():
            if (visit := self._handed_over(request)) is None:
                met = self._new_meeting(request)
                entry = await met.aentry(partial(self._place.recall, request))
                if (served := self._served(request, met, entry)) is not None:
                    return served
                visit = self._visit_of(request, met)
            token = _visit.set(visit)
            try:
                return visit.leaving(await adrive(page(visit), visit.render))
            finally:
                _visit.reset(token)

    def arrive(self, request: HttpRequest) -> DjangoVisit:
        """Return the visit of a request, without a glance at its page."""
        return self._visit(request, self._facts_of(request))

    def _handed_over(self, request: HttpRequest) -> DjangoVisit | None:
        """Return the visit of a request that a lane has handed over, which goes on from what was found for it."""
        if (ahead := fast.handed_over(request)) is None:
            return None
        visit = self._visit(request, ahead.facts_of(request) or self._facts_of(request))
        visit.go_on_from(ahead)
        visit.asked.learn = None  # no rule was asked by this visit
        return visit

    def _facts_of(self, request: HttpRequest) -> DjangoAsked:
        return self._place.facts_of(request, *self._place.recall(request))

    def _meeting_of(self, request: HttpRequest) -> Meeting:
        """Return the meeting of a request, at which the store may have been asked already."""
        guesses = self._place.guesses
        ahead = met_ahead(request.META, guesses) if self._is_stock else None
        return ahead or self._new_meeting(request, guesses)

    def _new_meeting(self, request: HttpRequest, guesses: Guesses | None = None) -> Meeting:
        """Meet a request: with no glance inside of a page that is being made."""
        return Meeting(
            request.META,
            guesses,
            method=request.method if recorder() is None else None,
            begin=PlainResponse,
        )

    def _visit_of(self, request: HttpRequest, met: Meeting) -> DjangoVisit:
        """Return the visit of a request that was met."""
        visit = self._visit(request, self._place.facts_of(request, met.address, met.recalled))
        visit.found.glance = met.glance
        return visit

    def _served(self, request: HttpRequest, met: Meeting, entry: Entry | None) -> Any:
        """Return the response for a page that stands at a glance; None where there is to be a look-up."""
        glance = met.glance
        if entry is None or glance is None:
            return None
        try:
            if glance.way.tells:
                return self._visit_of(request, met).serve_plainly(entry, glance.way.key)
            response: PlainResponse = met.begun or PlainResponse()
            return response.showing(entry, glance.held)
        except Exception:  # noqa: BLE001 the look-up raises it, and the view answers
            return None

    def _visit(self, request: HttpRequest, asked: DjangoAsked) -> DjangoVisit:
        """Return the visit of a request of which these are the facts, as it came.

        A page that made the request, past Django's signals, is not stored.
        """
        if (outer := recorder()) is not None:
            outer.refuse(Reason.NESTED)
        visit = DjangoVisit(request, asked, outside=self._place.outside, behind_middleware=False)
        visit.render = partial(self._get_response, request)
        if conf.get().asks_by_itself and not self._place.outside:
            visit.again = partial(unsent, self._place.facts, self._get_response)
        return visit

    def _process_view(self, request: HttpRequest, *_view: Any) -> Any:
        """Look up what needs the site's own middleware first: pages of segments, or with holes."""
        visit = _visit.get()
        if visit is None or visit.request is not request:
            return None
        served = drive(look_up_late(visit)) if visit.is_waiting else None
        take_note(request)
        return served

    async def _aprocess_view(self, request: HttpRequest, *_view: Any) -> Any:
        visit = _visit.get()
        if visit is None or visit.request is not request:
            return None
        served = (await adrive(look_up_late(visit))) if visit.is_waiting else None
        take_note(request)
        return served
