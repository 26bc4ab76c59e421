"""Plain answers: what is sent of a page that everybody gets as it is."""

import time
from functools import lru_cache
from http.client import responses
from http.cookies import SimpleCookie
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.http import HttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

from pagecache.announcing import site_store
from pagecache.bridge import outside
from pagecache.bridge.addresses import HOLDING
from pagecache.bridge.outgoing import fields_at
from pagecache.core.codec import FOREVER, Entry
from pagecache.recording.recorder import end_request
from pagecache.stores import waiting
from pagecache.stores.local import Held

UNKNOWN = "Unknown Status Code"  # as Django says

Fields = dict[str, tuple[str, str]]


class Sent(NamedTuple):
    """What a server sends."""

    status: int
    line: str  # status and reason, as Django says them
    headers: tuple[tuple[str, str], ...]  # shared by all answers of a second
    body: bytes


class Dressed(NamedTuple):
    """What is sent of a page, which says the same for less than a second."""

    fields: Fields
    sent: Sent
    since: float
    until: float


@lru_cache(100)
def line_of(status: int) -> str:
    """Return a status and its reason, as Django says them."""
    return f"{status} {responses.get(status, UNKNOWN)}"


def dressed(held: Held) -> Dressed:
    """Return what is sent of a page that is held, and kept with it."""
    now, entry = time.time(), held.entry
    known: Dressed | None = held.dressed
    if known is not None and known.since <= now < known.until:
        return known
    fields = fields_at(entry, now)
    older = 1 - (entry.age + now - entry.created) % 1
    nearer = 1 if entry.expires == FOREVER else (entry.expires - now) % 1
    until = min(now + min(older, nearer), entry.expires)  # who goes by this alone asks for no end
    made = held.dressed = Dressed(fields, sent_of(entry, fields), now, until)
    return made


def sent_of(entry: Entry, fields: Fields) -> Sent:
    """Return what a server sends of a page, with these fields."""
    return Sent(entry.status, line_of(entry.status), tuple(fields.values()), entry.body)


def plainly(entry: Entry, held: Held | None = None) -> Sent:
    """Return what a server sends of a page, which may be held."""
    return sent_of(entry, fields_at(entry, time.time())) if held is None else dressed(held).sent


_hearing = outside.Strangers(request_started, request_finished, knows=outside.IDLE.__contains__)


# What Django gives each response that it makes, but for what is of its own.
BLANK = {
    name: value
    for name, value in vars(HttpResponse(content_type="")).items()
    if name not in {"headers", "cookies", "_resource_closers", "_container"}
}
SHARED = {type(None), bool}  # what can be the same in all


def _makers() -> tuple[object, ...]:
    return HttpResponse.__init__, HttpResponseBase.__init__


# Sites and their packages put others in their place. These may have made what only one response is to have.
MAKERS = _makers() if SHARED.issuperset(map(type, BLANK.values())) else ()


class PlainResponse(HttpResponse):
    """The response for a page (a 200) that everybody gets as it is; made before that is there, where there is time."""

    def __init__(self) -> None:
        """Have what `HttpResponse` gives one, without its steps, unless a site has put something around these."""
        if _makers() != MAKERS:
            super().__init__(content_type="")
            return
        self.__dict__.update(BLANK)
        self.headers, self.cookies = ResponseHeaders({}), SimpleCookie()
        self._resource_closers: list[Any] = []

    def showing(self, entry: Entry, held: Held | None = None) -> Self:
        """Return it for a page, which may be held."""
        self._container = [entry.body]
        fields = fields_at(entry, time.time()) if held is None else dressed(held).fields.copy()
        self.headers._store = fields  # noqa: SLF001
        return self

    def items(self) -> Any:
        """Return the header fields at once: handlers ask for all, and would find each one by its name."""
        return self.headers._store.values()  # noqa: SLF001

    def close(self) -> None:
        """End the request: no signal, where all who hear of it would find that there is nothing to end.

        The URLconf that Django's handler made active is the site's own, which counts as well where none is.
        """
        _hearing.changed()
        if _hearing.unknown or site_store().asks_database or asks_for_hosts():
            super().close()
            return
        for close in self._resource_closers:
            try:  # noqa: SIM105 in fewer steps
                close()
            except Exception:  # noqa: BLE001, S110 as Django does
                pass
        self._resource_closers.clear()
        self.closed = True
        waiting.end_request()
        end_request()


def asks_for_hosts() -> bool:
    """Whether the hosts that are allowed are found out by code of the site, which may open a connection for that."""
    return type(settings.ALLOWED_HOSTS) not in HOLDING
