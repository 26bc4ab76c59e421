"""Operations of migrations: one watches a table, the other is for a new version of pagecache."""

from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from pagecache.contrib.triggers.sql import (
    CREATE_FUNCTION,
    DROP_FUNCTION,
    FUNCTION,
    create_triggers,
    drop_triggers,
)


class Watch(Operation):
    """Tell `pagecache_listen` of what anybody writes to the table of a model, and to those of its many-to-many fields.

    The model is named as in other operations (`"Article"`); one of another app with its label (`"auth.Group"`), whose
    migrations are then a dependency. On other databases than PostgreSQL it does nothing.
    """

    category = OperationCategory.SQL

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models as they are."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002 Django's signature
        to_state: ProjectState,
    ) -> None:
        """Make the triggers, and the function that they call."""
        tables = self._tables(app_label, schema_editor, to_state)
        if tables:
            schema_editor.execute(CREATE_FUNCTION, params=None)
        for table in tables:
            for statement in create_triggers(table):
                schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002 Django's signature
        to_state: ProjectState,
    ) -> None:
        """Drop the triggers, and the function with the last of them."""
        tables = self._tables(app_label, schema_editor, to_state)
        for table in tables:
            for statement in drop_triggers(table):
                schema_editor.execute(statement, params=None)
        if tables:
            schema_editor.execute(DROP_FUNCTION, params=None)

    def describe(self) -> str:
        """Return what `migrate --plan` and the like show."""
        return f"Watch what is written to {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """A part of the name that a migration gets by itself."""
        return f"watch_{self.model_name.lower().replace('.', '_')}"

    def _tables(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> list[str]:
        """Return the names, quoted, of the tables of this database; those that Django does not manage too."""
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            return []
        return [
            schema_editor.quote_name(model._meta.db_table)
            for model in self._models(app_label, state)
            if not model._meta.swapped and router.allow_migrate_model(connection.alias, model)
        ]

    def _models(self, app_label: str, state: ProjectState) -> list[Any]:
        """Return the model that has the table, and those that Django makes for its many-to-many fields."""
        label, _, name = self.model_name.rpartition(".")
        model: Any = state.apps.get_model(label or app_label, name)
        concrete = model._meta.concrete_model or model  # one that is swapped has none
        between = [field.remote_field.through for field in concrete._meta.local_many_to_many]
        return [concrete, *(made for made in between if made._meta.auto_created)]


class Renew(Operation):
    """Make the function that triggers call anew, as this version of pagecache has it.

    `pagecache_listen` says when it is due.
    """

    category = OperationCategory.SQL

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models as they are."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002 Django's signature
        to_state: ProjectState,  # noqa: ARG002 the same
    ) -> None:
        """Make the function."""
        connection = schema_editor.connection
        if connection.vendor == "postgresql" and router.allow_migrate(connection.alias, app_label):
            schema_editor.execute(CREATE_FUNCTION, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Leave the function: the triggers still call it."""

    def describe(self) -> str:
        """Return what `migrate --plan` and the like show."""
        return f"Renew the function {FUNCTION}()"

    @property
    def migration_name_fragment(self) -> str:
        """A part of the name that a migration gets by itself."""
        return f"renew_{FUNCTION}"
