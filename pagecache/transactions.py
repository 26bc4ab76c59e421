"""Whether a connection has a transaction open, which Django began or a text of SQL.

What is known of a connection, or a cursor, is kept under a weak reference, here and where writes and reads are noted:
under `ref(connection, known.pop)`, and it is looked for under `ref(connection)`. Both are equal while that lives; the
first takes away what is kept once it does not.
"""

from typing import Any
from weakref import ref

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pagecache.core.footprint import BEGINNINGS, Boundary, Footprint

_begun_by_text: set[ref[BaseDatabaseWrapper]] = set()
_half_read: dict[ref[BaseDatabaseWrapper], set[ref[Any]]] = {}


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether what the connection writes takes effect only with a later commit, and what it reads may be old."""
    return _is_managed(connection) or ref(connection) in _begun_by_text


def is_any_open() -> bool:
    """Whether one of the connections of this thread has a transaction open."""
    return any(map(in_transaction, connections.all(initialized_only=True)))


def keeps_view(connection: BaseDatabaseWrapper) -> bool:
    """Whether what the connection reads may be old: in a transaction, or as long as SQLite has rows for a cursor."""
    if in_transaction(connection):
        return True
    cursors = _half_read.get(ref(connection))
    if not cursors:
        return False
    there = [cursor for one in cursors.copy() if (cursor := one()) is not None]
    return any(cursor.connection is connection.connection for cursor in there)


def opened(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    """Keep in mind that a driver's cursor may have rows to give, until it is closed or nobody has it any more."""
    if connection.vendor == "sqlite" and cursor.description is not None:
        cursors = _half_read.setdefault(ref(connection, _half_read.pop), set())
        cursors.add(ref(cursor, cursors.discard))


def closed(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    """Take it that a driver's cursor has no more rows to give."""
    if (cursors := _half_read.get(ref(connection))) is not None:
        cursors.discard(ref(cursor))


def is_begun_by_text(connection: BaseDatabaseWrapper) -> bool:
    """Whether a text, and not Django, began the transaction: it may have ended without a word."""
    return ref(connection) in _begun_by_text and not _is_managed(connection)


def _is_managed(connection: BaseDatabaseWrapper) -> bool:
    """Whether autocommit is off, or Django's block is open; in MySQL a text may switch it off, as its drivers know."""
    if connection.in_atomic_block:
        return True
    driver: Any = connection.connection
    if driver is None or not connection.autocommit:
        return driver is not None
    asked = getattr(driver, "get_autocommit", None) if connection.vendor == "mysql" else None
    return asked is not None and not asked()


def follow(connection: BaseDatabaseWrapper, footprint: Footprint, *, succeeded: bool) -> None:
    """Keep in mind whether a statement that was finished began a transaction, or ended one."""
    if succeeded and footprint.boundary is Boundary.ENDS:
        _begun_by_text.discard(ref(connection))
    elif _begins(connection, footprint, succeeded=succeeded):
        _begun_by_text.add(ref(connection, _begun_by_text.discard))


def _begins(connection: BaseDatabaseWrapper, footprint: Footprint, *, succeeded: bool) -> bool:
    is_first = footprint.boundary is Boundary.SAVES and connection.vendor == "sqlite"
    if succeeded and (is_first or footprint.boundary in BEGINNINGS):
        return True
    return footprint.opaque and _is_open(connection)


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    """Whether the driver says that a transaction is open; that of SQLite, psycopg and PyMySQL can."""
    driver: Any = connection.connection
    status = getattr(getattr(driver, "info", None), "transaction_status", 0)
    is_in_mysql = getattr(driver, "server_status", 0) & 1  # SERVER_STATUS_IN_TRANS
    return bool(status or is_in_mysql or getattr(driver, "in_transaction", False))


def forget(connection: BaseDatabaseWrapper) -> None:
    """Take it that no transaction is open that a text began."""
    _begun_by_text.discard(ref(connection))
