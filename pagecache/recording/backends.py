"""Cache backends, watched by their classes: every way in which one can be read says so before it is gone.

A class is watched from the first object that the site's `caches` makes of it. A look that `BaseCache` itself puts
together from others needs no watching, since those are watched. Django's sessions read their cache by themselves.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, wraps
from inspect import getattr_static
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.sessions.backends import cache as cache_sessions
from django.contrib.sessions.backends import cached_db as cached_db_sessions
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from pagecache.recording import known
from pagecache.recording.cachereads import USES, Call, Use, notice, of_session
from pagecache.recording.recorder import cache_call, holding

# Constance outside of the database: a value that is missed there would be replaced by its default.
SETTINGS = {"get": Use.CHANGE, "aget": Use.CHANGE, "set": Use.WRITE, "aset": Use.WRITE}
PURE = {"get_backend_timeout", "make_and_validate_key", "make_key", "validate_key"}
SESSIONS = (cache_sessions.SessionStore, cached_db_sessions.SessionStore)
OF_SESSIONS = ("load", "exists", "save", "delete", "aload", "aexists", "asave", "adelete")

# They look and delete by others, whose answers they use or leave alone in their own way.
WHOLE = {Use.CHANGE, Use.WRITE}

_watched: set[type] = set()
_watchers: dict[int, Any] = {}  # by their ids


def install() -> None:
    """Watch every backend that the site uses through `caches`, those that are open already too."""
    caches.create_connection = _create  # type: ignore[method-assign]
    opened: Any = caches._connections  # type: ignore[attr-defined]  # noqa: SLF001 `caches[alias]` would open more
    for alias in caches:
        if hasattr(opened, alias):
            _meet(getattr(opened, alias), alias)
    for store in SESSIONS:
        for name in OF_SESSIONS:
            _replace(store, name, vars(store)[name], of_session)
    for cls in known.settings_backends():
        watch(cls, SETTINGS)
    known.watch_sites()


def _create(alias: str) -> BaseCache:
    backend: BaseCache = type(caches).create_connection(caches, alias)
    _meet(backend, alias)
    return backend


def _meet(backend: Any, alias: str) -> None:
    with suppress(AttributeError):  # where objects have slots, no key of one alias is declared
        backend.pagecache_alias = alias  # others may keep it, and use it on any thread
    watch(type(backend))


def watch(cls: type, uses: Mapping[str, Use] = USES) -> None:
    """Watch the ways in which objects of a class can be read; once for each class."""
    if cls in _watched:
        return
    for name in dir(cls):
        found = getattr_static(cls, name)
        if _is_way_in(name, found, uses):
            use = uses.get(name, Use.OTHER)
            _replace(cls, name, found, partial(notice, use))
    _watched.add(cls)


def _is_way_in(name: str, found: Any, uses: Mapping[str, Use]) -> bool:
    """Whether an attribute may tell of values by itself."""
    if name in PURE or (name.startswith("_") and name not in uses):
        return False
    if vars(BaseCache).get(name) is found and uses.get(name) not in WHOLE:
        return False
    return isinstance(found, property) or (
        callable(found) and not isinstance(found, type | staticmethod | classmethod)
    )


def _replace(cls: type, name: str, found: Any, noticed: Callable[..., Call | None]) -> None:
    if id(found) in _watchers:  # inherited from a class that is watched, or watched before
        return
    if isinstance(found, property):
        read = _watching(found.fget, noticed)
        watcher: Any = property(read, found.fset, found.fdel, found.__doc__)
    else:
        watcher = _watching(found, noticed)
    _watchers[id(watcher)] = watcher
    setattr(cls, name, watcher)


def _watching(method: Any, noticed: Callable[..., Call | None]) -> Any:
    """Return the method, telling of each call before it is made."""

    @wraps(method)
    async def on_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = noticed(self, args, kwargs, awaited=True)
        if call is None:
            return await method(self, *args, **kwargs)
        if call.is_answered:
            return call.answer
        with holding(cache_call, call.whose):
            return await method(self, *call.args, **call.kwargs)

    @wraps(method)
    def on_thread(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = noticed(self, args, kwargs, awaited=False)
        if call is None:
            return method(self, *args, **kwargs)
        if call.is_answered:
            return call.answer
        with holding(cache_call, call.whose):
            return method(self, *call.args, **call.kwargs)

    return on_loop if iscoroutinefunction(method) else on_thread
