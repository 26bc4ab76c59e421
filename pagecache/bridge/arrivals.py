"""Requests as they arrive: what they say, and what is read of that to find out which page they are for."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest, get_path_info, get_script_name
from django.http import HttpRequest

ALL = "*"  # instead of a name
SHORT = 100  # characters of a header's name that is remembered


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

    def copy(self) -> dict[str, Any]:
        """Return all, in a dict that takes down nothing more."""
        return dict(self.items())

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
# What Django makes of a scope beside its headers.
OF_SCOPE = frozenset(
    "REQUEST_METHOD QUERY_STRING SCRIPT_NAME PATH_INFO REMOTE_ADDR REMOTE_HOST SERVER_NAME SERVER_PORT".split()
)
OF_BODY = {b"content-length": "CONTENT_LENGTH", b"content-type": "CONTENT_TYPE"}


def variables_in(scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the server variables that Django makes of a scope; None where a header comes twice, or is spelt oddly."""
    headers, client, server = scope["headers"], scope.get("client"), scope.get("server")
    variables = {_variable(name): value.decode("latin1") for name, value in headers}
    if None in variables or len(variables) != len(headers):
        return None
    script = settings.FORCE_SCRIPT_NAME or scope.get("root_path") or ""
    query = scope.get("query_string", "")
    variables["REQUEST_METHOD"] = scope["method"]
    variables["QUERY_STRING"] = query.decode() if isinstance(query, bytes) else query
    variables["SCRIPT_NAME"] = script
    variables["PATH_INFO"] = scope["path"].removeprefix(script)
    variables["SERVER_NAME"], port = server or ("unknown", "0")
    variables["SERVER_PORT"] = str(port)
    if client:
        variables["REMOTE_ADDR"] = variables["REMOTE_HOST"] = client[0]
    return variables  # type: ignore[return-value]  # no name is None


def _variable(name: bytes) -> str | None:
    """Return the variable for a header as servers spell it; None for another spelling."""
    return _remembered(name) if len(name) <= SHORT else _named(name)


def _named(name: bytes) -> str | None:
    if name in OF_BODY:
        return OF_BODY[name]
    text = name.decode("latin1")
    is_odd = "_" in text or not text.isascii() or text != text.lower()
    return None if is_odd else "HTTP_" + text.upper().replace("-", "_")


_remembered = lru_cache(1000)(_named)


def is_in_scope(names: Iterable[str]) -> bool:
    """Whether these are variables that a scope says, and `variables_in` too."""
    return all(name.startswith(("HTTP_", "CONTENT_")) or name in OF_SCOPE for name in names)


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
