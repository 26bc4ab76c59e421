"""A request that records what is read of it.

The recorder sits on the request's class, as properties: `request.encoding = ...` deletes instance attributes, and
code may hold the request anywhere.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, QueryDict
from django.utils.functional import LazyObject, SimpleLazyObject, empty

from pagecache.core.reasons import Reason
from pagecache.core.types import SESSION, USER
from pagecache.recording.attributes import Attribute, Held, taken
from pagecache.recording.mappings import (
    CONDITIONAL,
    RecordedCookies,
    RecordedHeaders,
    RecordedMeta,
    RecordedQuery,
)
from pagecache.recording.recorder import Recorder, implying, quietly

# Where Django's own middleware keeps the user. Whatever finds out a visitor's class by it covers it.
FOUND_BY_SESSION = {"_cached_user", "_acached_user"}
ATTRIBUTES = ("session", "user", "auser", "scope", "_stream")
AUTHENTICATION = "django.contrib.auth.middleware"


class RecordedRequest(HttpRequest):
    """What recorded request classes have in common; mixed in before Django's own class."""

    @property
    def META(self) -> Any:  # noqa: D102, N802 Django's name
        return self.__dict__["META"]

    @META.setter
    def META(self, value: dict[str, Any]) -> None:  # noqa: N802 Django's name
        self.__dict__["META"] = RecordedMeta(value, self.META.recorder)

    environ = META

    @property
    def GET(self) -> Any:  # noqa: D102, N802 Django's name
        if "GET" not in self.__dict__:
            with quietly():
                recorder = self.META.recorder
                self.__dict__["GET"] = RecordedQuery(
                    super().GET, recorder, as_keyed=self.encoding == recorder.encoding
                )
        return self.__dict__["GET"]

    @GET.setter
    def GET(self, value: QueryDict) -> None:  # noqa: N802 Django's name
        self.__dict__["GET"] = value

    @GET.deleter
    def GET(self) -> None:  # noqa: N802 Django's name
        del self.__dict__["GET"]

    @property
    def COOKIES(self) -> Any:  # noqa: D102, N802 Django's name
        if "COOKIES" not in self.__dict__:
            with quietly():
                self.__dict__["COOKIES"] = RecordedCookies(super().COOKIES, self.META.recorder)
        return self.__dict__["COOKIES"]

    @COOKIES.setter
    def COOKIES(self, value: dict[str, str]) -> None:  # noqa: N802 Django's name
        self.__dict__["COOKIES"] = value

    @property
    def headers(self) -> Any:  # noqa: D102
        if "headers" not in self.__dict__:
            self.__dict__["headers"] = RecordedHeaders(self.META)
        return self.__dict__["headers"]

    session = Attribute(lambda recorder: recorder.read(SESSION))

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

    def _seen(self, lazy: Any) -> Any:
        recorder = self.META.recorder

        def evaluate() -> Any:
            recorder.read(USER)
            with implying(_implied_by(lazy.__dict__.get("_setupfunc"))):
                lazy._setup()  # noqa: SLF001 what any use of it does
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

        async def seen() -> Any:
            recorder.read(USER)
            with implying(_implied_by(value)):
                return await value()

        self.__dict__["auser"] = seen

    def _get_raw_host(self) -> str:
        with quietly():  # the host as Django accepts it is in every key
            return super()._get_raw_host()  # type: ignore[misc, no-any-return]

    @property
    def scheme(self) -> str | None:  # noqa: D102
        with quietly():  # in every key
            return super().scheme


class RecordedASGI(RecordedRequest):
    """An ASGI request's scope holds all that the request holds, and HTTP/2 announces no body."""

    scope = Attribute(lambda recorder: recorder.refuse_read(Reason.ALL_HEADERS))
    _stream = Attribute(lambda recorder: recorder.refuse(Reason.BODY))

    @property
    def body(self) -> bytes:  # noqa: D102
        self.META.recorder.refuse(Reason.BODY)
        return super().body


def recorded_class(cls: Any) -> Any:
    """Return the class of requests as the given one that record what is read of them."""
    return cls if issubclass(cls, RecordedRequest) else _recorded_class(cls)


@lru_cache(64)
def _recorded_class(cls: Any) -> Any:
    mixin = RecordedASGI if issubclass(cls, ASGIRequest) else RecordedRequest
    return type(cls.__name__, (mixin, cls), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def record(request: HttpRequest, recorder: Recorder) -> None:
    """Let the request record what is read of it from here on."""
    recorder.routed, recorder.encoding = routed(request), request.encoding
    stored = request.__dict__
    attributes = {name: stored[name] for name in ATTRIBUTES if name in stored}
    meta = RecordedMeta({k: v for k, v in stored["META"].items() if k not in CONDITIONAL}, recorder)
    stored["META"] = meta
    if "environ" in stored:
        stored["environ"] = meta
    for name in ("headers", *FOUND_BY_SESSION):
        stored.pop(name, None)
    if "GET" in stored:
        stored["GET"] = RecordedQuery(stored["GET"], recorder)
    if "COOKIES" in stored:
        stored["COOKIES"] = RecordedCookies(stored["COOKIES"], recorder)
    request.__class__ = recorded_class(type(request))
    for name, value in attributes.items():
        setattr(request, name, value)
    user = attributes.get("user")
    if user is not None and not is_unevaluated(user) and user.is_authenticated:
        stored["user"] = Held(user, lambda: _read_known_user(recorder))


def routed(request: HttpRequest) -> tuple[object, str]:
    """Return what decides which view answers."""
    return getattr(request, "urlconf", None), request.path_info


def _read_known_user(recorder: Recorder) -> None:
    """Refuse a user that somebody found out before: its data was read before any start version was."""
    recorder.read(USER)
    recorder.refuse_read(Reason.AUTHENTICATED)


@contextmanager
def as_before(request: HttpRequest) -> Iterator[None]:
    """Take off the request again what is found out inside: whoever needs it reads for itself, and is recorded."""
    stored = request.__dict__
    before = dict(stored)
    unknown = [value for value in before.values() if _is_lazy(value)]
    try:
        yield
    finally:
        for name in stored.keys() - before.keys() - FOUND_BY_SESSION:
            del stored[name]
        stored.update(before)
        for value in unknown:
            value._wrapped = empty  # noqa: SLF001 as it was


def withhold(request: HttpRequest) -> None:
    """Take the conditional headers off a recorded request once more."""
    for name in CONDITIONAL:
        request.META._held.pop(name, None)  # type: ignore[attr-defined]  # noqa: SLF001 our own


def release(request: HttpRequest, meta: Mapping[str, Any]) -> None:
    """Give the conditional headers back, for middleware outside."""
    for name in CONDITIONAL:
        if name in meta:
            request.META._held[name] = meta[name]  # type: ignore[attr-defined]  # noqa: SLF001 our own


def _implied_by(finds_user: Any) -> str | None:
    """Return what Django's own way to find the user reads; what a way of the site's reads counts as read."""
    made = getattr(finds_user, "func", finds_user)  # `auser` is a partial
    stock = getattr(made, "__module__", None) == AUTHENTICATION
    return SESSION if stock else None


def is_unevaluated(user: object) -> bool:
    """Whether the user is lazy and nobody has looked at it yet."""
    return isinstance(user, SimpleLazyObject) and type(user) is not Held and _is_lazy(user)


def _is_lazy(value: object) -> bool:
    return isinstance(value, LazyObject) and value._wrapped is empty  # noqa: SLF001 looks without evaluating
