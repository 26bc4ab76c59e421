"""Requests as they arrive: what they say, and what is read of that to find out which page they are for."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest, get_path_info, get_script_name
from django.http import HttpRequest

ALL = "*"  # instead of a name


class Watched(dict[str, Any]):
    """Server variables, which take down the names of those that are read; a copy, which nothing is taken out of."""

    __slots__ = ("names",)

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a variable."""
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: Any) -> bool:
        self.names.add(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.names.add(ALL)
        return super().__iter__()

    def keys(self) -> Any:
        """Return all names."""
        self.names.add(ALL)
        return super().keys()

    def values(self) -> Any:
        """Return all values."""
        self.names.add(ALL)
        return super().values()

    def items(self) -> Any:
        """Return all pairs."""
        self.names.add(ALL)
        return super().items()


class Arrival(WSGIRequest):
    """A WSGI request before Django has it: the facts by the steps of Django's class, and nothing that only views need.

    Django's writes into the environment, and reads more of it.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self.given = environ
        self.environ = self.META = seen = Watched(environ)
        script, path = get_script_name(seen), get_path_info(seen) or "/"
        seen |= {"PATH_INFO": path, "SCRIPT_NAME": script}
        self.path_info = path
        self.path = f"{script.rstrip('/')}/{path.replace('/', '', 1)}"
        self.method = environ["REQUEST_METHOD"].upper()
        _ = environ["wsgi.input"]  # without which Django fails


STOCK = {WSGIRequest, ASGIRequest}


def watched(request: HttpRequest) -> HttpRequest:
    """Return a request of a stock class that says the same, and takes down which of its variables are read."""
    seen = object.__new__(type(request))
    seen.__dict__.update(request.__dict__)
    seen.META = Watched(request.META)
    if isinstance(seen, WSGIRequest):
        seen.environ = seen.META
    return seen


def whole(request: HttpRequest) -> HttpRequest:
    """Return the request as Django makes it, for code of the site."""
    return WSGIRequest(dict(request.given)) if isinstance(request, Arrival) else request
