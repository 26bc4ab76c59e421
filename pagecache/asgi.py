"""The fast lane under ASGI: hits are answered before Django has the request."""

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest

from pagecache.bridge.addresses import Variables, address_in_scope
from pagecache.bridge.arrivals import variables_in, watched
from pagecache.bridge.fast import (
    VISIT,
    FastVisit,
    Lane,
    Sent,
    asks_database,
    asks_plainly,
    plainly,
    standing,
)
from pagecache.bridge.ways import Recalled
from pagecache.core.codec import Entry
from pagecache.engine.drive import adrive
from pagecache.engine.flow import ahead
from pagecache.engine.glancing import Glance, glance
from pagecache.stores.waiting import Patience, part_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

NO_BODY = BytesIO()


class PageCache:
    """`PageCache(get_asgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: ASGIHandler) -> None:
        self._lane = ASGILane(application, ASGIHandler)
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, from the store where that is right."""
        sent, handed = (await self._lane.sent(scope)) if scope["type"] == "http" else (None, scope)
        if sent is None:
            await self._application(handed, receive, send)
        else:
            await _send(sent, send)


class ASGILane(Lane):
    """A lane that makes no request of what the server says, where another one has said the same."""

    async def sent(self, scope: Scope) -> tuple[Sent | None, Scope]:
        """Return the answer for a hit, and what to hand over, unless Django is to fail by itself."""
        if not self.is_open():
            return None, scope
        try:
            address, variables = address_in_scope(scope), variables_in(scope)
            ways = self.place.ways
            if variables is not None and (recalled := ways.recall(address, variables)) is not None:
                return await _recalled(recalled, variables, scope)
            request = ASGIRequest(scope, NO_BODY)
            facts = self.place.facts(watched(request))
            visit = FastVisit(request, ways.watch_scope(address, variables, facts))
            return (None, scope) if asks_database(visit) else await _ahead(visit, scope)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            return None, scope


async def _recalled(
    recalled: Recalled, variables: Variables, scope: Scope
) -> tuple[Sent | None, Scope]:
    """Return the answer for a hit of which all is known but whether it stands; else look it up."""
    is_plain = asks_plainly(scope["method"], variables)
    look = glance(recalled.path, recalled.way) if is_plain else None
    waits = None if look is None or not look.keys else Patience()
    entry = None if look is None else await _asked(look, waits)
    make = partial(ASGIRequest, scope, NO_BODY)

    def arrived() -> FastVisit:
        return FastVisit(None, recalled.facts(variables, make), waits)

    if look is not None and entry is not None:
        return standing(entry, look.way, partial(plainly, entry, look.held), arrived), scope
    visit = arrived()
    visit.found.glance = look
    return await _ahead(visit, scope)


async def _asked(look: Glance, waits: Patience | None) -> Entry | None:
    """Return the page, if it stands at a glance; what that waits for the store counts for the request."""
    if waits is None:
        return look.run()
    with part_of(waits):
        return await look.arun()


async def _ahead(visit: FastVisit, scope: Scope) -> tuple[Sent | None, Scope]:
    """Look a page up."""
    with part_of(visit.patience):
        sent: Sent | None = await adrive(ahead(visit))
    if sent is None:
        visit.complete()
    return sent, {**scope, VISIT: visit}


async def _send(sent: Sent, send: Send) -> None:
    """Send an answer as Django does."""
    headers = [_encoded(field) for field in sent.headers]
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    for part, is_last in ASGIHandler.chunk_bytes(sent.body):
        await send({"type": "http.response.body", "body": part, "more_body": not is_last})


@lru_cache(1000)
def _encoded(field: tuple[str, str]) -> tuple[bytes, bytes]:
    """Return a header field as it is sent; remembered, for most are sent again."""
    name, value = field
    return name.encode("ascii"), value.encode("latin-1")
