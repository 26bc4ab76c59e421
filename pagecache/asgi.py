"""The fast lane under ASGI: hits are answered before Django has the request."""

from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest

from pagecache.bridge.fast import VISIT, FastVisit, Lane, Sent
from pagecache.engine.drive import adrive
from pagecache.engine.flow import ahead
from pagecache.stores.waiting import patience

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

NO_BODY = BytesIO()


class PageCache:
    """`PageCache(get_asgi_application())` answers what `PageCacheMiddleware` would serve, and hands over all else.

    Raises ImproperlyConfigured where that is not first in `MIDDLEWARE`, or something lies between.
    """

    def __init__(self, application: ASGIHandler) -> None:
        self._lane = Lane(application, ASGIHandler, ASGIRequest)
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, from the store where that is right."""
        visit = self._lane.arrive(scope, NO_BODY) if scope["type"] == "http" else None
        sent, handed = (None, scope) if visit is None else await _ahead(visit, scope)
        if sent is None:
            await self._application(handed, receive, send)
        else:
            await _send(sent, send)


async def _ahead(visit: FastVisit, scope: Scope) -> tuple[Sent | None, Scope]:
    """Return the answer for a hit, and what to hand over: what was found too, unless Django is to fail by itself."""
    token = patience.set(visit.patience)
    try:
        sent: Sent | None = await adrive(ahead(visit))
    except Exception:  # noqa: BLE001 it fails again where Django can say so
        return None, scope
    finally:
        patience.reset(token)
    return sent, {**scope, VISIT: visit}


async def _send(sent: Sent, send: Send) -> None:
    """Send an answer as Django does."""
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.headers]
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    for part, is_last in ASGIHandler.chunk_bytes(sent.body):
        await send({"type": "http.response.body", "body": part, "more_body": not is_last})
