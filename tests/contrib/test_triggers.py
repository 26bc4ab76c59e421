"""Pages are dropped when others write to PostgreSQL; what is asked of other databases is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.writer import MigrationWriter

from pagecache.contrib.triggers import Renew, Watch
from tests.contrib.watching import migrate

HERE = Path(__file__).parent


@pytest.mark.parametrize("cases", ["cases_triggers.py", "cases_oracle.py", "cases_listen.py"])
@pytest.mark.usefixtures("postgresql_server")
def test_pages_are_dropped_when_others_write(cases: str, request: pytest.FixtureRequest) -> None:
    """They count for coverage where this run does."""
    covers = ["--cov", "--cov-report="] if request.config.getoption("cov_source", None) else []
    file = os.environ.get("COVERAGE_FILE", ".coverage")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *covers,
            str(HERE / cases),
        ],
        env=os.environ | {"TEST_DB": "postgresql", "COVERAGE_FILE": f"{file}.{cases}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db(transaction=True)
def test_other_databases_are_left_as_they_are() -> None:
    assert connection.vendor != "postgresql"
    assert migrate(Watch("Article"), collect_sql=True) == []
    assert migrate(Watch("Article"), back=True, collect_sql=True) == []
    assert migrate(Renew(), collect_sql=True) == []


def test_the_operations_can_be_written_to_a_file() -> None:
    operations = [Watch("Article"), Renew()]
    migration: Any = type("Migration", (Migration,), {"operations": operations})
    written = MigrationWriter(migration("0002_watch_article", "library")).as_string()
    assert "import pagecache.contrib.triggers.operations" in written
    assert "operations.Watch(\n            model_name='Article',\n        )" in written
    assert "operations.Renew(\n        )" in written


def test_the_operations_say_what_they_do() -> None:
    assert Watch("Article").formatted_description() == "s Watch what is written to Article"
    assert Watch("auth.Group").migration_name_fragment == "watch_auth_group"
    assert Renew().formatted_description() == "s Renew the function pagecache_tell()"
    assert Renew().migration_name_fragment == "renew_pagecache_tell"


def test_other_databases_have_nothing_to_listen_to() -> None:
    with pytest.raises(CommandError, match="'default' is not PostgreSQL"):
        call_command("pagecache_listen")
    with pytest.raises(CommandError, match="invalid choice: 'nowhere'"):
        call_command("pagecache_listen", "--database", "nowhere")
