"""What depends on the database holds on every kind of database: these tests run again on each server."""

import os
import subprocess
import sys

import pytest

TESTS = [
    "tests/test_writes.py",
    "tests/test_ways.py",
    "tests/test_dialects.py",
    "tests/test_tables.py",
    "tests/test_database.py",
    "tests/test_transactions.py",
    "tests/test_atomic_requests.py",
    "tests/test_lost_connections.py",
    "tests/test_beside_requests.py",
    "tests/test_several_databases.py",
    "tests/test_replicas.py",
    "tests/test_cursors.py",
    "tests/test_rows.py",
    "tests/test_two_phase.py",
    "tests/test_kills.py",
    "tests/test_outages.py",
    "tests/test_aliases.py",
    "tests/engine/test_old_data.py::test_a_snapshot_from_before_the_look_up_is_never_kept",
    "tests/engine/test_old_data.py::test_teeth_a_transaction_that_began_before_counts_for_nothing",
    "tests/test_oracle.py::test_no_write_that_changes_an_answer_is_missed",
]


@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_writes_are_seen_on(database: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(f"{database}_server")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *TESTS],
        env=os.environ | {"TEST_DB": database},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
