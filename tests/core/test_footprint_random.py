"""Random statements, with SQLite itself as the judge of what they touch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pagecache.core.footprint import footprint, table_name
from tests.core.random_sql import SCHEMA, statement

SEEDS = range(500)
WRITES = {sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE}


class Judge:
    """A database that says which tables a statement reads and writes."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
        self.connection.executescript(SCHEMA)
        self.connection.set_authorizer(self.saw)

    def saw(
        self,
        action: int,
        table: str | None,
        _column: str | None,
        schema: str | None,
        _by: str | None,
    ) -> int:
        # What WITH declares has no schema.
        if table and schema and action in WRITES:
            self.writes.add(table_name(table))
        elif table and schema and action == sqlite3.SQLITE_READ:
            self.reads.add(table_name(table))
        return sqlite3.SQLITE_OK

    def accepts(self, sql: str) -> bool:
        """Compile the statement, unless this SQLite is too old for it."""
        self.reads, self.writes = set(), set()
        parameters = [1] * sql.count("%s")
        with suppress(sqlite3.OperationalError):
            self.connection.execute("EXPLAIN " + sql.replace("%s", "?"), parameters)
            return True
        return False


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.connection.close()


def test_whatever_sqlite_touches_is_in_the_footprint(judge: Judge) -> None:
    accepted = 0
    for seed in SEEDS:
        sql, _ = statement(seed)
        if judge.accepts(sql):
            accepted += 1
            found = footprint(sql, "sqlite")
            assert judge.reads <= found.reads, sql
            assert judge.writes == found.writes, sql
    assert accepted > len(SEEDS) / 2


def test_plain_statements_are_understood_and_add_no_tables() -> None:
    for seed in SEEDS:
        sql, writer = statement(seed)
        found = footprint(sql, "sqlite")
        assert not found.opaque, sql
        assert found.reads | found.writes == {table_name(name) for name in writer.named}, sql


def test_the_random_statements_are_varied() -> None:
    texts = [statement(seed)[0] for seed in SEEDS]
    for part in (
        "WITH ",
        " UNION ",
        "INSERT",
        "UPDATE ",
        "DELETE ",
        "EXISTS",
        "ON CONFLICT",
        " JOIN",
        " IN ",
    ):
        assert sum(part in text for text in texts) > len(SEEDS) / 100, part
    assert len({footprint(text, "sqlite").reads for text in texts}) > 50
