"""Attributes of a request whose use is recorded, also where somebody finds them in the request's `__dict__`."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from pagecache.recording.recorder import Recorder

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
    return held.__dict__["_setupfunc"]()


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
        request.__dict__[self.name] = Held(value, lambda: self.note(recorder))

    def __delete__(self, request: HttpRequest) -> None:
        del request.__dict__[self.name]
