"""What passes through Django's database connections: statements with their footprints, and ends of transactions.

One execute wrapper on every connection computes a statement's footprint once; observers are told. Commits and
rollbacks are seen at the connection itself and not through `on_commit`, where a hook that raises would drop ours.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Model
from django.dispatch import receiver

from pagecache import conf
from pagecache.core import footprint as core_footprint
from pagecache.core.footprint import Footprint, table_name
from pagecache.events import settings_reloaded

TABLE = "table:"  # the tag of a table that no model owns


class Observer:
    """Somebody who wants to know what a connection does; each method is called right after the fact."""

    def begins(self, connection: BaseDatabaseWrapper, footprint: Footprint) -> None:
        """Notice that a statement is about to be sent."""

    def finished(self, connection: BaseDatabaseWrapper, footprint: Footprint) -> None:
        """Notice that a statement was finished, or raised."""

    def ended(self, connection: BaseDatabaseWrapper, *, committed: bool) -> None:
        """Notice that a transaction ended; `committed` also where it may have."""

    def undone(self, connection: BaseDatabaseWrapper, savepoint: str) -> None:
        """Notice that a savepoint was rolled back."""


_observers: list[Observer] = []


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
    if _run not in connection.execute_wrappers:
        # First: leaving `connection.execute_wrapper()` takes off the last, also if it began before we came.
        connection.execute_wrappers.insert(0, _run)


def _run(
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,  # noqa: FBT001 Django's signature
    context: dict[str, Any],
) -> Any:
    connection, cursor = context["connection"], context["cursor"]
    footprint = core_footprint.footprint(str(sql), connection.vendor, conf.get().routines)
    for observer in _observers:
        observer.begins(connection, footprint)
    if isinstance(cursor.cursor, _Fetched):
        cursor.cursor = cursor.cursor.plain
    try:
        result = execute(sql, params, many, context)
        if footprint.returns and connection.vendor == "sqlite" and not in_transaction(connection):
            with connection.wrap_database_errors:
                result = cursor.cursor = _Fetched(cursor.cursor)
        return result
    finally:
        for observer in _observers:
            observer.finished(connection, footprint)


class _Fetched:
    """An SQLite cursor whose rows are fetched: a `RETURNING` in autocommit commits with the last of them."""

    def __init__(self, cursor: Any) -> None:
        self.plain = cursor
        self._rows: Iterator[Any] = iter(cursor.fetchall())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(islice(self._rows, size or self.plain.arraysize))

    def fetchall(self) -> list[Any]:
        return list(self._rows)


def _patch() -> None:
    base = BaseDatabaseWrapper
    base.commit = _after(base.commit, committed=True)  # type: ignore[method-assign]
    base.close = _after(base.close, committed=True)  # type: ignore[method-assign]
    base.rollback = _after(base.rollback, committed=False)  # type: ignore[method-assign]
    base.savepoint_rollback = _after_savepoint(base.savepoint_rollback)  # type: ignore[method-assign]
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


@lru_cache(1)
def _labels() -> dict[str, str]:
    models = [
        model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy
    ]
    return {table_name(model._meta.db_table): model._meta.label_lower for model in reversed(models)}


def tag_of(table: str) -> str:
    """Return the tag of a table: the label of its model, such as `blog.article`, or `table:name`."""
    return _labels().get(table, TABLE + table)


def tags_of_model(model: type[Model]) -> frozenset[str]:
    """Return the tags of the tables that hold a model's rows: its own and those of its parents."""
    tables = {model._meta.db_table, *(parent._meta.db_table for parent in model._meta.all_parents)}
    return frozenset(tag_of(table_name(table)) for table in tables)


def tags_of_label(name: str) -> frozenset[str]:
    """Return the tags that a string names: those of the model with this label, else itself."""
    try:
        return tags_of_model(apps.get_model(name))
    except (LookupError, ValueError):
        return frozenset({name})


@lru_cache(4096)
def tags_read(footprint: Footprint) -> frozenset[str]:
    """Return what a page that ran the statement depends on."""
    return _tags(footprint.reads)


@lru_cache(4096)
def tags_written(footprint: Footprint) -> frozenset[str]:
    """Return what a statement changes, without the columns that no page depends on."""
    ignored = conf.get().ignored
    if footprint.columns is not None:
        (table,) = footprint.writes
        if all(f"{table}.{column}" in ignored for column in footprint.columns):
            return frozenset()
    return _tags(footprint.writes)


@lru_cache(4096)
def reads_ignored(footprint: Footprint) -> bool:
    """Whether a page read a table whose writes are not announced; sessions are the recorder's affair."""
    return not conf.get().ignored.isdisjoint(footprint.reads - {"django_session"})


def _tags(tables: Iterable[str]) -> frozenset[str]:
    return frozenset(tag_of(table) for table in tables if table not in conf.get().ignored)


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    for memo in (_labels, tags_read, tags_written, reads_ignored):
        memo.cache_clear()
