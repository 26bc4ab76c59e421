"""A request that records what is read of it.

The recorder sits on the request's class, as properties: `request.encoding = ...` deletes instance attributes, and
code may hold the request anywhere.
"""

import copyreg
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from operator import methodcaller
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, QueryDict
from django.http.request import HttpHeaders
from django.utils.functional import LazyObject, SimpleLazyObject, empty

from pagecache.core.reasons import Reason
from pagecache.core.types import SESSION, USER
from pagecache.recording.attributes import Attribute, Awaited, Derived, Held, taken
from pagecache.recording.derived import addressed, routed
from pagecache.recording.mappings import (
    CONDITIONAL,
    OURS,
    RecordedCookies,
    RecordedHeaders,
    RecordedMeta,
    RecordedQuery,
    itself,
    unheard,
)
from pagecache.recording.recorder import Recorder, implying, quietly

# Where Django's own middleware keeps the user. Whatever finds out a visitor's class by it covers it.
FOUND_BY_SESSION = {"_cached_user", "_acached_user"}
# What a request keeps of its headers once it was asked.
FOUND_IN_HEADERS = ("headers", "accepted_types", "accepted_types_by_precedence")
OF_MIDDLEWARE = ("session", "user", "auser")
ATTRIBUTES = (*OF_MIDDLEWARE, "scope", "_stream")
AUTHENTICATION = "django.contrib.auth.middleware"
ENCODINGS = "HTTP_ACCEPT_ENCODING"


class RecordedRequest(HttpRequest):
    """What recorded request classes have in common; mixed in before Django's own class."""

    @property
    def META(self) -> Any:  # noqa: D102, N802 Django's name
        return self.__dict__["META"]

    @META.setter
    def META(self, value: dict[str, Any]) -> None:  # noqa: N802 Django's name
        self.__dict__["META"] = RecordedMeta(value, self.META.recorder)

    @property
    def GET(self) -> Any:  # noqa: D102, N802 Django's name
        if "GET" not in self.__dict__:
            with quietly():
                recorder = self.META.recorder
                self.__dict__["GET"] = RecordedQuery(
                    _parsed(self, "GET"), recorder, as_keyed=self.encoding == recorder.encoding
                )
        return self.__dict__["GET"]

    @GET.setter
    def GET(self, value: QueryDict) -> None:  # noqa: N802 Django's name
        self.__dict__["GET"] = value

    @GET.deleter
    def GET(self) -> None:  # noqa: N802 Django's name
        self._take_off("GET")

    @property
    def COOKIES(self) -> Any:  # noqa: D102, N802 Django's name
        if "COOKIES" not in self.__dict__:
            with quietly():
                cookies = _parsed(self, "COOKIES")
                self.__dict__["COOKIES"] = RecordedCookies(cookies, self.META.recorder)
        return self.__dict__["COOKIES"]

    @COOKIES.setter
    def COOKIES(self, value: dict[str, str]) -> None:  # noqa: N802 Django's name
        self.__dict__["COOKIES"] = value

    @COOKIES.deleter
    def COOKIES(self) -> None:  # noqa: N802 Django's name
        self._take_off("COOKIES")

    @property
    def headers(self) -> Any:  # noqa: D102
        if "headers" not in self.__dict__:
            self.__dict__["headers"] = RecordedHeaders(self.META)
        return self.__dict__["headers"]

    @headers.setter
    def headers(self, value: Any) -> None:
        self.__dict__["headers"] = value

    @headers.deleter
    def headers(self) -> None:
        self._take_off("headers")

    accepted_types = Derived("HTTP_ACCEPT")
    accepted_types_by_precedence = Derived("HTTP_ACCEPT")

    def __dir__(self) -> Iterable[str]:
        """Leave out what is not there: a template takes it for a property that failed."""
        absent = set(OF_MIDDLEWARE) - self.__dict__.keys()
        return [name for name in super().__dir__() if name not in absent]

    session = Attribute(methodcaller("read", SESSION))

    @property
    def user(self) -> Any:  # noqa: D102
        if "user" not in self.__dict__:
            raise AttributeError("user")
        value = self.__dict__["user"]
        if type(value) is Held:
            return taken(value)
        if not is_unevaluated(value):
            self.META.recorder.read(USER)
        return value

    @user.setter
    def user(self, value: Any) -> None:
        recorder = self.META.recorder
        held = (
            self._seen(value) if is_unevaluated(value) else Held(value, lambda: recorder.read(USER))
        )
        self.__dict__["user"] = held

    @user.deleter
    def user(self) -> None:
        self._take_off("user")

    def _seen(self, lazy: Any) -> Any:
        recorder = self.META.recorder

        def evaluate() -> Any:
            recorder.read(USER)
            known = lazy._wrapped  # noqa: SLF001 by a hole, which found it out for itself
            try:
                with implying(_implied_by(lazy.__dict__.get("_setupfunc"))):
                    lazy._setup()  # noqa: SLF001 what any use of it does
            except SynchronousOnlyOperation:
                if known is empty:
                    raise
                recorder.refuse_read(Reason.AUTHENTICATED)
                return known
            return lazy._wrapped  # noqa: SLF001 and gives

        return SimpleLazyObject(evaluate)

    @property
    def auser(self) -> Any:  # noqa: D102
        if "auser" not in self.__dict__:
            raise AttributeError("auser")
        return self.__dict__["auser"]

    @auser.setter
    def auser(self, value: Callable[[], Any]) -> None:
        recorder = self.META.recorder
        self.__dict__["auser"] = Awaited(
            value, lambda: recorder.read(USER), implied=_implied_by(value)
        )

    @auser.deleter
    def auser(self) -> None:
        self._take_off("auser")

    def _take_off(self, name: str) -> None:
        """Delete an attribute as if it stood on the request itself."""
        if name not in self.__dict__:
            raise AttributeError(name)
        del self.__dict__[name]

    def _get_raw_host(self) -> str:
        with self._as_keyed():
            return super()._get_raw_host()  # type: ignore[misc, no-any-return]

    @property
    def scheme(self) -> str | None:  # noqa: D102
        with self._as_keyed():
            return super().scheme

    def _as_keyed(self) -> AbstractContextManager[None]:
        """Scheme and host, as the request came with them, are in every key."""
        as_it_came = addressed(self.META._held) == self.META.recorder.addressed  # noqa: SLF001 our own
        return quietly() if as_it_came else nullcontext()


class RecordedWSGI(RecordedRequest):
    """A WSGI request has its environment under two names."""

    environ = RecordedRequest.META


class RecordedASGI(RecordedRequest):
    """An ASGI request's scope holds all that the request holds, and HTTP/2 announces no body."""

    scope = Attribute(lambda recorder: recorder.refuse_read(Reason.ALL_HEADERS))
    _stream = Attribute(lambda recorder: recorder.refuse_read(Reason.BODY))

    @property
    def body(self) -> bytes:  # noqa: D102
        self.META.recorder.refuse_read(Reason.BODY)
        return super().body


def _parsed(request: HttpRequest, name: str) -> Any:
    """Return what Django's own class parses, and leave it nowhere: another thread would find it unrecorded."""
    cls: Any = type(request)
    found = _unrecorded(cls, name)
    parse = getattr(found, "func", None) or getattr(found, "fget", None)
    return found if parse is None else parse(request)


@lru_cache(64)
def _unrecorded(cls: Any, name: str) -> Any:
    """Return what Django's own class, of which recorded requests are, has under a name."""
    bases = (base for base in cls.__mro__ if not issubclass(base, RecordedRequest))
    return next(vars(base)[name] for base in bases if name in vars(base))


def recorded_class(cls: Any) -> Any:
    """Return the class of requests as the given one that record what is read of them."""
    return cls if issubclass(cls, RecordedRequest) else _recorded_class(cls)


class RecordedType(type):
    """The type of recorded classes: nobody finds them by their names, so they are pickled as what they stand for."""


copyreg.pickle(RecordedType, lambda cls: (itself, cls.__bases__[-1:]))


@lru_cache(64)
def _recorded_class(cls: Any) -> Any:
    mixins = {WSGIRequest: RecordedWSGI, ASGIRequest: RecordedASGI}
    mixin = next((mixins[base] for base in cls.__mro__ if base in mixins), RecordedRequest)
    kind = RecordedType if type(cls) is type else type(cls)
    return kind(cls.__name__, (mixin, cls), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def record(request: HttpRequest, recorder: Recorder) -> None:
    """Let the request record what is read of it from here on."""
    recorder.routed, recorder.encoding = routed(request), request.encoding
    stored = request.__dict__
    attributes = {name: stored[name] for name in ATTRIBUTES if name in stored}
    held = getattr(stored["META"], "_held", stored["META"])  # it may have been recorded before
    meta = stored["META"] = RecordedMeta(held, recorder)
    recorder.addressed = addressed(held)
    found = stored.get("headers")
    if "environ" in stored:
        stored["environ"] = meta
    _forget_found(stored, recorder)
    if found is not None:  # they stay as they are, whatever is written over `META` later
        stored["headers"] = RecordedHeaders(meta)
    if type(found) is HttpHeaders and dict(found) != dict(HttpHeaders(held)):  # or before
        recorder.refuse(Reason.ALL_HEADERS)
        stored["headers"] = found
    if "GET" in stored:
        stored["GET"] = RecordedQuery(stored["GET"], recorder)
    if "COOKIES" in stored:
        stored["COOKIES"] = RecordedCookies(stored["COOKIES"], recorder)
    request.__class__ = recorded_class(type(request))
    for name, value in attributes.items():
        setattr(request, name, value)
    withhold(request)
    user = attributes.get("user")
    if user is not None and not is_unevaluated(user) and getattr(user, "is_authenticated", True):
        stored["user"] = Held(user, lambda: _read_known_user(recorder))


def _forget_found(stored: dict[str, Any], recorder: Recorder) -> None:
    """Take off what somebody found out before: whoever needs it reads for itself, and is recorded."""
    for name in (*FOUND_IN_HEADERS, *FOUND_BY_SESSION):
        stored.pop(name, None)
    messages = stored.get("_messages")
    if getattr(messages, "used", False):  # they would be lost
        recorder.refuse(Reason.MESSAGES)
    else:
        getattr(messages, "__dict__", {}).pop("_loaded_data", None)


def _read_known_user(recorder: Recorder) -> None:
    """Refuse a user that somebody found out before: its data was read before any start version was."""
    recorder.read(USER)
    recorder.refuse_read(Reason.AUTHENTICATED)


@contextmanager
def as_before(request: HttpRequest, *, keeps_headers: bool = True) -> Iterator[None]:
    """Take off the request again what is found out inside: whoever needs it reads for itself, and is recorded.

    Headers that record who reads them stay as they were found, like Django's, whatever is written over `META` later.
    """
    stored = request.__dict__
    before = dict(stored)
    unknown = [value for value in before.values() if is_lazy(value)]
    try:
        yield
    finally:
        for name in stored.keys() - before.keys() - FOUND_BY_SESSION:
            if not keeps_headers or type(stored[name]) is not RecordedHeaders:
                del stored[name]
        stored.update(before)
        for value in unknown:
            value._wrapped = empty  # noqa: SLF001 as it was


@contextmanager
def unwritten(request: HttpRequest) -> Iterator[None]:
    """Take back what is written inside into the variables of a request, or its cookies: the view is not to see it.

    What a token leaves there stays: its cookie is set by that.
    """
    found = (request.__dict__.get(name) for name in ("META", "COOKIES"))
    held = [unheard(mapping) for mapping in found if mapping is not None]
    before = [dict(one) for one in held]
    try:
        yield
    finally:
        for now, then in zip(held, before, strict=True):
            if now != then:
                ours = {name: now[name] for name in now if str(name).startswith(OURS)}
                now.clear()
                now.update(then | ours)


def withhold(request: HttpRequest) -> None:
    """Take the conditional headers off a recorded request."""
    _take_off(request, CONDITIONAL)


def keep_plain(request: HttpRequest) -> None:
    """Let nothing inside compress the response: what is its visitor's could not be found there, nor taken off."""
    if isinstance(request, RecordedRequest):
        _take_off(request, (ENCODINGS,))


def _take_off(request: HttpRequest, names: Iterable[str]) -> None:
    held: dict[str, Any] = request.__dict__["META"]._held  # noqa: SLF001 our own, past the property
    found = _found_headers(request)
    for name in names:
        held.pop(name, None)
        if found:
            found.pop(_spelled(name).lower(), None)


def _found_headers(request: HttpRequest) -> dict[str, tuple[str, str]]:
    """Return what `request.headers` holds; nothing where nobody asked for it yet."""
    found = request.__dict__.get("headers")
    return found._held._store if type(found) is RecordedHeaders else {}  # noqa: SLF001 our own


def _spelled(name: str) -> str:
    return HttpHeaders.parse_header_name(name) or name


def release(request: HttpRequest, meta: Mapping[str, Any]) -> None:
    """Give back the headers that were taken off, for middleware outside."""
    withhold(request)
    ask(request, {name: meta[name] for name in (*CONDITIONAL, ENCODINGS) if name in meta})


def ask(request: HttpRequest, conditions: Mapping[str, str]) -> None:
    """Put conditional headers on a recorded request."""
    if not conditions:
        return
    request.META._held.update(conditions)  # type: ignore[attr-defined]  # noqa: SLF001 our own
    spelled = {_spelled(name): value for name, value in conditions.items()}
    _found_headers(request).update({name.lower(): (name, spelled[name]) for name in spelled})


def _implied_by(finds_user: Any) -> str | None:
    """Return what Django's own way to find the user reads; what a way of the site's reads counts as read."""
    made = getattr(finds_user, "func", finds_user)  # `auser` is a partial
    stock = getattr(made, "__module__", None) == AUTHENTICATION
    return SESSION if stock else None


def is_unevaluated(user: object) -> bool:
    """Whether the user is lazy and nobody has looked at it yet."""
    return isinstance(user, SimpleLazyObject) and type(user) is not Held and is_lazy(user)


def is_lazy(value: object) -> bool:
    """Whether the value is still to be found out."""
    return isinstance(value, LazyObject) and value._wrapped is empty  # noqa: SLF001 looks without evaluating
