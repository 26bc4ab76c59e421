"""Holes of a page: where they are in a response that was made, and what fills them for one visitor."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token

from pagecache.bridge.fields import spelled
from pagecache.bridge.routes import leads_to
from pagecache.core import holes
from pagecache.core.freshness import THERE
from pagecache.core.holes import CSRF, FEWEST, IN_HEADER, NONCE, NOWHERE, Cut, Given, Hole
from pagecache.core.reasons import Reason
from pagecache.core.rules import POLICIES
from pagecache.core.types import MESSAGES, Input
from pagecache.recording import messages, stock
from pagecache.recording.holes import NONCES, functions, note_turned, shown
from pagecache.recording.mappings import unheard
from pagecache.recording.recorder import Recorder, quietly, recording

TEXT = "utf-8", "surrogateescape"
REASONS = {CSRF: Reason.CSRF, NONCE: Reason.NONCE}

_csrf = CsrfViewMiddleware(lambda _request: HttpResponse())


class Bare(NamedTuple):
    """A response without what it was given for its visitor."""

    body: bytes = b""
    holes: tuple[Hole, ...] = ()
    nonces: tuple[str, ...] = ()
    cookies: frozenset[str] = frozenset()  # those that each visitor gets anew
    lost: Reason | None = None  # why it cannot be filled again

    def headers(self, response: Any) -> list[tuple[str, str]]:
        """Return the header fields without nonces."""
        found = spelled(response)
        if not self.nonces:
            return found
        return [(name, _without(self.nonces, name, value)) for name, value in found]


def cut(request: HttpRequest, response: Any, render: Recorder, *, sets_token: bool) -> Bare:
    """Cut out of a response what it was given for its visitor.

    `sets_token`: whether the cookie of a CSRF token is set in this response, and not by middleware outside.
    """
    if response.streaming:
        return Bare()
    nonces = tuple(_nonces(request))
    given = [*render.given, *[Given(NONCE, nonce.encode(), is_shown=False) for nonce in nonces]]
    body, found, lost = Cut(response.content)
    if given:
        body, found, lost = _cut_out(response, given, nonces)
    own = frozenset(_own_cookies(request, response, render) if response.cookies else ())
    if holes.has_nonce(body):
        lost += (NONCE,)
    has_token = any(one.name == CSRF for one in given)
    if not _is_tokens_cookie_ours(request, own, has_token=has_token, sets_token=sets_token):
        lost += (CSRF,)
    return Bare(body, found, nonces, own, REASONS.get(lost[0], Reason.HOLE) if lost else None)


def _cut_out(response: Any, given: Sequence[Given], nonces: tuple[str, ...]) -> Cut:
    """Cut what was given out of a body; what middleware outside may name in a header is a hole wherever it is not."""
    fields = "\n".join(value for _, value in Bare(nonces=nonces).headers(response))
    body, found, lost = holes.cut(response.content, given, fields.encode(*TEXT))
    named = {one.name for one in given} & {CSRF, NONCE}
    nowhere = sorted(named - {one.name for one in found})
    places = (*found, *(Hole(NOWHERE, name) for name in nowhere))
    return Cut(body, places, (*lost, *_lost(response, given)))


def _lost(response: Any, given: Sequence[Given]) -> Iterator[str]:
    """Yield the names of what cannot be trusted to be found in a body."""
    is_encoded = response.has_header("Content-Encoding") or response.charset != _charset(response)
    for one in given:
        if is_encoded or len(one.secret) < FEWEST:
            yield one.name


def uncover(path: str, response: Any, given: Iterable[Given]) -> None:
    """Take the marks off a response, for the client that it was made for."""
    given = [one for one in given if one.mark]
    if not given:
        return
    marks = [one.mark.decode() for one in given]
    for name, value in spelled(response):
        if any(mark in value for mark in marks):
            response[name] = holes.uncovered(value.encode(*TEXT), given).decode(*TEXT)
    if response.streaming:
        response.streaming_content = _stream(response, given)
        return
    if response.status_code in THERE:  # an error is another page
        note_turned(path, given, response.content)
    states_length = response.get("Content-Length") == str(len(response.content))
    response.content = holes.uncovered(response.content, given)
    if states_length:
        response["Content-Length"] = str(len(response.content))


def _stream(response: Any, given: Sequence[Given]) -> Any:
    parts, plain = response.streaming_content, holes.Uncovering(given)
    if not response.is_async:
        return chain(map(plain.feed, parts), (plain.rest() for _ in range(1)))

    async def uncovered() -> AsyncIterator[bytes]:
        async for part in parts:
            yield plain.feed(part)
        yield plain.rest()

    return uncovered()


def _nonces(request: HttpRequest) -> Iterator[str]:
    """Yield the nonce of a request, if somebody asked for it: a lazy one is false until then."""
    for name in NONCES:
        if nonce := request.__dict__.get(name):
            yield str(nonce)


def _without(nonces: Iterable[str], name: str, value: str) -> str:
    if name.lower() in POLICIES:
        for nonce in nonces:
            value = value.replace(nonce, IN_HEADER)
    return value


def _charset(response: Any) -> str:
    """Return the encoding that a response says it has, as it is served by."""
    return HttpResponse(content_type=response.get("Content-Type", "")).charset


def _own_cookies(request: HttpRequest, response: Any, render: Recorder) -> Iterator[str]:
    """Yield the names of cookies that are set anew for each visitor, or only take off what nobody has."""
    token = response.cookies.get(settings.CSRF_COOKIE_NAME)
    if token is not None and token.value == unheard(request.META).get("CSRF_COOKIE"):
        yield token.key
    message = response.cookies.get(messages.COOKIE)
    takes_off = message is not None and not message.value and message["max-age"] == 0
    if takes_off and Input(MESSAGES) in render.inputs:
        yield messages.COOKIE


def _is_tokens_cookie_ours(
    request: HttpRequest, own: frozenset[str], *, has_token: bool, sets_token: bool
) -> bool:
    """Whether the cookie of a token is set where a page has one, and nowhere else, by Django's own middleware."""
    is_due = bool(unheard(request.META).get("CSRF_COOKIE_NEEDS_UPDATE"))
    is_set = is_due or settings.CSRF_COOKIE_NAME in own
    if not has_token:
        return not is_set
    return (is_set or not sets_token) and _is_stock(tuple(settings.MIDDLEWARE))


@lru_cache(8)
def _is_stock(middleware: tuple[str, ...]) -> bool:
    """Whether no class of the site's own sets the cookie of tokens."""
    return all(path == stock.CSRF for path in middleware if leads_to(path, stock.CSRF))


def are_known(names: Iterable[str]) -> bool:
    """Whether templates of this process have shown what fills the holes."""
    return all(name in OF_DJANGO or name in functions for name in names)


def values(request: HttpRequest, names: Iterable[str], *, sets_token: bool) -> dict[str, str]:
    """Return what fills the holes for a visitor; raises what the site's functions raise."""
    with recording(None), quietly():
        if sets_token:
            _csrf.process_request(request)
        return {name: _value(request, name) for name in set(names)}


def _value(request: HttpRequest, name: str) -> str:
    made = OF_DJANGO.get(name)
    return shown(functions[name], request) if made is None else made(request)


def _nonce(request: HttpRequest) -> str:
    """Return the nonce of a visitor's request: that of middleware outside, if there is any."""
    found = (request.__dict__.get(name) for name in NONCES)
    lazy = next((nonce for nonce in found if nonce is not None), None)
    return secrets.token_urlsafe(FEWEST) if lazy is None else str(lazy)


OF_DJANGO: dict[str, Callable[[HttpRequest], str]] = {CSRF: get_token, NONCE: _nonce}


def set_token(request: HttpRequest, response: Any) -> None:
    """Set the cookie of a token that was asked for, as Django's middleware does."""
    _csrf.process_response(request, response)
