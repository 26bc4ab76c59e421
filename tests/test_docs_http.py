"""The table of what HTTP asks: each row has its cases, each case is there, and each case has its row."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests import http_cases

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs" / "http.md").read_text().partition("\n## ")[0]
ROWS = re.findall(r"^\| ([0-9][0-9., ]*) \| (.+) \| (.*) \|$", TABLE, re.MULTILINE)
IN_TABLES = {
    case.id
    for table in vars(http_cases).values()
    if isinstance(table, list)
    for case in table
    if hasattr(case, "id")
}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)\(", file.read_text())
}


# The sections that ask something of a cache which serves whole responses on the side of the origin.
SECTIONS = {
    "9110": (
        "5.6.1 5.6.7 6.6.1 7.6.1 7.7 8.4 8.6 8.8.1 8.8.2.2 8.8.3 8.8.3.2 8.8.3.3 8.8.4 9.2.1 9.3.2 12.5.3 12.5.5 "
        "13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 13.2.1 13.2.2 14.1 14.2 14.3 14.4 15.3.7 15.4.5 15.5.17"
    ),
    "9111": (
        "1.2.2 3 3.1 3.2 3.3 3.4 3.5 4 4.1 4.2 4.2.1 4.2.2 4.2.3 4.2.4 4.3.1 4.3.2 4.3.3 4.3.4 4.3.5 4.4 5.1 5.2 "
        "5.2.1.1 5.2.1.2 5.2.1.3 5.2.1.4 5.2.1.5 5.2.1.6 5.2.1.7 5.2.2.1 5.2.2.2 5.2.2.3 5.2.2.4 5.2.2.5 5.2.2.6 "
        "5.2.2.7 5.2.2.8 5.2.2.9 5.2.2.10 5.2.3 5.3 5.4"
    ),
    "5861": "3 4",
    "6585": "3 4 5 6",
    "9211": "2 2.1 2.2 2.3 2.4 2.5 2.7 2.8 6",
    "9213": "2.1 2.2 3.1",
}


def sections_of(rfc: str) -> set[str]:
    part = TABLE.partition(f"| **RFC {rfc}** |")[2].partition("\n| **")[0]
    rows = re.findall(r"^\| ([0-9][0-9., ]*) \|", part, re.MULTILINE)
    return {section for row in rows for section in row.split(", ")}


@pytest.mark.parametrize("rfc", SECTIONS)
def test_each_section_has_its_row(rfc: str) -> None:
    assert set(SECTIONS[rfc].split()) - sections_of(rfc) == set()


def cases_of(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


def test_the_table_is_read_whole() -> None:
    assert len(ROWS) == len(re.findall(r"^\| [^-*s]", TABLE, re.MULTILINE)) > 50


@pytest.mark.parametrize("section, asks, cases", ROWS)
def test_each_row_has_cases_that_are_there(section: str, asks: str, cases: str) -> None:
    assert cases_of(cases)
    for case in cases_of(cases):
        assert [one for one in IN_TABLES | TESTS if fnmatchcase(one, case)], case


def test_each_case_has_its_row() -> None:
    named = [case for _, _, cases in ROWS for case in cases_of(cases)]
    assert not [one for one in IN_TABLES if not any(fnmatchcase(one, case) for case in named)]


def test_no_case_is_there_twice() -> None:
    tables = [table for table in vars(http_cases).values() if isinstance(table, list)]
    assert sum(map(len, tables)) == len(IN_TABLES)
