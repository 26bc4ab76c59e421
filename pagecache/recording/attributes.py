"""Attributes of a request whose use is recorded, also where somebody finds them in the request's `__dict__`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from pagecache.recording.mappings import itself
from pagecache.recording.recorder import Recorder, implying

Note = Callable[[Recorder], None]


class Held(SimpleLazyObject):  # type: ignore[type-arg]  # for type checkers only
    """What stands for a value in `__dict__`: it is that value for whoever uses it, and the use is noted."""

    def __init__(self, value: Any, note: Callable[[], None]) -> None:
        def use() -> Any:
            note()
            return value

        super().__init__(use)


def taken(held: Held) -> Any:
    """Return the value itself; each time counts as a use."""
    known = object.__getattribute__(held, "__dict__")  # past the steps of a lazy object
    return known["_setupfunc"]()


class Attribute:
    """A recorded attribute, on the request's class; `note` says what its use means."""

    name: str

    def __init__(self, note: Note) -> None:
        self.note = note

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, request: HttpRequest | None, owner: type) -> Any:
        if request is None:
            return self
        if self.name not in request.__dict__:
            raise AttributeError(self.name)
        return taken(request.__dict__[self.name])

    def __set__(self, request: HttpRequest, value: Any) -> None:
        recorder = request.META.recorder  # type: ignore[attr-defined]
        request.__dict__[self.name] = Held(value, partial(self.note, recorder))

    def __delete__(self, request: HttpRequest) -> None:
        del request.__dict__[self.name]


class Derived:
    """What Django derives from a header of the request and keeps: each use is a look at the header."""

    owner: type
    name: str

    def __init__(self, header: str) -> None:
        self.header = header

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, request: HttpRequest | None, owner: type) -> Any:
        if request is None:
            return self
        request.META.one(self.header)  # type: ignore[attr-defined]
        if self.name not in request.__dict__:
            return getattr(super(self.owner, request), self.name)
        return request.__dict__[self.name]

    def __set__(self, request: HttpRequest, value: Any) -> None:
        request.__dict__[self.name] = value

    def __delete__(self, request: HttpRequest) -> None:
        if self.name not in request.__dict__:
            raise AttributeError(self.name)
        del request.__dict__[self.name]


class Awaited:
    """What finds out who asks on the event loop; each use is noted, and the kind of input that it implies is not."""

    def __init__(
        self, find: Callable[[], Any], note: Callable[[], None], *, implied: str | None
    ) -> None:
        self._find, self._note, self._implied = find, note, implied
        markcoroutinefunction(self)

    async def __call__(self) -> Any:
        """Find it out."""
        self._note()
        with implying(self._implied):
            return await self._find()

    def __reduce__(self) -> Any:
        self._note()
        return itself, (self._find,)
