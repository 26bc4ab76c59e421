"""What well-known packages keep behind the cache API, with the real packages: each on a site that has them all."""

import os
import subprocess
import sys

import pytest

DATABASE = "constance.backends.database.DatabaseBackend"
CASES = [
    ("sites", DATABASE),
    ("waffle", DATABASE),
    ("constance", DATABASE),
    ("memory", "constance.backends.memory.MemoryBackend"),
    ("wagtail", DATABASE),
]


@pytest.mark.parametrize("name, constance", CASES)
def test_pages_are_right_with(name: str, constance: str, request: pytest.FixtureRequest) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-migrations"),
            *("--ds", "tests.packages.settings", f"tests/packages/cases_{name}.py"),
        ],
        env=os.environ | {"CONSTANCE": constance},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
