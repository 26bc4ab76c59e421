"""What stands between a request and the recording, and around a decorated view: code that ran before that began.

A layer that may have read the request or data for the page (a decorator of the site, a class's `setup` or `dispatch`, a
converter of its URL) refuses it, unless it is pagecache's or Django's own, or named in `OUTSIDE`. In doubt the layer is
unknown.
"""

import re
from collections.abc import Callable
from inspect import getclosurevars
from operator import attrgetter
from typing import Any
from weakref import ReferenceType

from django.core.cache import close_caches
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal
from django.http import HttpRequest
from django.urls import ResolverMatch
from django.urls.converters import get_converters
from django.views.generic.base import View

from pagecache import conf
from pagecache.bridge.arrivals import Arrival
from pagecache.bridge.routes import dotted, wrapped
from pagecache.core.headers import FORBIDDING

OWN = "pagecache.decorators"
STOCK = "django.views.decorators."
CACHE_CONTROL = STOCK + "cache.cache_control"
NOT_KNOWN = {
    STOCK + "cache.never_cache",
    STOCK + "http.condition",
}  # one forbids, one runs code of the site
METHOD_DECORATOR = "django.utils.decorators._multi_decorate"
HANDLERS = ("dispatch", "get", "head")
CONVERTED = re.compile(r"<\s*([^<>:]+):")  # in a route, as in `films/<int:pk>/`
CONVERTERS = "django.urls.converters"
KNOWN = ("django.", "pagecache.")  # modules whose receivers make no page depend on a request
RECEIVERS = attrgetter("receivers")  # of a signal
MAKERS = {made.__init__ for made in (HttpRequest, WSGIRequest, ASGIRequest, Arrival)}


def _is_known_receiver(path: str) -> bool:
    """Whether a receiver is Django's, ours, or named in `OUTSIDE`."""
    return path.startswith(KNOWN) or path in conf.get().options.OUTSIDE


class Strangers:
    """Who hears of some signals and is not known: found out when somebody comes or goes, or the settings change."""

    def __init__(self, *signals: Signal, knows: Callable[[str], bool] = _is_known_receiver) -> None:
        self._signals = signals
        self._knows = knows
        # The settings, and who heard of each signal, when it was found out.
        self.found_for: tuple[Any, ...] = ()
        self.unknown: list[str] = []  # their dotted paths

    def changed(self) -> bool:
        """Find out whether others hear of them than before, and who is not known."""
        config, receivers = conf.last or conf.get(), tuple(map(RECEIVERS, self._signals))
        if (config, *receivers) == self.found_for:
            return False
        found_for = config, *(each.copy() for each in receivers)
        # Before another thread takes it for found.
        self.unknown = strangers(*self._signals, knows=self._knows)
        self.found_for = found_for
        return True


_before = Strangers(request_started)


def is_unseen(request: HttpRequest) -> bool:
    """Whether no code of the site has read the request yet: of its own class, or a receiver of `request_started`."""
    cls = type(request)
    if cls.__init__ not in MAKERS and dotted(cls) not in conf.get().options.OUTSIDE:
        return False
    _before.changed()
    return not _before.unknown


def strangers(*signals: Signal, knows: Callable[[str], bool] = _is_known_receiver) -> list[str]:
    """Return who hears of signals and is not known, by dotted paths."""
    found = (item[1] for signal in signals for item in signal.receivers)
    alive = (one() if isinstance(one, ReferenceType) else one for one in found)
    paths = [_path(one) for one in alive if one is not None]
    return [path for path in paths if not knows(path)]


def _path(heard_by: Any) -> str:
    named = getattr(heard_by, "func", heard_by)  # a partial has no name
    named = getattr(named, "__func__", named)
    module = getattr(named, "__module__", "")
    if hasattr(named, "__wrapped__") and module.startswith(KNOWN):
        # `wraps` gives a function of the site the name of another one.
        module = getattr(named, "__globals__", {}).get("__name__", "")
    return f"{module}.{getattr(named, '__qualname__', repr(named))}"


# Who begins something with a request, or ends that. Where nobody else hears of either, and a page came from the store
# before all middleware, there is nothing to end but what `pagecache.apps` began.
IDLE = {
    *map(_path, (close_caches, close_old_connections, reset_queries, reset_urlconf)),
    "pagecache.apps._begin_request",
    "pagecache.apps._end_request",
    "pagecache.meeting.ask_ahead",
}
_first = Strangers(request_started, knows=IDLE.__contains__)


def others_begin() -> bool:
    """Whether somebody else hears that a request starts, and may write then what its page shows."""
    _first.changed()
    return bool(_first.unknown)


def is_plain_route(match: ResolverMatch) -> bool:
    """Whether no converter of the site has read something for the page, to find what is meant by a part of its path."""
    known, options = get_converters(), conf.get().options
    kinds = {type(known.get(name)) for name in CONVERTED.findall(match.route or "")}
    return all(kind.__module__ == CONVERTERS or dotted(kind) in options.OUTSIDE for kind in kinds)


def is_known(callback: Callable[..., Any], own: Callable[..., Any]) -> bool:
    """Whether nothing unknown stands outside `own`, the layer that looks after the request."""
    for layer in wrapped(callback):
        if layer is own:
            return True
        if _origin(layer) == "django.views.generic.base.View.as_view":
            return _is_plain(layer.view_class)
        if not _is_known_layer(layer):
            return False
    return False


def decorator_of(callback: Callable[..., Any]) -> Any:
    """Return the outermost layer that is one of pagecache's decorators; None where there is none to be seen."""
    return next(
        (layer for layer in wrapped(callback) if _origin(layer).startswith(f"{OWN}.")), None
    )


def _origin(layer: Any) -> str:
    """Return the function in whose body a layer was made; `wraps` changes its names, but not its code."""
    code, scope = getattr(layer, "__code__", None), getattr(layer, "__globals__", {})
    return (
        ""
        if code is None
        else f"{scope.get('__name__')}.{code.co_qualname.partition('.<locals>')[0]}"
    )


def _is_known_layer(layer: Any) -> bool:
    origin = _origin(layer)
    if origin in conf.get().options.OUTSIDE:
        return True
    if origin == CACHE_CONTROL:
        directives = getclosurevars(layer).nonlocals["kwargs"]
        return FORBIDDING.isdisjoint(name.replace("_", "-") for name in directives)
    return origin.startswith((f"{OWN}.", STOCK)) and origin not in NOT_KNOWN


def _is_plain(cls: type[View]) -> bool:
    """Whether a class hands its request over untouched to a method that `method_decorator` decorated."""
    methods = [getattr(cls, name) for name in HANDLERS if hasattr(cls, name)]
    decorated = any(hasattr(method, "pagecache_policy") for method in methods)
    return cls.setup is View.setup and decorated and all(map(_is_plain_method, methods))


def _is_plain_method(method: Any) -> bool:
    while _origin(method) == METHOD_DECORATOR:
        if not all(map(_is_known_layer, getclosurevars(method).nonlocals["decorators"])):
            return False
        method = method.__wrapped__
    is_stock_dispatch = getattr(method, "__name__", "") != "dispatch" or method is View.dispatch
    return is_stock_dispatch and not hasattr(method, "pagecache_policy")
