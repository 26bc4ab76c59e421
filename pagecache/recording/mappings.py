"""Mappings of a request that tell what was read of them.

They are what they replace (dict, QueryDict, HttpHeaders), and record by name where a name was asked for, and as a
whole where they were iterated, copied, compared, measured or printed.
"""

from collections.abc import Callable, Iterable
from copy import copy, deepcopy
from typing import Any

from django.http import QueryDict
from django.http.request import HttpHeaders

from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, HEADER, META, QUERY, QUERY_STRING
from pagecache.recording.names import Names, place
from pagecache.recording.recorder import Recorder, muted

# Taken off the request for the view and answered from its result.
CONDITIONAL = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
KEYED = frozenset({"SCRIPT_NAME"})  # in every key as it is; method and path as Django takes them
CONSTANT = frozenset(  # of the server, for every request
    "wsgi.version wsgi.errors wsgi.multithread wsgi.multiprocess wsgi.run_once wsgi.file_wrapper".split()
)
CLIENT = ("REMOTE_", "SSL_CLIENT", "AUTH_TYPE")


class Unseen:
    """What C code finds that reads a dict without asking it: something that is no text, so that it says so."""

    def __repr__(self) -> str:
        return "<a recorded mapping: take a copy of it first>"


UNSEEN: Any = Unseen()
ALL = "*"  # instead of a name
OURS = "CSRF_COOKIE"  # how the names begin of what tokens leave among the variables
ONE = frozenset({"__setitem__", "appendlist", "setlist"})
WRITES = frozenset({"__delitem__", "pop", "popitem", "setdefault", "setlistdefault"})


class Recorded:
    """A mapping that tells which of its items were asked for, and when it was looked at as a whole.

    It is the kind of dict that it stands for, and keeps the items beside it: code in C reads a dict without asking.
    """

    recorder: Recorder
    written: set[str]  # names of what was written over; `ALL` for any
    _held: Any

    def one(self, name: Any) -> None:
        """Record that one item was asked for."""
        raise NotImplementedError

    def all(self) -> None:
        """Record that the whole was looked at."""
        raise NotImplementedError

    def __copy__(self) -> Any:
        self.all()
        return copy(self._held)

    def __deepcopy__(self, memo: Any) -> Any:
        self.all()
        return deepcopy(self._held, memo)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        self.all()
        return itself, (self._held,)

    def is_written(self, name: str) -> bool:
        """Whether an item was written over; with `ALL`, whether any was that is not our own."""
        if name != ALL:
            return not self.written.isdisjoint((name, ALL))
        return not all(str(one).startswith(OURS) for one in self.written)

    def __ior__(self, other: Any) -> Any:
        self.written.add(ALL)
        self._held |= _bare(other)
        return self

    def _hold(self, held: Any, recorder: Recorder) -> None:
        self._held, self.recorder, self.written = held, recorder, set()
        if isinstance(self, dict):
            # The encoder of json asks only a dict that is not empty for its items.
            dict.__setitem__(self, UNSEEN, UNSEEN)


def _by_name(method: str) -> Callable[..., Any]:
    writes = method in WRITES

    def read(self: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
        if muted.get() is not True:  # else nobody hears of it
            self.one(name)
        if writes:
            self.written.add(name)
        return getattr(self._held, method)(name, *args, **kwargs)

    return read


def _as_whole(method: str) -> Callable[..., Any]:
    writes = method in WRITES

    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.all()
        if writes:
            self.written.add(ALL)
        return getattr(self._held, method)(*map(_bare, args), **kwargs)

    return read


def unheard(mapping: Any) -> Any:
    """Return what a mapping of a request holds: nobody hears of what is read of that."""
    return mapping._held if isinstance(mapping, Recorded) else mapping  # noqa: SLF001 of the same kind


def _named(method: str, args: tuple[Any, ...]) -> Iterable[Any]:
    """Return the names of what is written over."""
    if method in ONE:
        return args[:1]
    return args[0] if method == "update" and args and type(args[0]) is dict else (ALL,)


def _as_is(method: str) -> Callable[..., Any]:
    def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.written.update(_named(method, args), kwargs)
        return getattr(self._held, method)(*args, **kwargs)

    return write


def itself(held: Any) -> Any:
    """Return what something recorded is unpickled as."""
    return held


def _bare(other: Any) -> Any:
    """Return what another recorded mapping holds: Python compares and joins dicts without asking them."""
    if not isinstance(other, Recorded):
        return other
    other.all()
    return other._held  # noqa: SLF001 of the same kind


BY_NAME = "__contains__ __delitem__ __getitem__ _getlist get getlist pop setdefault setlistdefault"
AS_WHOLE = """
    __eq__ __getstate__ __iter__ __len__ __ne__ __or__ __repr__ __reversed__ __ror__ __str__
    copy dict items keys lists popitem urlencode values
"""
AS_IS = "__setitem__ _assert_mutable appendlist clear fromkeys setlist update"


def recorded(cls: type) -> type:
    """Let the class record every way in which its base can be read."""
    for names, make in ((BY_NAME, _by_name), (AS_WHOLE, _as_whole), (AS_IS, _as_is)):
        for name in names.split():
            if callable(getattr(cls, name, None)) and name not in vars(cls):
                setattr(cls, name, make(name))
    cls.__hash__ = None  # type: ignore[assignment]
    return cls


@recorded
class RecordedMeta(Recorded, dict[str, Any]):
    """`request.META` and `request.environ`."""

    stood: Any = None  # what the request said where holes are filled

    def __init__(self, items: dict[str, Any], recorder: Recorder) -> None:
        self._hold(items, recorder)

    def __deepcopy__(self, memo: Any) -> "RecordedMeta":
        """Let a request that is copied deeply stay one that is recorded."""
        self.all()
        return RecordedMeta(deepcopy(self._held, memo), self.recorder)

    def one(self, name: Any) -> None:
        """Record the name by what it stands for."""
        if name in KEYED or name in CONDITIONAL or name in CONSTANT:
            return
        if name == "HTTP_COOKIE":
            self.recorder.refuse_read(Reason.ALL_COOKIES)
        elif name == "wsgi.input":
            self.recorder.refuse_read(Reason.BODY)
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

    def __init__(self, items: dict[str, str], recorder: Recorder) -> None:
        self._hold(items, recorder)

    def one(self, name: Any) -> None:
        """Record one cookie."""
        self.recorder.read(COOKIE, str(name))

    def all(self) -> None:
        """Record a look at all cookies."""
        self.recorder.refuse_read(Reason.ALL_COOKIES)


def _of_the_held(name: str) -> Any:
    return property(
        lambda self: getattr(self._held, name),
        lambda self, value: setattr(self._held, name, value),
    )


@recorded
class RecordedQuery(Recorded, QueryDict):
    """`request.GET`; single parameters are inputs as long as the key decodes them alike."""

    _mutable = _of_the_held("_mutable")
    _encoding = _of_the_held("_encoding")

    def __init__(self, items: QueryDict, recorder: Recorder, *, as_keyed: bool = True) -> None:
        self._hold(items, recorder)
        self._as_keyed = as_keyed
        self._names: Names | None = None  # as they were asked for last

    def one(self, name: Any) -> None:
        """Record one parameter."""
        if self._as_keyed:
            self.recorder.read(QUERY, str(name))
        else:
            self.all()

    def all(self) -> None:
        """Record a look at the whole query string."""
        self.recorder.read(QUERY_STRING)

    def keys(self) -> Any:
        """Return the names."""
        self.all()
        self._names = Names(self._held, place(2))
        return self._names

    def __getitem__(self, name: Any) -> Any:
        """Return the last value; C code that copies a dict finds all of them."""
        self.one(name)
        if self._names is not None and self._names.taken == place(2):
            return dict.__getitem__(self._held, name)
        return self._held[name]


@recorded
class RecordedHeaders(Recorded, HttpHeaders):
    """`request.headers`."""

    def __init__(self, meta: RecordedMeta) -> None:
        self._hold(HttpHeaders(meta._held), meta.recorder)  # noqa: SLF001 of the same kind
        self._meta = meta

    def one(self, name: str) -> None:
        """Record one header."""
        self._meta.one(HttpHeaders.to_wsgi_name(name))

    def all(self) -> None:
        """Record a look at all headers."""
        self._meta.all()

    @property
    def _store(self) -> Any:  # type: ignore[override]
        self.all()
        return self._held._store  # noqa: SLF001 Django's name
