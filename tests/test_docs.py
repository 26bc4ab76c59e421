"""What the README and the pages beside it say is what the code does."""

import os
import re
import secrets
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from pagecache import __all__ as public_names
from pagecache.checks.middleware import check_middleware
from pagecache.contrib.triggers.apps import TriggersConfig
from pagecache.core.reasons import Reason
from pagecache.options import Options, problems
from pagecache.tags import SITE
from tests.announced import noting
from tests.site.models import Article

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path.read_text() for path in (ROOT / "docs").glob("*.md")}
README = "\n".join([(ROOT / "README.md").read_text(), PAGES["guide"], PAGES["settings"]])
TRIGGERS = (ROOT / "docs" / "triggers.md").read_text()


def python_in(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


PYTHON = python_in(README)
PACKAGES = python_in((ROOT / "docs" / "packages.md").read_text())
MIDDLEWARE = python_in((ROOT / "docs" / "middleware.md").read_text())
WRITES = python_in((ROOT / "docs" / "writes.md").read_text())


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_row(reason: Reason) -> None:
    assert f"| `{reason}` | {reason.why} |" in PAGES["reasons"]


def test_the_table_of_reasons_names_no_other() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", PAGES["reasons"], re.MULTILINE)
    assert sorted(named) == sorted(Reason)


@pytest.mark.parametrize("option", [item.name for item in fields(Options)])
def test_each_setting_has_its_row(option: str) -> None:
    assert re.search(rf"^\| `{option}` \| .+ \| .+ \|$", PAGES["settings"], re.MULTILINE)


def run_shown(part: str) -> dict[str, Any]:
    """Run the piece of Python in the README that has this part; give its names."""
    (piece,) = [piece for piece in PYTHON if part in piece]
    shown: dict[str, Any] = {}
    exec(piece, shown)  # noqa: S102 our own README
    return shown


def test_the_settings_shown_are_valid() -> None:
    shown = run_shown("INSTALLED_APPS")

    assert problems(shown["PAGECACHE"]) == []
    assert shown["MIDDLEWARE"][0] == "pagecache.middleware.PageCacheMiddleware"
    assert "pagecache" in shown["INSTALLED_APPS"]


def test_the_views_shown_can_be_defined() -> None:
    shown = run_shown("def menu")

    assert shown["menu"].pagecache_policy.timeout == 3600
    assert shown["dice"].pagecache_policy.exempt
    assert shown["prices"].pagecache_policy.segment is shown["by_group"]


def test_the_cache_reads_shown_are_valid() -> None:
    shown = run_shown("CACHE_READS =")

    assert problems({"CACHE_READS": shown["CACHE_READS"]}) == []


def test_the_observers_shown_are_valid() -> None:
    shown = run_shown("OBSERVERS")

    assert problems({"OBSERVERS": shown["OBSERVERS"]}) == []


def test_the_two_phases_shown_are_valid() -> None:
    shown = run_shown("TWO_PHASE")

    assert problems(shown["PAGECACHE"]) == []


def test_the_secrets_shown_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGECACHE_SECRET", secrets.token_urlsafe(32))
    shown: dict[str, Any] = {"os": os}
    (piece,) = [piece for piece in PYTHON if "ENCRYPT" in piece]
    exec(piece, shown)  # noqa: S102 our own README

    assert problems(shown["PAGECACHE"]) == []


def test_the_settings_shown_for_packages_are_valid() -> None:
    shown: dict[str, Any] = {}
    exec(PACKAGES[0], shown)  # noqa: S102 our own page

    assert problems(shown["PAGECACHE"]) == []


def test_the_order_shown_passes_every_check(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, Any] = {}
    monkeypatch.setitem(sys.modules, "debug_toolbar.middleware", None)  # which is no app here
    exec(MIDDLEWARE[0], shown)  # noqa: S102 our own page
    settings.MIDDLEWARE = shown["MIDDLEWARE"]

    assert list(check_middleware()) == []


def test_the_aliases_shown_are_valid() -> None:
    shown: dict[str, Any] = {}
    exec(WRITES[0], shown)  # noqa: S102 our own page

    assert problems(shown["PAGECACHE"]) == []


def test_the_calls_shown_drop_what_they_say() -> None:
    with noting() as announced:
        exec(WRITES[1], {"Film": Article, "film": Article(pk=42)})  # noqa: S102 our own page

    assert announced == {
        "library.article",
        "library.article:*",
        "library.article:42",
        "table:film_totals",
        "table:film_totals:*",
        "page:/films/",
        SITE,
    }


def test_the_migration_shown_watches_tables() -> None:
    settings, migration, job = python_in(TRIGGERS)
    shown: dict[str, Any] = {}
    for text in (settings, migration, job):
        exec(text, shown)  # noqa: S102 our own page

    assert shown["INSTALLED_APPS"][1] == TriggersConfig.name
    operations = shown["Migration"].operations
    assert [one.model_name for one in operations] == ["Article", "Author", "auth.Group"]


@pytest.mark.parametrize("command", re.findall(r"manage\.py (pagecache_\w+)", README + TRIGGERS))
def test_the_commands_shown_are_there(command: str) -> None:
    assert command in get_commands()


def test_public_names_can_be_imported() -> None:
    import pagecache  # noqa: PLC0415 the names are looked up when they are asked for

    assert all(callable(getattr(pagecache, name)) for name in public_names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pagecache.nothing


def test_the_layers_shown_are_those_that_are_held() -> None:
    held = re.search(r"layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    shown = re.search(r"```\n(apps.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert held is not None
    assert shown is not None
    rows = [re.findall(r"\w+", row) for row in held[1].splitlines() if row.strip()]
    assert [row.split(" · ") for row in shown[1].splitlines()] == rows


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for name, anchor in re.findall(r"\]\(([\w./-]*)(#[\w-]+)?\)", page.read_text()):
        there = page.parent / name if name else page
        assert there.exists(), name
        headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
        assert not anchor or anchor[1:] in slugs, name + anchor
