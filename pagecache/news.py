"""News: something that this process knows is not what it was, so what was found out by it is to be looked at again.

Whoever looks takes down the latest news before; whoever changes something that is told of tells afterwards. Where the
latest news is still the one that was taken down, all of that is as it was seen.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

Change = TypeVar("Change", bound=Callable[..., Any])
K = TypeVar("K")
V = TypeVar("V")


class News:
    """The latest news of a process; there is no more to it than that it is another one each time."""

    __slots__ = ("latest",)

    def __init__(self) -> None:
        self.latest = object()

    def tell(self) -> None:
        """Tell that something is not what it was."""
        self.latest = object()


news = News()


def _telling(change: Change) -> Change:
    @wraps(change)
    def told(*given: Any, **named: Any) -> Any:
        try:
            return change(*given, **named)
        finally:
            news.tell()

    return cast("Change", told)


class Noted(dict[K, V]):
    """A dictionary that tells of its changes; it is looked at as fast as any."""

    __setitem__, __delitem__ = _telling(dict.__setitem__), _telling(dict.__delitem__)
    setdefault, update = _telling(dict.setdefault), _telling(dict.update)
    pop, popitem = _telling(dict.pop), _telling(dict.popitem)
    clear, __ior__ = _telling(dict.clear), _telling(dict.__ior__)
