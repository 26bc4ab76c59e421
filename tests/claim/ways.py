"""Ways to read: of a mapping by name and as a whole, by a template, after something was written over."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.template import RequestContext, Template

Use = Callable[[Any, str], Any]  # takes a request and a name

TOKEN = re.compile(r"\b(?:[A-Za-z0-9]{32}){1,2}\b")  # is made anew each time


@lru_cache(512)
def _template(source: str) -> Template:
    return Template(source)


def in_template(source: str) -> Use:
    """Return a read by a template; `NAME` in its source is the name."""
    return lambda request, name: _template(source.replace("NAME", name)).render(
        RequestContext(request)
    )


def meta(name: str) -> str:
    """Return the name of a header in `META`."""
    return "HTTP_" + name.upper().replace("-", "_")


def texts(items: Iterable[Any]) -> str:
    """Return those of some pairs that are texts: others are objects of the server."""
    return json.dumps(sorted((str(k), v) for k, v in items if isinstance(v, str | list)))


def deleted(mapping: Any, name: str) -> Any:
    """Delete an item, and say so."""
    del mapping[name]
    return "deleted"


def under(encoding: str, read: Use) -> Use:
    """Return a read under another encoding."""

    def use(request: Any, name: str) -> Any:
        request.encoding = encoding
        return read(request, name)

    return use


def after(change: Callable[[Any], object], read: Use) -> Use:
    """Return a read after a change."""

    def use(request: Any, name: str) -> Any:
        change(request)
        return read(request, name)

    return use


def clone(request: Any) -> Any:
    """Return another request that has all that the one has."""
    made = HttpRequest()
    vars(made).update(vars(request))
    return made


BY_NAME: dict[str, Callable[[Any, str], Any]] = {
    "[]": lambda m, n: m[n],
    "get": lambda m, n: m.get(n),
    "get or": lambda m, n: m.get(n, "none"),
    "in": lambda m, n: n in m,
    "%": lambda m, n: f"%({n})s" % m,
    "format_map": lambda m, n: f"{{{n}}}".format_map(m),
    "pop": lambda m, n: m.pop(n, "none"),
    "setdefault": lambda m, n: m.setdefault(n, "none"),
    "del": deleted,
}
AS_WHOLE: dict[str, Callable[[Any], Any]] = {
    "iter": lambda m: sorted(name for name in m),
    "items": lambda m: texts(m.items()),
    "keys": lambda m: sorted(m.keys()),
    "values": lambda m: sorted(
        v for v in m.values() if isinstance(v, str) and not TOKEN.fullmatch(v)
    ),
    "dict()": lambda m: texts(dict(m).items()),
    "**": lambda m: texts({**m}.items()),
    "| {}": lambda m: texts((m | {}).items()),
    "{} |": lambda m: texts(({} | m).items()),
    "copy": lambda m: texts(m.copy().items()),
    "copy.copy": lambda m: texts(copy.copy(m).items()),
    "len": len,
    "==": lambda m: m == {},
    "reversed": lambda m: sorted(name for name in reversed(m)),
}
TEXTUAL: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "str": str,
    "json": json.dumps,
    "deepcopy": copy.deepcopy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),  # noqa: S301 our own
}
QUERY: dict[str, Callable[[Any], Any]] = {
    "urlencode": lambda q: q.urlencode(),
    "lists": lambda q: list(q.lists()),
    "QueryDict.dict": lambda q: q.dict(),
}


def item_of(get: Callable[[Any], Any], ways: Mapping[str, Callable[..., Any]]) -> dict[str, Use]:
    """Return the ways to read a mapping of the request by name."""

    def made(way: Callable[..., Any]) -> Use:
        return lambda request, name: way(get(request), name)

    return {word: made(way) for word, way in ways.items()}


def all_of(get: Callable[[Any], Any], *ways: Mapping[str, Callable[..., Any]]) -> dict[str, Use]:
    """Return the ways to read a mapping of the request as a whole."""

    def made(way: Callable[..., Any]) -> Use:
        return lambda request, name: way(get(request))

    return {word: made(way) for some in ways for word, way in some.items()}


def headers_of(get: Callable[[Any], Any]) -> dict[str, Use]:
    """Return the ways to read a header of the environment by name."""

    def made(way: Callable[..., Any]) -> Use:
        return lambda request, name: way(get(request), meta(name))

    return {word: made(way) for word, way in BY_NAME.items()}


def nameless(**uses: Callable[[Any], Any]) -> dict[str, Use]:
    """Return uses that need no name."""

    def made(use: Callable[[Any], Any]) -> Use:
        return lambda request, name: use(request)

    return {word: made(use) for word, use in uses.items()}
