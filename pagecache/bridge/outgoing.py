"""Responses on their way out: from an entry, into an entry, and with a word on what happened."""

from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers

from pagecache import conf
from pagecache.core import freshness, status, types
from pagecache.core.codec import FOREVER, Entry
from pagecache.core.headers import cache_control, http_date
from pagecache.core.types import Input, Outcome

# Fields of one connection or one delivery (RFC 9110 7.6.1, RFC 9111 3.1), and our own word.
UNSTORED = frozenset(
    "age cache-status connection keep-alive proxy-authenticate proxy-authentication-info proxy-authorization "
    "proxy-connection set-cookie te trailer transfer-encoding upgrade".split()
)
COOKIE_KINDS = {types.COOKIE, types.SESSION, types.USER}


def dress(
    response: HttpResponse,
    inputs: tuple[Input, ...],
    material: bytes,
    *,
    downstream: int | None,
    shared: bool,
) -> None:
    """Give a response that is stored what caches further down need: a validator, a freshness, a `Vary`.

    A copy in a browser or a CDN cannot be called back, so it gets what the site said and nothing longer.
    """
    if not response.has_header("ETag"):
        encoding = response.get("Content-Encoding", "").encode()
        digest = blake2b(material + b"|" + encoding + b"|" + response.content, digest_size=12)
        response["ETag"] = f'"{digest.hexdigest()}"'
    stated = cache_control(response.get("Cache-Control", ""))
    if not stated.keys() & {"max-age", "s-maxage"} and not response.has_header("Expires"):
        seconds = conf.get().options.DOWNSTREAM_MAX_AGE if downstream is None else downstream
        if seconds:
            patch_cache_control(response, max_age=seconds)
        else:
            patch_cache_control(response, max_age=0, must_revalidate=True)
    if not shared:
        patch_cache_control(response, private=True)
    if names := [name for item in inputs if (name := _vary_name(item))]:
        patch_vary_headers(response, names)


def _vary_name(item: Input) -> str | None:
    if item.kind in COOKIE_KINDS:
        return "Cookie"
    return item.name.title() if item.kind in {types.HEADER, types.VARY} else None


def capture(
    response: HttpResponse, material: bytes, tags: tuple[str, ...], kept: tuple[float, float | None]
) -> Entry:
    """Return the entry for a response; `kept` says when it was made and for how many seconds it holds."""
    created, lifetime = kept
    headers = {name.lower(): value for name, value in response.items()}
    return Entry(
        material=material,
        tags=tags,
        status=response.status_code,
        headers=tuple(
            (name, value) for name, value in response.items() if name.lower() not in UNSTORED
        ),
        body=response.content,
        created=created,
        expires=FOREVER if lifetime is None else created + lifetime,
        age=freshness.current_age(headers),
    )


def serve(
    request: HttpRequest, entry: Entry, now: float, conditions: dict[str, str], key: str
) -> Any:
    """Return the response for an entry, made anew for each client."""
    body = b"" if request.method == "HEAD" else entry.body
    response = HttpResponse(body, content_type="", status=entry.status)
    ttl = None if entry.expires == FOREVER else entry.expires - now
    ours = (
        ("Age", str(max(0, int(entry.age + now - entry.created)))),
        ("Cache-Status", status.hit(ttl, key=key if is_revealed(request) else None)),
    )
    # They were checked when they were set on the response that was stored; ours are plain ASCII.
    response.headers._store = {name.lower(): (name, value) for name, value in entry.headers + ours}  # noqa: SLF001
    return _conditional(request, response, conditions) if conditions else response


def finish(
    request: HttpRequest,
    response: HttpResponseBase,
    outcome: Outcome,
    conditions: dict[str, str],
    key: str,
) -> Any:
    """Append our word to a response that the view made."""
    if not status.has_member(response.get("Cache-Status")):
        revealed = is_revealed(request)
        member = status.forwarded(
            outcome.forward,
            stored=outcome.stored,
            ttl=outcome.ttl,
            detail=outcome.reason if revealed else None,
            key=key if revealed and key else None,
        )
        response["Cache-Status"] = status.append(response.get("Cache-Status"), member)
    return _conditional(request, response, conditions) if conditions else response


def is_revealed(request: HttpRequest) -> bool:
    """Whether the client may see reasons and keys."""
    if settings.DEBUG:
        return True
    try:
        return bool(conf.get().reveal(request))
    except Exception:  # noqa: BLE001 in doubt nothing is shown
        return False


def _conditional(request: HttpRequest, response: Any, conditions: dict[str, str]) -> Any:
    """Answer If-None-Match and If-Modified-Since (RFC 9110 13.2.2)."""
    if not conditions or response.status_code != 200 or response.streaming:  # noqa: PLR2004 a status code
        return response
    asking = HttpRequest()
    asking.method, asking.META = request.method, dict(conditions)
    etag, modified = response.get("ETag"), response.get("Last-Modified")
    answer = get_conditional_response(
        asking, etag=etag, last_modified=_whole_seconds(modified), response=response
    )
    if answer is not None and answer is not response:
        for name in ("Age", "Cache-Status"):
            if response.has_header(name):
                answer[name] = response[name]
    return answer


def _whole_seconds(value: str | None) -> int | None:
    """Return Last-Modified in whole seconds since the epoch."""
    seconds = http_date(value) if value else None
    return None if seconds is None else int(seconds)
