"""The middleware that switches pagecache on: place it first in `MIDDLEWARE`."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.bridge import routes
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.reasons import Reason
from pagecache.core.types import Route
from pagecache.engine.drive import adrive, drive
from pagecache.engine.flow import look_up_late, page
from pagecache.recording import stock

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
        if not apps.is_installed("pagecache"):
            message = "PageCacheMiddleware needs 'pagecache' in INSTALLED_APPS: without it no write is seen."
            raise ImproperlyConfigured(message)
        self._get_response = get_response
        conf.get()
        stock.install(settings.MIDDLEWARE)
        outside, inside = _split(settings.MIDDLEWARE, type(self))
        self._is_outside_unknown = bool(routes.unknown_outside(outside))
        self._derives_language = stock.LOCALE in inside
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
            return drive(page(visit), partial(self._get_response, request))
        finally:
            _visit.reset(token)

    async def __acall__(self, request: HttpRequest) -> Any:
        """Answer a request on the event loop."""
        visit = self.arrive(request)
        token = _visit.set(visit)
        try:
            return await adrive(page(visit), partial(self._get_response, request))
        finally:
            _visit.reset(token)

    def arrive(self, request: HttpRequest) -> DjangoVisit:
        """Take down the facts of a request as it came."""
        asked = DjangoAsked(request, derives_language=self._derives_language and settings.USE_I18N)
        if self._is_outside_unknown:
            asked.route = Route(Reason.OUTSIDE)
        else:
            asked.route = routes.route(asked.path, asked.urlconf, asked.language)
        return DjangoVisit(request, asked, behind_middleware=False)

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


def _split(middleware: Sequence[str], own: type) -> tuple[Sequence[str], Sequence[str]]:
    """Return what stands outside pagecache and what stands inside."""
    for index, path in enumerate(middleware):
        if import_string(path) is own:
            return middleware[:index], middleware[index + 1 :]
    raise ImproperlyConfigured(
        f"{own.__name__} is not itself in MIDDLEWARE, so what stands around it is not known. Name it there by its "
        "dotted path, not a function that makes it; PAGECACHE['ENABLED'] switches it off and on."
    )
