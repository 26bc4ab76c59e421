"""What passes through Django's database connections: statements with their footprints, and ends of transactions.

One execute wrapper on every connection computes a statement's footprint once; observers are told. Commits and
rollbacks are seen at the connection itself and not through `on_commit`, where a hook that raises would drop ours.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper

from pagecache import conf
from pagecache.core import footprint as core_footprint
from pagecache.core.footprint import Footprint

Records = Sequence[Sequence[Any]]  # the rows that a query gave
Taker = Callable[[Records | None], None]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: what its text touches, and the parameters of each of its runs."""

    footprint: Footprint
    runs: Iterable[Any] = (None,)  # an iterator where the site gave one: the driver's to consume

    @property
    def params(self) -> Any:
        """The parameters of the only run; None where there are several, or none."""
        is_one = isinstance(self.runs, list | tuple) and len(self.runs) == 1
        return self.runs[0] if is_one else None  # type: ignore[index]  # a sequence


class Observer:
    """Somebody who wants to know what a connection does; each method is called right after the fact."""

    def begins(self, connection: BaseDatabaseWrapper, statement: Statement) -> Taker | None:
        """Notice that a statement is about to be sent; who wants to know its rows returns what takes them.

        These are few, by the text; None if the statement raises.
        """

    def finished(self, connection: BaseDatabaseWrapper, statement: Statement) -> None:
        """Notice that a statement was finished, or raised."""

    def ended(self, connection: BaseDatabaseWrapper, *, committed: bool) -> None:
        """Notice that a transaction ended; `committed` also where it may have."""

    def promised(self) -> None:
        """Notice that something is to be done when the transaction commits."""

    def undone(self, connection: BaseDatabaseWrapper, savepoint: str) -> None:
        """Notice that a savepoint was rolled back."""


# Methods of cursors that send statements past the execute wrappers, Django's own and those of drivers.
UNSEEN = (
    "callfunc",
    "callproc",
    "copy",
    "copy_expert",
    "copy_from",
    "copy_to",
    "executescript",
    "stream",
)
OPAQUE = Footprint(frozenset(), frozenset(), None, opaque=True, returns=False)

_observers: list[Observer] = []
_watched: set[type] = set()


def install(*observers: Observer) -> None:
    """Tell the observers about every connection, those that are open already too; done once for the process."""
    if not _observers:
        connection_created.connect(_watch, dispatch_uid="pagecache.database")
        _patch()
    _observers.extend(observer for observer in observers if observer not in _observers)
    for connection in connections.all(initialized_only=True):
        _watch(connection=connection)


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether what the connection writes takes effect only with a later commit."""
    return connection.in_atomic_block or not connection.autocommit


def _watch(*, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    made: Any = connection
    for cls in {type(made.make_cursor(None)), type(made.make_debug_cursor(None))}:
        _watch_cursors(cls)
    if _run not in connection.execute_wrappers:
        # First: leaving `connection.execute_wrapper()` takes off the last, also if it began before we came.
        connection.execute_wrappers.insert(0, _run)


def _watch_cursors(cls: type) -> None:
    """Watch what passes by the execute wrappers: in Django's cursors, and in those that a backend derives."""
    for base in cls.__mro__:
        if base in _watched or not issubclass(base, CursorWrapper):
            continue
        _watched.add(base)
        for name in UNSEEN:
            if base is CursorWrapper or name in vars(base):
                setattr(base, name, _unseen(name, vars(base).get(name)))


def _run(
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 Django's signature
    context: dict[str, Any],
) -> Any:
    connection, cursor = context["connection"], context["cursor"]
    footprint = core_footprint.footprint(str(sql), connection.vendor, conf.get().routines)
    statement = Statement(footprint, params if many else (params,))
    takers = _begin(connection, statement)
    if isinstance(cursor.cursor, _Fetched):
        cursor.cursor = cursor.cursor.plain
    rows: Records | None = None
    try:
        result = execute(sql, params, many, context)
        commits_late = footprint.returns and connection.vendor == "sqlite"
        if takers or (commits_late and not in_transaction(connection)):
            with connection.wrap_database_errors:
                rows = cursor.cursor.fetchall()
            result = cursor.cursor = _Fetched(cursor.cursor, rows, connection)
        return result
    finally:
        for take in takers:
            take(rows)
        _finish(connection, statement)


def _begin(connection: BaseDatabaseWrapper, statement: Statement) -> list[Taker]:
    return [taker for one in _observers if (taker := one.begins(connection, statement)) is not None]


def _unseen(name: str, method: Callable[..., Any] | None = None) -> Any:
    """Return a method of cursors that passes by the execute wrappers, or a property for one of the driver's cursor."""

    def watched(self: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
        statement = Statement(_footprint_of(self.db, name, args))
        for take in _begin(self.db, statement):
            take(None)
        finished = partial(_finish, self.db, statement)
        try:
            call = getattr(self.cursor, name) if method is None else partial(method, self)
            return _until_its_end(call(*args, **kwargs), finished)
        finally:
            finished()

    if method is not None:
        return wraps(method)(watched)
    # Where the driver's cursor has no such method, nor has this.
    return property(lambda self: getattr(self.cursor, name) and partial(watched, self))


def _footprint_of(connection: BaseDatabaseWrapper, name: str, args: tuple[Any, ...]) -> Footprint:
    """Return what a call touches: anything, unless it is one statement whose text is known."""
    routines = conf.get().routines
    text = args[0] if args and isinstance(args[0], str) else ""
    if name in {"callfunc", "callproc"} and text.lower() in routines:
        return core_footprint.footprint("", connection.vendor)
    if name in {"copy", "copy_expert", "stream"} and text:
        return core_footprint.footprint(text, connection.vendor, routines)
    return OPAQUE


def _until_its_end(result: Any, finished: Callable[[], None]) -> Any:
    """Return what a call gave: a context or rows that are still to come are finished when they end."""
    if hasattr(result, "__enter__"):
        return _in_context(result, finished)
    return _in_rows(result, finished) if isinstance(result, Iterator) else result


@contextmanager
def _in_context(context: Any, finished: Callable[[], None]) -> Iterator[Any]:
    try:
        with context as entered:
            yield entered
    finally:
        finished()


def _in_rows(rows: Iterator[Any], finished: Callable[[], None]) -> Iterator[Any]:
    try:
        yield from rows
    finally:
        finished()


def _finish(connection: BaseDatabaseWrapper, statement: Statement) -> None:
    for observer in _observers:
        observer.finished(connection, statement)


class _Fetched:
    """A cursor whose rows are fetched: because they are looked at, or since fetching the last of them commits.

    A `RETURNING` in autocommit on SQLite commits so.
    """

    def __init__(self, cursor: Any, rows: Any, connection: BaseDatabaseWrapper) -> None:
        self.plain = cursor
        # Django compares what `fetchmany` gives at the end with what the driver would.
        kind: Any = type(connection.features.empty_fetchmany_value)
        self._rows = kind(rows)
        self._at = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchone, None)

    def fetchone(self) -> Any:
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> Any:
        start = self._at
        self._at += size or self.plain.arraysize
        return self._rows[start : self._at]

    def fetchall(self) -> Any:
        return self.fetchmany(len(self._rows))


def _patch() -> None:
    base = BaseDatabaseWrapper
    base.commit = _after(base.commit, committed=True)  # type: ignore[method-assign]
    base.close = _after(base.close, committed=True)  # type: ignore[method-assign]
    base.rollback = _after(base.rollback, committed=False)  # type: ignore[method-assign]
    base.savepoint_rollback = _after_savepoint(base.savepoint_rollback)  # type: ignore[method-assign]
    base.on_commit = _with_promise(base.on_commit)  # type: ignore[method-assign]
    base.set_autocommit = _after_autocommit(base.set_autocommit)  # type: ignore[method-assign]


def _after(method: Callable[..., None], *, committed: bool) -> Callable[..., None]:
    @wraps(method)
    def ends(self: BaseDatabaseWrapper) -> None:
        try:
            method(self)
        finally:
            _end(self, committed=committed)

    return ends


def _after_autocommit(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def set_autocommit(
        self: BaseDatabaseWrapper, autocommit: Any, *args: Any, **kwargs: Any
    ) -> None:
        try:
            method(self, autocommit, *args, **kwargs)
        finally:
            if autocommit:
                _end(self, committed=True)

    return set_autocommit


def _with_promise(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def on_commit(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> None:
        for observer in _observers:
            observer.promised()
        method(self, *args, **kwargs)

    return on_commit


def _after_savepoint(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def savepoint_rollback(self: BaseDatabaseWrapper, sid: str) -> None:
        method(self, sid)
        for observer in _observers:
            observer.undone(self, sid)

    return savepoint_rollback


def _end(connection: BaseDatabaseWrapper, *, committed: bool) -> None:
    # Without transactions (MyISAM), a rollback undoes nothing.
    took_effect = committed or not connection.features.supports_transactions
    for observer in _observers:
        observer.ended(connection, committed=took_effect)
