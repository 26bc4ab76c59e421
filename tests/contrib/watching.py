"""Watches tables of the test database, and stands in for programs that are not Django."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from pagecache.contrib.triggers import Watch


class NoAuthors:
    """A router that keeps one model elsewhere."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return bool(hints["model_name"] != "author")


class Nothing:
    """A router that keeps all models elsewhere."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return False


@contextmanager
def watched(*names: str, state: ProjectState | None = None) -> Generator[None]:
    """Run migrations that watch models, and then back."""
    operations = [Watch(name) for name in names]
    for operation in operations:
        migrate(operation, state)
    try:
        yield
    finally:
        for operation in reversed(operations):
            migrate(operation, state, back=True)


def migrate(
    operation: Operation, state: ProjectState | None = None, *, back: bool = False, **editor: Any
) -> list[str]:
    """Run one operation of a migration; return the statements that it collected, if it was to."""
    state = state or ProjectState.from_apps(apps)
    step = operation.database_backwards if back else operation.database_forwards
    with connection.schema_editor(**editor) as made:
        step("library", made, state, state)
    return list(getattr(made, "collected_sql", ()))


def unmanaged(name: str, table: str) -> ProjectState:
    """Return the state of a site whose only model is one of a table that Django does not manage."""
    state = ProjectState()
    state.add_model(ModelState("library", name, [], {"managed": False, "db_table": table}))
    return state


@contextmanager
def tables(*statements: str) -> Generator[None]:
    """Run statements that make tables of others, and drop these."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in reversed(statements):
                cursor.execute(f"DROP TABLE IF EXISTS {statement.split()[2]} CASCADE")


def connect() -> psycopg.Connection[Any]:
    """Connect to the test database as psql does, past Django."""
    return psycopg.connect(**connection.get_connection_params(), autocommit=True)
