"""The fast lane under ASGI: hits are answered before Django has the request."""

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest

from pagecache.bridge.addresses import Address, Variables, address_in_scope
from pagecache.bridge.arrivals import variables_in, watched
from pagecache.bridge.fast import FAILED, HANDED_OVER, FastVisit, Lane, asks_plainly
from pagecache.bridge.plain import Sent
from pagecache.bridge.ways import Recalled
from pagecache.conf import Config
from pagecache.engine.drive import adrive
from pagecache.engine.flow import ahead
from pagecache.events import logger
from pagecache.meeting import Meeting, at_hand, settled
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
        self._sent = ASGILane(application, ASGIHandler).sent
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, from the store where that is right."""
        sent, handed = (await self._sent(scope)) if scope["type"] == "http" else (None, scope)
        if sent is None:
            await self._application(handed, receive, send)
        else:
            await _send(sent, send)


class ASGILane(Lane):
    """A lane that makes no request of what the server says, where another one has said the same."""

    async def sent(self, scope: Scope) -> tuple[Sent | None, Scope]:
        """Return the answer for a hit, and what to hand over, unless Django is to fail by itself."""
        if (config := self.config()) is None:
            return None, scope
        try:
            return await self._answered(scope, config)
        except Exception:  # noqa: BLE001 it fails again where Django can say so
            logger.debug(FAILED, exc_info=True)
            return None, scope

    async def _answered(self, scope: Scope, config: Config) -> tuple[Sent | None, Scope]:
        """Return the page that stands at a glance; else look it up."""
        variables = variables_in(scope)
        recalled = self._recall(scope, variables)
        if variables is not None and config.options.LOCAL == "push":
            is_plain = asks_plainly(scope["method"], variables)
            if is_plain and (at_once := at_hand(recalled[1])) is not None:
                return at_once, scope
        patience = Patience()
        with part_of(patience):
            met = Meeting(variables or {}, None, method=scope["method"])
            entry = await met.aentry(lambda _guess: recalled)
            sent = settled(met, entry, partial(self._made, scope, variables, met, patience))
            if isinstance(sent, FastVisit):
                return await _looked_up(sent, scope)
            return sent, scope

    def _recall(
        self, scope: Scope, variables: Variables | None
    ) -> tuple[Address | None, Recalled | None]:
        address = address_in_scope(scope)
        known = None if variables is None else self.place.ways.recall(address, variables)
        return address, known

    def _made(
        self, scope: Scope, variables: Variables | None, met: Meeting, patience: Patience
    ) -> FastVisit:
        """Return the visit of a request, of which all may be known that decides."""
        if met.recalled is not None and variables is not None:
            make = partial(ASGIRequest, scope, NO_BODY)
            return FastVisit(None, met.recalled.facts(variables, make), patience, met.address)
        request = ASGIRequest(scope, NO_BODY)
        facts = self.place.facts(watched(request))
        asked = self.place.ways.watch_scope(met.address, variables, facts)
        return FastVisit(request, asked, patience, met.address)


async def _looked_up(visit: FastVisit, scope: Scope) -> tuple[Sent | None, Scope]:
    sent: Sent | None = await adrive(ahead(visit))
    if sent is None:
        visit.complete()
        visit.hand_over(visit.request.META)
    return sent, {**scope, HANDED_OVER: visit}


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
