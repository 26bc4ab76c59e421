"""The fast lanes: what is answered before Django has the request, and how the middleware goes on from there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.core.signals import request_finished, request_started
from django.db import connections
from django.http import HttpRequest
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.announcing import site_store
from pagecache.bridge import outgoing, outside, plain, routes
from pagecache.bridge.addresses import Address, beside
from pagecache.bridge.answers import BEYOND
from pagecache.bridge.arrivals import STOCK, Arrival, whole
from pagecache.bridge.asked import DjangoAsked, is_equal
from pagecache.bridge.place import Place
from pagecache.bridge.plain import Sent, line_of
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.codec import Entry
from pagecache.events import logger
from pagecache.recording.recorder import Recorder, begin_request, current, end_request
from pagecache.stores.waiting import Patience, part_of, patience

HANDED_OVER = "pagecache.visit"  # in the environment, or the scope, that is handed over
FAILED = "A fast lane leaves a request to Django, since it cannot tell whether its page is stored."


class FastVisit(DjangoVisit):
    """A request before Django has it: what is served is for the server.

    One that says what another one said is not made before it is needed.
    """

    def __init__(
        self,
        request: HttpRequest | None,
        asked: DjangoAsked,
        waits: Patience,
        address: Address | None,
    ) -> None:
        made: Any = request
        super().__init__(made, asked, outside=(), behind_middleware=False)
        self._is_made = request is not None
        self.patience = waits  # goes on where the request does
        self._variables: Mapping[str, Any] = {}  # of the server
        self._beside = address and address[-1]  # when its facts were taken down

    def complete(self) -> None:
        """Have the request itself."""
        if not self._is_made:
            self.request = self.asked.request
            self._is_made = True
            self.asked.meta = self.request.META

    def hand_over(self, variables: Mapping[str, Any]) -> None:
        """Take down what was looked up by: who has the request next may write over it, as Django does."""
        self._variables = dict(variables)

    def facts_of(self, request: HttpRequest) -> DjangoAsked | None:
        """Return the facts of a request of Django's, if it says nothing but what was looked up by.

        Else the facts are left as they were found, to be compared with those that are found of the request.
        """
        asked = self.asked
        if (
            type(request) in STOCK
            and is_equal(self._variables, request.META)
            and self._beside is not None
            and beside() == self._beside
            and asked.is_read_of(request)
            and outside.is_unseen(request)
        ):
            vars(asked).pop("host", None)  # a setting says what it is read from
            asked.request, asked.meta = request, request.META
            return asked
        if not self._is_made:  # its variables are Django's by now
            asked.meta = Arrival(dict(self._variables)).META
        return None

    def serve(self, entry: Entry, now: float) -> Sent:
        """Return what is sent of an entry that has no holes."""
        if conf.get().options.REVEAL is None:
            return self._sent(entry, now)
        self.complete()
        set_script_prefix(self.asked.script)
        self.request = whole(self.request)
        with _a_request():  # for that function may ask the database
            return self._sent(entry, now)

    def serve_plainly(self, entry: Entry, key: str) -> Any:
        """Return what is sent of a page that was found without a look-up; who is told may wait for the store."""
        with part_of(self.patience):
            return super().serve_plainly(entry, key)

    def _sent(self, entry: Entry, now: float) -> Sent:
        if entry.coding or self._beyond(with_ranges=True):
            self.complete()
            response = super().serve(entry, now)
            status = response.status_code
            return Sent(status, line_of(status), tuple(response.items()), response.content)
        fields = outgoing.fields(self.asked.method, self.request, entry, now, self.found.key)
        return plain.sent_of(entry, fields)


@contextmanager
def _a_request() -> Iterator[None]:
    """Let what runs inside be a request; its connections to the database end as Django lets them.

    Those that were there before are somebody else's, unless they failed.
    """
    held = [one for one in connections.all(initialized_only=True) if one.connection is not None]
    begin_request()
    try:
        yield
    finally:
        end_request()
        for one in connections.all(initialized_only=True):
            if one.connection is not None and (one not in held or one.errors_occurred):
                one.close_if_unusable_or_obsolete()


class Lane:
    """Looks at requests before Django; raises ImproperlyConfigured where that would skip something of the site's."""

    def __init__(self, application: Any, kind: type[BaseHandler]) -> None:
        is_derived = type(application) is not kind
        if is_derived or application.request_class is not kind.request_class:  # type: ignore[attr-defined]
            raise ImproperlyConfigured(
                f"PageCache stands around Django's own {kind.__name__}, not {application!r}: what lies between would "
                "not see the requests that it answers. Put that around PageCache(...)."
            )
        if (problem := problem_of(settings.MIDDLEWARE)) is not None:
            raise ImproperlyConfigured(problem)
        self.place = Place(import_string(settings.MIDDLEWARE[0]))
        self._strangers = outside.Strangers(request_started, request_finished)

    def config(self) -> conf.Config | None:
        """Return what to answer by; None where all is Django's.

        It is where the request belongs to a page that is being made, for that depends on the answer, and where somebody
        unknown wants to hear of requests.
        """
        strangers, config = self._strangers, conf.last or conf.get()
        # As `changed` has it, of the same signals in their order, in fewer steps.
        found_for = config, request_started.receivers, request_finished.receivers
        if strangers.found_for != found_for and strangers.changed() and strangers.unknown:
            logger.warning(
                "The fast lane leaves all requests to Django, since %s would not hear of them. Name in OUTSIDE "
                "what need not hear of pages from the store.",
                ", ".join(strangers.unknown),
            )
        # As `recorder` has it.
        return None if strangers.unknown or isinstance(current.get(), Recorder) else config


def asks_database(visit: DjangoVisit) -> bool:
    """Whether a look-up takes a connection to the database, which is Django's to keep."""
    return site_store().asks_database or site_store(visit.alias).asks_database


def asks_plainly(method: str | None, variables: Mapping[str, Any]) -> bool:
    """Whether a request wants a page as a whole."""
    return method == "GET" and variables.keys().isdisjoint(BEYOND)


def problem_of(middleware: Sequence[str]) -> str | None:
    """Say why requests cannot be answered before Django has them, if so."""
    if middleware and routes.is_ours(middleware[0]):
        return None
    return (
        f"The fast lane needs {routes.OURS} itself first in MIDDLEWARE: what stands before it would not see the "
        "requests that the lane answers."
    )


def handed_over(request: HttpRequest) -> FastVisit | None:
    """Return what a lane handed over with a request, if it did; and leave no trace of it."""
    held: Any = getattr(request, "scope", request.META)
    ahead: FastVisit | None = held.pop(HANDED_OVER, None)
    if ahead is not None:
        patience.set(ahead.patience)
    return ahead
