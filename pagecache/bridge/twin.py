"""A request that nobody sent: for the page that a visitor asked for, with nothing of theirs beside."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils import timezone

from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.fast import HANDED_OVER
from pagecache.bridge.visit import DjangoVisit
from pagecache.core import types
from pagecache.core.types import Input, Refused
from pagecache.recording.ambient import speaking

# Of the server, and of the address that was asked for.
KEPT = (
    "wsgi.errors wsgi.multiprocess wsgi.multithread wsgi.run_once wsgi.version "
    "SERVER_NAME SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE "
    "HTTP_HOST HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_PORT"
).split()
OWN_ADDRESS = "127.0.0.1"
FOR_ONE = {"authorization", "cookie"}


def twin_of(
    asked: DjangoAsked, kind: type[HttpRequest], inputs: Iterable[Input]
) -> HttpRequest | None:
    """Return a request for the page that goes by these inputs; None where one would have to be the visitor's."""
    held = frozenset(item for item in inputs if _is_keyed(asked, item))
    if any(item.kind == types.VARY and item.name in FOR_ONE for item in held) and asked.cookies:
        return None
    meta = {name: asked.meta[name] for name in _names(held) if name in asked.meta}
    meta.setdefault("HTTP_ACCEPT_LANGUAGE", asked.language or "")
    kept = {item.name for item in held if item.kind == types.COOKIE} & asked.cookies.keys()
    if kept:
        cookies = SimpleCookie({name: asked.cookies[name] for name in sorted(kept)})
        meta["HTTP_COOKIE"] = cookies.output(header="", sep=";").strip()
    meta["QUERY_STRING"] = _query(asked, held)
    if issubclass(kind, WSGIRequest):
        return kind(_environ(asked, meta))
    if issubclass(kind, ASGIRequest):
        return kind(_scope(asked, meta), BytesIO())
    return None


def _is_keyed(asked: DjangoAsked, item: Input) -> bool:
    """Whether what a visitor sent is in the key, and so no visitor's own."""
    try:
        asked.value(item, frozenset())
    except Refused:
        return False
    return True


def _names(inputs: Iterable[Input]) -> Iterator[str]:
    """Give the names in `META` of what the page goes by."""
    yield from KEPT
    if settings.SECURE_PROXY_SSL_HEADER:
        yield settings.SECURE_PROXY_SSL_HEADER[0]
    for item in inputs:
        if item.kind in {types.HEADER, types.VARY}:
            yield "HTTP_" + item.name.upper().replace("-", "_")
        elif item.kind == types.META:
            yield item.name


def _query(asked: DjangoAsked, inputs: frozenset[Input]) -> str:
    if Input(types.QUERY_STRING) in inputs:
        return str(asked.meta.get("QUERY_STRING", ""))
    names = sorted(item.name for item in inputs if item.kind == types.QUERY)
    kept = QueryDict(mutable=True)
    for name in names:
        if name in asked.query:
            kept.setlist(name, asked.query.getlist(name))
    return kept.urlencode()


def _environ(asked: DjangoAsked, meta: dict[str, Any]) -> dict[str, Any]:
    texts = {"SCRIPT_NAME": asked.script, "PATH_INFO": asked.path}
    if "HTTP_COOKIE" in meta:
        texts["HTTP_COOKIE"] = meta["HTTP_COOKIE"]
    return {
        **meta,
        **{name: text.encode().decode("latin-1") for name, text in texts.items()},
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": OWN_ADDRESS,
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": asked.scheme,
    }


def _scope(asked: DjangoAsked, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": asked.scheme,
        "path": asked.full_path,
        "root_path": asked.script,
        "query_string": meta["QUERY_STRING"].encode(),
        "headers": [
            (name[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
            for name, value in meta.items()
            if name.startswith("HTTP_")
        ],
        "client": (OWN_ADDRESS, 0),
        "server": (meta["SERVER_NAME"], meta["SERVER_PORT"]),  # a socket of the system has no port
    }


@contextmanager
def _as_there(asked: DjangoAsked) -> Iterator[None]:
    """Have active, inside, what was when a request came."""
    with speaking(asked.active), timezone.override(asked.zone):
        yield


class Unsent(DjangoVisit):
    """A request that nobody sent, answered as a handler of Django answers one: the response is closed in the end."""

    def attend(self, answer: Callable[[], Any]) -> None:
        """Let it be answered."""
        with _as_there(self.asked):
            set_script_prefix(self.asked.script)
            variables = self.request.META
            variables[HANDED_OVER] = self  # nothing is to be asked for it
            try:
                request_started.send(sender=WSGIHandler, environ=variables)
            finally:
                variables.pop(HANDED_OVER, None)
            response = None
            try:
                response = answer()
            finally:
                _end(response, WSGIHandler)

    async def aattend(self, answer: Callable[[], Awaitable[Any]]) -> None:
        """Do the same on the event loop."""
        async with ThreadSensitiveContext():
            with _as_there(self.asked):
                set_script_prefix(self.asked.script)
                scope = getattr(self.request, "scope", {})
                await request_started.asend(sender=ASGIHandler, scope=scope)
                response = None
                try:
                    response = await answer()
                finally:
                    await sync_to_async(_end)(response, ASGIHandler)


def unsent(
    facts: Callable[[HttpRequest], DjangoAsked],
    get_response: Callable[[HttpRequest], Any],
    visit: DjangoVisit,
) -> Unsent | None:
    """Return a request for the page that a visitor asked for; None where it would have to be the visitor's own."""
    request = twin_of(visit.asked, visit.kind, visit.found.recipe)
    if request is None:
        return None
    with _as_there(visit.asked):
        made = Unsent(request, facts(request), outside=(), behind_middleware=False)
    made.render = partial(get_response, request)
    return made


def _end(response: Any, handler: type) -> None:
    if isinstance(response, HttpResponseBase):
        response.close()  # which says so
    else:
        request_finished.send(sender=handler)
