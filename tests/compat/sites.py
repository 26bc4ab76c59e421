"""Each site in a process of its own: `make compat`, which has their packages."""

from pathlib import Path

import pytest

from tests.apart import run_cases

FOLDERS = Path(__file__).parent.glob("*_site")
SITES = sorted(
    (path.name.removesuffix("_site") for path in FOLDERS), reverse=True
)  # the longest first


@pytest.mark.parametrize("site", SITES)
def test_pages_are_right_on_a_site_with(site: str) -> None:
    run_cases(f"tests.compat.{site}_site.settings", f"tests/compat/cases_{site}.py")
