"""What well-known packages keep behind the cache API, with the real packages: each on a site that has them all."""

import pytest

from tests.apart import run_cases

DATABASE = "constance.backends.database.DatabaseBackend"
CASES = [
    ("sites", DATABASE),
    ("waffle", DATABASE),
    ("constance", DATABASE),
    ("memory", "constance.backends.memory.MemoryBackend"),
    ("wagtail", DATABASE),
]


@pytest.mark.parametrize("name, constance", CASES)
def test_pages_are_right_with(name: str, constance: str) -> None:
    run_cases("tests.packages.settings", f"tests/packages/cases_{name}.py", CONSTANCE=constance)
