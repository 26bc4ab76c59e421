"""What every test gets: empty caches, and no skip that nobody expects."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextvars import copy_context
from typing import Any, TypeVar

import pytest
from _pytest import runner
from django.core.cache import caches

from pagecache.options import Options
from tests.emptying import empty_after_tests

empty_after_tests()

# `LANES_LOCAL=validate pytest ...`: each site that a test makes holds pages, unless the test says what it holds. With
# `push`, lanes on Redis are told of changes.
if "LANES_LOCAL" in os.environ:
    (Options.__init__.__kwdefaults__ or {})["LOCAL"] = "validate"

pytest_plugins = ["tests.server_fixtures", "tests.lanes"]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# A skip is expected if its reason starts with one of these; on CI none is, for everything is there.
EXPECTED_SKIPS = (
    ()
    if os.environ.get("CI") == "true"
    else (
        "needs redis:",
        "needs memcached:",
        "needs postgresql:",
        "needs mariadb:",
        "needs nginx:",
    )
)


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    for alias in caches:
        caches[alias].clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it in the end."""
    items.sort(key=lambda item: "test_databases" not in item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run each test in a context of its own.

    Each test's caches and URLconf leave variables in the context, and each change of thread copies them all.
    """
    copy_context().run(runner.pytest_runtest_protocol, item, nextitem)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _fail_if_skipped((yield))


def _fail_if_skipped(report: Report) -> Report:
    """Turn a skip that is not on the list into a failure."""
    if report.skipped and not hasattr(report, "wasxfail") and not _is_expected(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"unexpected skip: {report.longrepr}"
    return report


def _is_expected(longrepr: Any) -> bool:
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS)
