"""Empties the database after a test by deleting the rows that are there.

Django's `flush` empties all tables and fills two of them again, which takes longer than most tests do.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.test import TransactionTestCase

FILLED = ("django_content_type", "auth_permission")  # by `migrate`

_Case: Any = TransactionTestCase
_flush = _Case._fixture_teardown
_known: dict[
    str, tuple[list[str], list[Any]]
] = {}  # per alias, its tables, and the rows of those that are filled


def empty_after_tests() -> None:
    """Let tests that commit be followed by deletions in place of Django's `flush`."""
    _Case._fixture_teardown = _teardown


def _teardown(self: Any) -> None:
    aliases = self._databases_names(include_mirrors=False)
    if not all(map(_is_emptied, aliases)):
        _flush(self)
        _known.update({alias: (_tables(alias), _filled(alias)) for alias in aliases})


def _is_emptied(alias: str) -> bool:
    """Delete what is there; false where that is not enough, or not known yet."""
    if alias not in _known:
        return False
    tables, filled = _known[alias]
    connection = connections[alias]
    with transaction.atomic(alias), connection.cursor() as cursor:
        quote = connection.ops.quote_name
        exist = (
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables
        )
        cursor.execute(" UNION ALL ".join(exist))
        full = [table for (table,) in cursor.fetchall()]
        with connection.constraint_checks_disabled():
            for table in full:
                cursor.execute(f"DELETE FROM {quote(table)}")
    return _filled(alias) == filled


def _tables(alias: str) -> list[str]:
    """Name what refers to others before what it refers to.

    A key that the database sets to its default must not find that gone, even in a transaction that empties all.
    """
    existing = set(connections[alias].introspection.table_names())
    models = reversed(apps.get_models(include_auto_created=True))
    names = dict.fromkeys(model._meta.db_table for model in models if model._meta.managed)
    return [name for name in names if name in existing and name not in FILLED]


def _filled(alias: str) -> list[Any]:
    rows = []
    with connections[alias].cursor() as cursor:
        for table in FILLED:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows += cursor.fetchall()
    return rows
