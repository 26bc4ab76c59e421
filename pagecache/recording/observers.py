"""Middleware that only looks on (`OBSERVERS`): what it reads of a request says nothing about the page.

A class is watched in its own methods and counts by its exact class; a function that makes middleware is replaced in
its module. The code inside it (other middleware, the view) is recorded as ever, also where it uses what the observer
has found out: a lazy user, say, is found anew. What the observer sets on the request or the response stays.
"""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from functools import WRAPPER_ASSIGNMENTS, wraps
from importlib import import_module
from inspect import getattr_static, isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import receiver
from django.http import HttpRequest
from django.template.response import SimpleTemplateResponse
from django.utils.functional import empty

from pagecache import conf, options
from pagecache.events import settings_reloaded
from pagecache.recording.around import put_around
from pagecache.recording.recorder import Unrecorded, current, holding, muted, quietly
from pagecache.recording.request import FOUND_BY_SESSION, is_lazy

ASSIGNED = (*WRAPPER_ASSIGNMENTS, "__self__")  # which Django asks hooks for
HOOKS = ("process_view", "process_exception", "process_template_response")

_watched: set[str] = set()


class Sight:
    """What nobody had found out of a request when an observer began to look at it."""

    def __init__(self, request: HttpRequest) -> None:
        self._known = request.__dict__
        self.begin()

    def begin(self) -> None:
        """Look from now on."""
        self._lazy = [value for value in self._known.values() if is_lazy(value)]
        self._absent = FOUND_BY_SESSION - self._known.keys()

    def forget(self) -> None:
        """Let others find out for themselves what was found out since then: they are recorded."""
        for value in self._lazy:
            value._wrapped = empty  # noqa: SLF001 as it was
        for name in self._absent:
            self._known.pop(name, None)


_sight: ContextVar[Sight | None] = ContextVar("pagecache_sight", default=None)


def install(paths: Iterable[str]) -> None:
    """Watch what `OBSERVERS` names, once each; raises ImproperlyConfigured for a path that leads nowhere."""
    for path in paths:
        found: Any = conf.function("OBSERVERS", path)
        if path in _watched:
            continue
        _watched.add(path)
        _record_templates()
        if isinstance(found, type):
            _watch(found, path)
        else:
            module, _, name = path.rpartition(".")
            setattr(import_module(module), name, _making(found, path))


def problems(middleware: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with `OBSERVERS`."""
    for path in conf.get().options.OBSERVERS:
        try:
            conf.function("OBSERVERS", path)
        except ImproperlyConfigured as error:
            yield str(error)
        else:
            if path not in middleware:
                yield f"PAGECACHE['OBSERVERS'] names {path!r}, which is not in MIDDLEWARE."


def _watch(cls: Any, path: str) -> None:
    """Let objects of a class look on, but not those of classes derived from it."""
    make = cls.__init__

    @wraps(make)
    def init(self: Any, get_response: Any, *args: Any, **kwargs: Any) -> None:
        inside = _recorded(get_response) if type(self) is cls else get_response
        make(self, inside, *args, **kwargs)

    cls.__init__ = init
    for name in ("__call__", *HOOKS):
        if hasattr(cls, name):
            setattr(cls, name, _method(cls, getattr_static(cls, name), path))


def _method(cls: type, found: Any, path: str) -> Any:
    @wraps(found)
    def method(self: Any, *args: Any) -> Any:
        code = found.__get__(self, type(self))
        return _looking_on(code, path)(*args) if type(self) is cls else code(*args)

    return _like(found, method)


def _making(factory: Any, path: str) -> Any:
    """Return a function that makes what a function of the site makes, as an observer."""

    @wraps(factory)
    def make(get_response: Any) -> Any:
        made = factory(_recorded(get_response))
        return None if made is None else Observer(made, path)

    return make


class Observer:
    """Middleware that a function of the site made; it looks on."""

    def __init__(self, made: Any, path: str) -> None:
        self._made, self._path = made, path
        _like(made, self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request, or return what can be awaited."""
        return _looking_on(self._made, self._path)(request)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._made, name)
        return _looking_on(found, self._path) if name in HOOKS else found


def _looking_on(code: Any, path: str) -> Any:
    """Return code of an observer that is not recorded, wherever a page may be."""

    @wraps(code, assigned=ASSIGNED)
    def look(request: HttpRequest, *args: Any) -> Any:
        if isinstance(current.get(), Unrecorded) or path not in conf.get().options.OBSERVERS:
            return code(request, *args)
        with _unrecorded(request):
            result = code(request, *map(_recorded, args))
        return _awaited(_unrecorded(request), result) if isawaitable(result) else result

    return _like(code, look)


def _recorded(code: Any) -> Any:
    """Return what an observer is given to call (the next middleware, a view) so that it is recorded."""
    if not callable(code):
        return code

    @wraps(code)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with _recorded_again():
            result = code(*args, **kwargs)
        return _awaited(_recorded_again(), result) if isawaitable(result) else result

    return _like(code, inside)


@contextmanager
def _unrecorded(request: HttpRequest) -> Iterator[None]:
    sight = Sight(request)
    with holding(_sight, sight), quietly():
        try:
            yield
        finally:
            sight.forget()


@contextmanager
def _recorded_again() -> Iterator[None]:
    sight = _sight.get()
    if sight is None:
        yield
        return
    sight.forget()
    with holding(_sight, None), holding(muted, value=False):
        try:
            yield
        finally:
            sight.begin()


async def _awaited(within: AbstractContextManager[None], result: Awaitable[Any]) -> Any:
    with within:
        return await result


def _like(code: Any, made: Any) -> Any:
    """Let something be awaited where the code that it stands for is."""
    return markcoroutinefunction(made) if iscoroutinefunction(code) else made


def _record_templates() -> None:
    """Let a template that an observer renders, to take the time, be recorded."""
    put_around(SimpleTemplateResponse, "render", _recorded)


@receiver(settings_reloaded)
def _install_again(**_kwargs: Any) -> None:
    stated = getattr(settings, "PAGECACHE", {})
    if not options.problems(stated):
        with suppress(ImproperlyConfigured):  # said at start-up
            install(stated.get("OBSERVERS", ()))
