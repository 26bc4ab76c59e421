"""Responses on their way out: from an entry, into an entry, and with a word on what happened."""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from pagecache import conf
from pagecache.bridge import encoding
from pagecache.bridge.answers import Asked, answer
from pagecache.bridge.fields import by_lower_name, say, value_of
from pagecache.bridge.filling import Bare
from pagecache.core import freshness, holes, status
from pagecache.core.codec import FOREVER, Entry, Headers
from pagecache.core.headers import field_names
from pagecache.core.holes import IN_HEADER, NONCE
from pagecache.core.reasons import Reason
from pagecache.core.rules import POLICIES
from pagecache.core.targeted import OWN
from pagecache.core.types import Outcome

# Fields of one connection or one delivery (RFC 9110 7.6.1, RFC 9111 3.1), and one that is ours alone.
UNSTORED = frozenset(
    "age connection keep-alive pagecache-cache-control proxy-authenticate proxy-authentication-info "
    "proxy-authorization proxy-connection set-cookie te trailer transfer-encoding upgrade".split()
)
# What a page is not safe or not whole without, whatever `Connection` names.
ESSENTIAL = {"cache-control", "content-encoding", "content-type", "etag", "vary"}
NO_CONTENT = 204
ABOUT_BODY = {"link", "location", "refresh"}


def capture(
    response: HttpResponse,
    bare: Bare,
    material: bytes,
    tags: tuple[str, ...],
    kept: tuple[float, float, float | None],
) -> Entry:
    """Return the entry for a response; `kept` says when it was asked for, made, and for how many seconds it holds."""
    asked, created, lifetime = kept
    headers, fields = by_lower_name(response), bare.headers(response)
    unstored = UNSTORED
    if "connection" in headers:
        unstored = UNSTORED.union(field_names(headers["connection"])) - ESSENTIAL
    if response.status_code == NO_CONTENT:
        unstored |= {"content-length"}  # RFC 9110 8.6
    if not unstored.isdisjoint(headers):
        named = zip(headers, fields, strict=True)
        fields = [field for name, field in named if name not in unstored]
    return Entry(
        material=material,
        tags=tags,
        status=response.status_code,
        headers=tuple(fields),
        body=bare.body,
        created=created,
        expires=FOREVER if lifetime is None else created + lifetime,
        age=freshness.initial_age(headers, created, asked),
        holes=bare.holes,
    )


def differences(response: HttpResponse, bare: Bare, stored: Entry) -> tuple[str, ...]:
    """Return what of a response is not as in an entry: status, body outside of holes, header fields about that."""
    entry = encoding.plain(stored) or stored
    made = {name.lower(): value for name, value in bare.headers(response)}
    kept = {name.lower(): value for name, value in entry.headers}
    fields = {name for name in made.keys() | kept.keys() if _is_about_body(name)}
    pairs = {
        "status": (response.status_code, entry.status),
        "body": ((bare.body, bare.holes), (entry.body, entry.holes)),
        **{name: (made.get(name), kept.get(name)) for name in sorted(fields)},
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def _is_about_body(name: str) -> bool:
    """Whether a field says what the body is; others may tell of one delivery, such as a number of the request."""
    return name in ABOUT_BODY or (name.startswith("content-") and name != "content-length")


def serve(
    request: HttpRequest,
    entry: Entry,
    now: float,
    asked: Asked,
    key: str,
) -> Any:
    """Return the response for an entry, made anew for each client."""
    # To HEAD too, as a view would: the server leaves it out, and middleware around counts its length.
    response = HttpResponse(entry.body, content_type="", status=entry.status)
    response.headers._store = fields(request.method, request, entry, now, key)  # noqa: SLF001
    if entry.coding:
        encoding.mark(response, entry.coding)
    return answer(response, asked, entry.created) if asked else response


def fields(
    method: str | None, request: HttpRequest, entry: Entry, now: float, key: str
) -> dict[str, tuple[str, str]]:
    """Return the header fields that an entry is sent with, by their names in lower case.

    They were checked when they were set on the response that was stored; ours are plain ASCII.
    """
    sent = fields_at(entry, now, key if is_revealed(request) else None)
    if method == "HEAD" and entry.status != NO_CONTENT:
        # RFC 9110 8.6: as a GET has it.
        sent["content-length"] = "Content-Length", str(len(entry.body))
    return sent


def fields_at(entry: Entry, now: float, key: str | None = None) -> dict[str, tuple[str, str]]:
    """Return the header fields of an entry with those of a time, by their names in lower case."""
    headers = entry.headers if type(entry.headers) is Headers else Headers(entry.headers)
    fields = headers.by_name.copy()
    _, before = fields.get("cache-status", ("", None))
    fields["age"], fields["cache-status"] = of_now(entry, now, before, key)
    return fields


def of_now(
    entry: Entry, now: float, before: str | None = None, key: str | None = None
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the fields that an entry is sent with at a time: its age, and what happened behind what did `before`."""
    ttl = None if entry.expires == FOREVER else int(entry.expires - now)
    return _of_second(max(0, int(entry.age + now - entry.created)), ttl, before, key)


@lru_cache(1000)
def _of_second(
    age: int, ttl: int | None, before: str | None, key: str | None
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return these fields; remembered, for they say the same for a second."""
    return ("Age", str(age)), ("Cache-Status", status.append(before, status.hit(ttl, key=key)))


def fill(
    request: HttpRequest, response: HttpResponse, entry: Entry, filling: Mapping[str, str]
) -> None:
    """Fill the holes of a response for an entry, in its body and in headers."""
    values = {name: value.encode(response.charset) for name, value in filling.items()}
    body = holes.fill(entry.body, entry.holes, values)
    if request.method != "HEAD":
        response.content = body
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(body))
    for name, value in tuple(response.items()):  # spelled as the site does
        if name.lower() in POLICIES:
            response[name] = value.replace(IN_HEADER, filling.get(NONCE, ""))


def finish(  # noqa: PLR0913 what it says is told by
    request: HttpRequest,
    response: HttpResponseBase,
    outcome: Outcome,
    asked: Asked,
    key: str,
    *,
    made: int,
) -> Any:
    """Append our word to what is sent of a response that the view made; `made` is the status that it answered with."""
    del response[OWN]
    sent = answer(response, asked, time.time()) if asked else response
    before = value_of(sent, "cache-status")
    if not status.has_member(before):
        revealed = is_revealed(request)
        tells_of_others = outcome.forward == "vary-miss" and not revealed
        member = status.forwarded(
            "uri-miss" if tells_of_others else outcome.forward,
            status=None if sent.status_code == made else made,
            stored=outcome.stored,
            ttl=outcome.ttl,
            detail=outcome.reason if revealed else None,
            key=key if revealed and key else None,
        )
        say(sent, "Cache-Status", status.append(before, member))
    return sent


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return a 504 (RFC 9111 5.2.1.7)."""
    detail = Reason.ONLY_IF_CACHED if is_revealed(request) else None
    headers = {"Cache-Control": "no-store", "Cache-Status": status.generated(detail)}
    return HttpResponse(status=504, headers=headers, content_type="text/plain")


def is_revealed(request: HttpRequest) -> bool:
    """Whether the client may see reasons and keys."""
    if settings.DEBUG:
        return True
    try:
        return bool(conf.get().reveal(request))
    except Exception:  # noqa: BLE001 in doubt nothing is shown
        return False
