"""What passes through Django's database connections: statements with their footprints, and ends of transactions.

One execute wrapper on every connection computes a statement's footprint once; observers are told. Commits and
rollbacks are seen at the connection itself and not through `on_commit`, where a hook that raises would drop ours.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial, wraps
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, NotSupportedError, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper

from pagecache import conf, transactions
from pagecache.core import footprint as core_footprint
from pagecache.core.footprint import Footprint

Records = Sequence[Sequence[Any]]  # the rows that a query gave
Taker = Callable[[Records | None], None]


class Statement(NamedTuple):
    """One statement: what its text touches, and the parameters of each of its runs."""

    footprint: Footprint
    runs: Iterable[Any] = (None,)  # an iterator where the site gave one: the driver's to consume

    @property
    def known_runs(self) -> Sequence[Any]:
        """The parameters of its runs, the same before and after; None stands for those of an iterator."""
        return self.runs if isinstance(self.runs, list | tuple) else (None,)

    @property
    def params(self) -> Any:
        """The parameters of the only run; None where there are several, or none."""
        runs = self.known_runs
        return runs[0] if len(runs) == 1 else None


class Observer:
    """Somebody who wants to know what a connection does: before a statement is sent, and right after all else."""

    def begins(self, connection: BaseDatabaseWrapper, statement: Statement) -> Taker | None:
        """Notice that a statement is about to be sent; what is raised here keeps it from that.

        Who wants to know its rows, which are few by the text, returns what takes them: None if the statement raises.
        """

    def finished(
        self, connection: BaseDatabaseWrapper, statement: Statement, *, is_sure: bool
    ) -> None:
        """Notice that a statement was finished, or raised; `is_sure` unless it may still take effect."""

    def ended(
        self, connection: BaseDatabaseWrapper, *, committed: bool | None, is_over: bool
    ) -> None:
        """Notice that a transaction ended; None where it may have committed, or still may.

        `is_over` unless the connection may still be in it.
        """

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
REFUSALS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)  # the database said no
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
    rows: Records | None = None
    with _Told(connection, statement) as takers:
        _forget_rows(cursor)
        try:
            result = execute(sql, params, many, context)
            transactions.opened(connection, cursor.cursor)
            commits_late = footprint.returns and connection.vendor == "sqlite"
            is_late = commits_late and not transactions.in_transaction(connection)
            if (takers and not many) or is_late:
                with connection.wrap_database_errors:
                    rows = cursor.cursor.fetchall()
                transactions.closed(connection, cursor.cursor)
                result = cursor.cursor = _Fetched(cursor.cursor, rows, connection)
        finally:
            for take in takers:
                take(rows)
    return result


class _Told:
    """Tells the observers of a statement before it is sent, and when it is finished; gives those who want its rows.

    It is done for sure if it ended well or the database refused it.
    """

    __slots__ = ("_connection", "_statement")

    def __init__(self, connection: BaseDatabaseWrapper, statement: Statement) -> None:
        self._connection, self._statement = connection, statement

    def __enter__(self) -> list[Taker]:
        connection, statement = self._connection, self._statement
        return [
            taker for one in _observers if (taker := one.begins(connection, statement)) is not None
        ]

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        connection, statement = self._connection, self._statement
        is_sure = kind is None or issubclass(kind, _refusals(connection))
        transactions.follow(connection, statement.footprint, succeeded=kind is None)
        for observer in _observers:
            observer.finished(connection, statement, is_sure=is_sure)


@contextmanager
def _told_without_rows(connection: BaseDatabaseWrapper, statement: Statement) -> Iterator[None]:
    """Do the same where the rows are the site's alone."""
    with _Told(connection, statement) as takers:
        for take in takers:
            take(None)
        yield


def _refusals(connection: Any) -> tuple[type[BaseException], ...]:
    """Return the errors by which a database says no, as Django raises them and as its driver does."""
    return REFUSALS + tuple(getattr(connection.Database, error.__name__) for error in REFUSALS)


def _forget_rows(cursor: CursorWrapper) -> None:
    """Let a cursor be the driver's again, before it is asked for other rows."""
    if isinstance(cursor.cursor, _Fetched):
        cursor.cursor = cursor.cursor.plain


def _unseen(name: str, method: Callable[..., Any] | None = None) -> Any:
    """Return a method of cursors that passes by the execute wrappers, or a property for one of the driver's cursor."""
    sent: Callable[..., Any] = _LATER.get(name, _at_once)

    def watched(self: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
        _forget_rows(self)
        call = getattr(self.cursor, name) if method is None else partial(method, self)
        statement = Statement(_footprint_of(self.db, name, args))
        return sent(partial(call, *args, **kwargs), _told_without_rows(self.db, statement))

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


def _at_once(call: Callable[[], Any], told: AbstractContextManager[None]) -> Any:
    with told:
        return call()


@contextmanager
def _in_context(call: Callable[[], Any], told: AbstractContextManager[None]) -> Iterator[Any]:
    with told, call() as entered:
        yield entered


def _in_rows(call: Callable[[], Any], told: AbstractContextManager[None]) -> Iterator[Any]:
    with told:
        yield from call()


# These methods of psycopg send nothing until their context is entered, or their first row is asked for.
_LATER = {"copy": _in_context, "stream": _in_rows}


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
    base.close = _after(base.close, committed=None)  # type: ignore[method-assign]
    base.rollback = _after(base.rollback, committed=False)  # type: ignore[method-assign]
    base.savepoint_rollback = _after_savepoint(base.savepoint_rollback)  # type: ignore[method-assign]
    CursorWrapper.close = _close  # type: ignore[attr-defined]
    base.on_commit = _with_promise(base.on_commit)  # type: ignore[method-assign]
    base.set_autocommit = _after_autocommit(base.set_autocommit)  # type: ignore[method-assign]


def _after(method: Callable[..., None], *, committed: bool | None) -> Callable[..., None]:
    """Return a method that tells of the end; of none where Django refuses, for then it sends nothing."""

    @wraps(method)
    def ends(self: BaseDatabaseWrapper) -> None:
        self.validate_thread_sharing()
        if committed is not None:  # a connection may be closed in a block
            self.validate_no_atomic_block()
        outcome = None
        try:
            method(self)
            outcome = committed
        finally:
            _end(self, committed=outcome)

    return ends


def _after_autocommit(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def set_autocommit(
        self: BaseDatabaseWrapper, autocommit: Any, *args: Any, **kwargs: Any
    ) -> None:
        self.validate_no_atomic_block()
        was_off = not self.autocommit  # or else a transaction of a text goes on
        committed = None
        try:
            method(self, autocommit, *args, **kwargs)
            committed = True if was_off else None
        finally:
            if autocommit:
                _end(self, committed=committed)

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


def _close(self: CursorWrapper) -> None:
    """Close a cursor as ever; then nothing of it is left to read."""
    transactions.closed(self.db, self.cursor)
    self.cursor.close()


def _end(connection: BaseDatabaseWrapper, *, committed: bool | None) -> None:
    if committed is False and not connection.features.supports_transactions:
        committed = True  # without transactions (MyISAM), a rollback undoes nothing
    is_closed = connection.connection is None or connection.closed_in_transaction
    is_over = is_closed or committed is not None
    if is_over:
        transactions.forget(connection)
    for observer in _observers:
        observer.ended(connection, committed=committed, is_over=is_over)
