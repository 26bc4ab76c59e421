"""What the README says is what the code does."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pagecache import __all__ as public_names
from pagecache.core.reasons import Reason
from pagecache.options import Options, problems

README = (Path(__file__).parent.parent / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_row(reason: Reason) -> None:
    assert f"| `{reason}` | {reason.why} |" in README


def test_the_table_of_reasons_names_no_other() -> None:
    table = README.partition("## What is not cached")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == set(Reason)


@pytest.mark.parametrize("option", [item.name for item in fields(Options)])
def test_each_setting_has_its_row(option: str) -> None:
    assert re.search(rf"^\| `{option}` \| .+ \| .+ \|$", README, re.MULTILINE)


def test_the_settings_shown_are_valid() -> None:
    shown: dict[str, Any] = {}
    exec(PYTHON[0], shown)  # noqa: S102 our own README

    assert problems(shown["PAGECACHE"]) == []
    assert shown["MIDDLEWARE"][0] == "pagecache.middleware.PageCacheMiddleware"
    assert "pagecache" in shown["INSTALLED_APPS"]


def test_the_views_shown_can_be_defined() -> None:
    shown: dict[str, Any] = {}
    exec(PYTHON[1], shown)  # noqa: S102 our own README

    assert shown["menu"].pagecache_policy.timeout == 3600
    assert shown["dice"].pagecache_policy.exempt
    assert shown["prices"].pagecache_policy.segment is shown["by_group"]


def test_the_cache_reads_shown_are_valid() -> None:
    shown: dict[str, Any] = {}
    exec(PYTHON[2], shown)  # noqa: S102 our own README

    assert problems({"CACHE_READS": shown["CACHE_READS"]}) == []


def test_public_names_can_be_imported() -> None:
    import pagecache  # noqa: PLC0415 the names are looked up when they are asked for

    assert all(callable(getattr(pagecache, name)) for name in public_names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pagecache.nothing
