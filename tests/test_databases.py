"""What depends on the database holds on every kind of database: these tests run again on each server."""

import os
import subprocess
import sys

import pytest

TESTS = [
    "tests/test_writes.py",
    "tests/test_ways.py",
    "tests/test_tables.py",
    "tests/test_transactions.py",
    "tests/test_cursors.py",
    "tests/test_rows.py",
    "tests/test_aliases.py",
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
