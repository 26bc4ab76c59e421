"""What stands between a URL and a decorated view: code that ran before the recording began.

A layer that may have read the request or data for the page (a decorator of the site, a class's `setup` or `dispatch`, a
converter of its URL) refuses it, unless it is pagecache's or Django's own, or named in `OUTSIDE`. In doubt the layer is
unknown.
"""

import re
from collections.abc import Callable
from inspect import getclosurevars
from typing import Any

from django.urls import ResolverMatch
from django.urls.converters import get_converters
from django.views.generic.base import View

from pagecache import conf
from pagecache.bridge.routes import wrapped

OWN = "pagecache.decorators"
STOCK = "django.views.decorators."
CACHE_CONTROL = STOCK + "cache.cache_control"
NOT_KNOWN = {
    STOCK + "cache.never_cache",
    STOCK + "http.condition",
}  # one forbids, one runs code of the site
FORBIDDING = {"no_cache", "no_store", "private"}
METHOD_DECORATOR = "django.utils.decorators._multi_decorate"
HANDLERS = ("dispatch", "get", "head")
CONVERTED = re.compile(r"<\s*([^<>:]+):")  # in a route, as in `films/<int:pk>/`
CONVERTERS = "django.urls.converters"


def is_plain_route(match: ResolverMatch) -> bool:
    """Whether no converter of the site has read something for the page, to find what is meant by a part of its path."""
    known, options = get_converters(), conf.get().options
    kinds = {type(known.get(name)) for name in CONVERTED.findall(match.route or "")}
    return all(
        kind.__module__ == CONVERTERS or f"{kind.__module__}.{kind.__qualname__}" in options.OUTSIDE
        for kind in kinds
    )


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
        return FORBIDDING.isdisjoint(name.replace("-", "_") for name in directives)
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
