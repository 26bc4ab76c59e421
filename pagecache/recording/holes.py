"""Holes of the site: what a function shows to one visitor, in a page that is for everybody."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest
from django.template import TemplateSyntaxError
from django.template.defaulttags import FilterNode
from django.templatetags.cache import CacheNode
from django.utils.html import conditional_escape

from pagecache.core.holes import Given
from pagecache.core.reasons import Reason
from pagecache.core.types import (
    COOKIE,
    HEADER,
    HOLE,
    MESSAGES,
    META,
    SESSION,
    USER,
    Input,
    remember,
)
from pagecache.events import settings_reloaded
from pagecache.recording.ambient import as_active
from pagecache.recording.around import put_around
from pagecache.recording.mappings import unheard
from pagecache.recording.recorder import holding, quietly, recorder, recording
from pagecache.recording.request import FOUND_BY_SESSION, as_before, is_lazy, keep_plain, unwritten
from pagecache.recording.standing import is_written_over

HoleFunction = Callable[[HttpRequest], object]
IN_CACHE = "{% pagecache_hole %} cannot stand in {% cache %}, which keeps what one visitor sees: put it outside."
NONCES = ("csp_nonce", "_csp_nonce")  # where django-csp, and Django from 6.0, keep it
BESIDE = {"session", "_messages"}  # what these find out has to last
MOST = 10_000  # paths with a hole that are remembered

# By name, those that a template of this process shows: what stands in a store calls no others.
functions: dict[str, HoleFunction] = {}
# Paths, each with a hole of which a response held something else than what it was given: marks would be in the way.
turned: dict[tuple[str, str], None] = {}
_in_fragment: ContextVar[bool] = ContextVar("pagecache_in_fragment", default=False)
_in_filter: ContextVar[bool] = ContextVar("pagecache_in_filter", default=False)


def install() -> None:
    """Notice where a fragment is made that the site keeps, or text that it changes; done once for the process."""
    node: Any
    for node, where in ((CacheNode, _in_fragment), (FilterNode, _in_filter)):
        put_around(node, "render", partial(_noticed, where))


def _noticed(where: ContextVar[bool], render: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(render)
    def noticed(self: Any, context: Any) -> Any:
        with holding(where, value=True):
            return render(self, context)

    return noticed


def shown(function: HoleFunction, request: HttpRequest) -> str:
    """Return what a function shows: text that is not marked as safe is escaped, None shows nothing."""
    value: Any = function(request)
    return "" if value is None else str(conditional_escape(value))


def hole(request: HttpRequest, name: str, function: HoleFunction) -> str:
    """Return what a function shows; in a page that is recorded, between marks that nobody can guess.

    Where the site turns it into something else (a filter, say) it is none, and without marks, which would be turned
    too: such a page is not stored. Raises TemplateSyntaxError where a fragment is made that the site keeps.
    """
    if _in_fragment.get():
        raise TemplateSyntaxError(IN_CACHE)
    render = recorder()
    if render is None or render.is_over:
        return shown(function, request)
    if _in_filter.get() or (request.path, name) in turned:
        render.refuse(Reason.HOLE)
        return shown(function, request)
    number = str(secrets.randbits(128)).zfill(39).encode()
    reads: set[Input] = set()
    with recording(None), quietly(reads), as_active(), unwritten(request), _untouched(request):
        text = shown(function, request)
    if is_written_over(request, reads):
        render.refuse(Reason.HOLE)
    given = Given(name, text.encode(), number, is_personal=_is_personal(request, reads))
    render.read(HOLE, name)
    render.given.append(given)
    keep_plain(request)
    return given.whole.decode()


def note_turned(path: str, given: Iterable[Given], body: bytes) -> None:
    """Remember the holes of a path that cannot be found in its body."""
    for one in given:
        if one.whole not in body:
            remember(turned, (path, one.name), None, MOST)


@receiver(settings_reloaded)
def forget(**_kwargs: Any) -> None:
    """Forget what this process remembers of paths."""
    turned.clear()


@contextmanager
def _untouched(request: HttpRequest) -> Iterator[None]:
    """Let what is found out inside stay there: whoever reads it for the page itself is recorded.

    Also what objects and dicts of the site keep, which hang on the request.
    """
    stored = request.__dict__
    known = FOUND_BY_SESSION & stored.keys()
    others = (value for name, value in stored.items() if name not in BESIDE)
    insides = [
        one if type(one) is dict else vars(one)
        for one in others
        if type(one) is dict or (hasattr(one, "__dict__") and not is_lazy(one))
    ]
    kept = [(now, dict(now)) for now in insides]
    try:
        with as_before(request):
            yield
    finally:
        for name in FOUND_BY_SESSION - known:
            stored.pop(name, None)
        for now, before in kept:
            for name in now.keys() - before.keys():
                del now[name]
            now.update(before)


def _is_personal(request: HttpRequest, reads: Iterable[Input]) -> bool:
    """Whether what was read tells the visitor from others."""
    cookies = unheard(request.COOKIES)
    has_session = settings.SESSION_COOKIE_NAME in cookies
    return any(
        item.kind in {HEADER, META}
        or (item.kind in {SESSION, USER, MESSAGES} and has_session)
        or (item.kind == COOKIE and (item.name in cookies or item.name == "*"))
        for item in reads
    )


def is_for_one(request: HttpRequest) -> bool:
    """Whether a page holds what is its visitor's: it must be found in the body later."""
    render = recorder()
    return render is not None and (
        bool(render.given) or any(request.__dict__.get(name) for name in NONCES)
    )
