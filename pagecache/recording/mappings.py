"""Mappings of a request that tell what was read of them.

They are what they replace (dict, QueryDict, HttpHeaders), and record by name where a name was asked for, and as a
whole where they were iterated, copied, compared, measured or printed.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.http import QueryDict
from django.http.request import HttpHeaders

from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, HEADER, META, QUERY, QUERY_STRING
from pagecache.recording.recorder import Recorder, quietly

# Taken off the request for the view and answered from its result.
CONDITIONAL = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
KEYED = frozenset({"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO"})  # in every key
CONSTANT = frozenset(  # of the server, for every request
    "wsgi.version wsgi.errors wsgi.multithread wsgi.multiprocess wsgi.run_once wsgi.file_wrapper".split()
)
CLIENT = ("REMOTE_", "SSL_CLIENT", "AUTH_TYPE")


class Recorded:
    """A dict that tells which of its items were asked for, and when it was looked at as a whole."""

    recorder: Recorder

    def one(self, name: Any) -> None:
        """Record that one item was asked for."""
        raise NotImplementedError

    def all(self) -> None:
        """Record that the whole was looked at."""
        raise NotImplementedError


def _by_name(method: str) -> Callable[..., Any]:
    def read(self: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
        self.one(name)
        return getattr(super(type(self).recorded, self), method)(name, *args, **kwargs)

    return read


def _as_whole(method: str) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.all()
        return getattr(super(type(self).recorded, self), method)(*args, **kwargs)

    return read


BY_NAME = ("__getitem__", "__contains__", "get", "pop", "setdefault", "getlist")
AS_WHOLE = (
    "__iter__", "__reversed__", "__len__", "__eq__", "__ne__", "__or__", "__ror__", "__repr__", "__str__",
    "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "keys", "values", "items", "lists", "dict",
    "copy", "urlencode", "popitem",
)  # fmt: skip


def recorded(cls: type) -> type:
    """Let the class record every way in which its base can be read."""
    cls.recorded = cls  # type: ignore[attr-defined]
    for names, make in ((BY_NAME, _by_name), (AS_WHOLE, _as_whole)):
        for name in names:
            if hasattr(cls, name) and name not in vars(cls):
                setattr(cls, name, make(name))
    cls.__hash__ = None  # type: ignore[assignment]
    return cls


@recorded
class RecordedMeta(Recorded, dict[str, Any]):
    """`request.META` and `request.environ`."""

    recorded: ClassVar[type]

    def __init__(self, items: dict[str, Any], recorder: Recorder) -> None:
        super().__init__(items)
        self.recorder = recorder

    def one(self, name: Any) -> None:
        """Record the name by what it stands for."""
        if name in KEYED or name in CONDITIONAL or name in CONSTANT:
            return
        if name == "HTTP_COOKIE":
            self.recorder.refuse_read(Reason.ALL_COOKIES)
        elif name == "wsgi.input":
            self.recorder.refuse(Reason.BODY)
        elif name == "QUERY_STRING":
            self.recorder.read(QUERY_STRING)
        elif str(name).startswith("CSRF_COOKIE"):
            self.recorder.refuse_read(Reason.CSRF)
        elif str(name).startswith(CLIENT):
            self.recorder.refuse_read(Reason.CLIENT)
        elif str(name).startswith("HTTP_") and name != "HTTP_HOST":
            self.recorder.read(HEADER, name[5:].replace("_", "-").lower())
        else:
            self.recorder.read(META, str(name))

    def all(self) -> None:
        """Record a look at the whole environment."""
        self.recorder.refuse_read(Reason.ALL_HEADERS)


@recorded
class RecordedCookies(Recorded, dict[str, str]):
    """`request.COOKIES`."""

    recorded: ClassVar[type]

    def __init__(self, items: dict[str, str], recorder: Recorder) -> None:
        super().__init__(items)
        self.recorder = recorder

    def one(self, name: Any) -> None:
        """Record one cookie."""
        self.recorder.read(COOKIE, str(name))

    def all(self) -> None:
        """Record a look at all cookies."""
        self.recorder.refuse_read(Reason.ALL_COOKIES)


@recorded
class RecordedQuery(Recorded, QueryDict):
    """`request.GET`."""

    recorded: ClassVar[type]

    def __init__(self, items: QueryDict, recorder: Recorder) -> None:
        super().__init__("", encoding=items.encoding)
        dict.update(self, items.lists())
        self.recorder = recorder

    def one(self, name: Any) -> None:
        """Record one parameter."""
        self.recorder.read(QUERY, str(name))

    def all(self) -> None:
        """Record a look at the whole query string."""
        self.recorder.read(QUERY_STRING)

    def _getlist(self, key: str, default: Any = None, force_list: bool = False) -> Any:  # noqa: FBT001, FBT002 Django's signature
        self.one(key)
        return super()._getlist(key, default, force_list)  # type: ignore[misc]

    def copy(self) -> Any:
        """Return a plain mutable copy, as QueryDict does."""
        self.all()
        return QueryDict(self.urlencode(), mutable=True, encoding=self.encoding)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, _memo: Any) -> Any:
        return self.copy()


class RecordedHeaders(Recorded, HttpHeaders):
    """`request.headers`."""

    def __init__(self, meta: RecordedMeta) -> None:
        self.meta = meta
        with quietly():
            super().__init__(dict(dict.items(meta)))

    def __getitem__(self, key: str) -> str:
        name = key.replace("_", "-")
        self.meta.one(HttpHeaders.to_wsgi_name(name))
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        self.meta.all()
        return super().__iter__()

    def __len__(self) -> int:
        self.meta.all()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.meta.all()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self.meta.all()
        return super().__repr__()

    def copy(self) -> "RecordedHeaders":
        """Return itself: headers do not change."""
        self.meta.all()
        return self
