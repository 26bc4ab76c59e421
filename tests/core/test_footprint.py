from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache.core.footprint import (
    Boundary,
    Footprint,
    _cut_alike,
    column_name,
    footprint,
    table_name,
)
from pagecache.core.sqltext import folded
from tests.core.sql_cases import EMPTY, REFUSED, TOUCHING, VENDORS

NOTHING = Footprint(frozenset(), frozenset(), None, opaque=False, returns=False)


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@pytest.mark.parametrize("vendor, sql, reads, writes", TOUCHING)
def test_tables_are_found_where_the_language_has_a_place_for_them(
    vendor: str, sql: str, reads: str, writes: str
) -> None:
    found = footprint(sql, vendor)
    assert (found.reads, found.writes) == (names(reads), names(writes))
    assert not found.opaque


@pytest.mark.parametrize("vendor, sql", EMPTY)
def test_statements_of_the_session_touch_nothing(vendor: str, sql: str) -> None:
    assert footprint(sql, vendor) == NOTHING


@pytest.mark.parametrize("vendor, sql", REFUSED)
def test_text_that_is_not_understood_is_opaque(vendor: str, sql: str) -> None:
    found = footprint(sql, vendor)
    assert found.opaque
    assert found.columns is None


def test_an_unknown_database_is_opaque() -> None:
    assert footprint("SELECT 1", "microsoft").opaque


def test_opaque_text_still_tells_what_was_found() -> None:
    found = footprint("SELECT f(x) FROM t", "sqlite")
    assert found.opaque
    assert found.reads == {"t"}


# Columns and rows that come back


@pytest.mark.parametrize(
    "sql, columns",
    [
        ("UPDATE t SET x = 1", "x"),
        ('UPDATE "t" SET "X" = %s, y = coalesce(z, (SELECT 1)) WHERE a = 1 AND b, c = 2', "x y"),
        ("UPDATE t AS n SET x = n.where, y = 2 FROM u WHERE n.z = u.z", "x y"),
        ("UPDATE t SET x = a IS DISTINCT FROM b, y = 2", "x y"),
        ("WITH c AS (SELECT 1) UPDATE t SET x = 1", "x"),
        ('UPDATE t SET "a.b" = 1', "a.b"),
    ],
)
def test_an_update_of_one_table_tells_its_columns(sql: str, columns: str) -> None:
    assert footprint(sql, "postgresql").columns == names(columns)


@pytest.mark.parametrize(
    "vendor, sql",
    [
        ("postgresql", "UPDATE t SET (x, y) = (1, 2)"),
        ("postgresql", "UPDATE t SET x.y = 1"),
        ("postgresql", "UPDATE t SET x[1] = 1"),
        ("postgresql", "UPDATE t SET x = 1 FROM u, v"),
        ("postgresql", "WITH d AS (DELETE FROM t) UPDATE t SET x = 1"),
        ("postgresql", "WITH d AS (DELETE FROM u) UPDATE t SET x = 1"),
        ("postgresql", "UPDATE t SET x = 1; SELECT 1"),
        ("postgresql", "TRUNCATE t; UPDATE t SET x = 1"),
        ("postgresql", "INSERT INTO t VALUES (1) ON CONFLICT (x) DO UPDATE SET y = 1"),
        ("postgresql", "UPDATE t SET x = f(1)"),
        ("postgresql", "UPDATE t SET"),
        ("postgresql", "DELETE FROM t"),
        ("postgresql", "SELECT 1 FROM t"),
        ("sqlite", "UPDATE OR REPLACE t SET x = 1"),
        ("mysql", "UPDATE t JOIN u ON t.x = u.x SET y = 1"),
    ],
)
def test_columns_of_anything_else_are_not_told(vendor: str, sql: str) -> None:
    assert footprint(sql, vendor).columns is None


@pytest.mark.parametrize(
    "sql, returns",
    [
        ("INSERT INTO t VALUES (1) RETURNING id", True),
        ("DELETE FROM t WHERE x = 1 returning *", True),
        ("UPDATE t SET x = 1 FROM u RETURNING x", True),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", True),
        ("INSERT INTO t SELECT f(x) RETURNING id", True),
        ("INSERT INTO t VALUES ('RETURNING')", False),
        ("INSERT INTO t (x) SELECT u.returning FROM u", False),
        ("SELECT returning FROM t", False),
        ("SELECT * FROM t returning, u", False),
        ("CALL p()", False),
    ],
)
def test_a_write_tells_whether_rows_come_back(sql: str, returns: bool) -> None:
    assert footprint(sql, "postgresql").returns is returns


# Routines of the site


def test_a_routine_that_the_site_declares_is_known() -> None:
    routines = frozenset({"f", "s.g"})
    assert not footprint("SELECT F(x), s.g(1) FROM t, f(2), s.g(3)", "postgresql", routines).opaque


@pytest.mark.parametrize(
    "sql", ["SELECT g(1)", "SELECT s.f(1)", "SELECT * FROM a.s.g(1)", 'SELECT "F"(1)']
)
def test_a_routine_is_declared_by_the_name_it_is_called_by(sql: str) -> None:
    assert footprint(sql, "postgresql", frozenset({"f", "s.g"})).opaque


def test_a_declaration_does_not_outlast_its_call() -> None:
    sql = "SELECT declared_once(1)"
    assert not footprint(sql, "sqlite", frozenset({"declared_once"})).opaque
    assert footprint(sql, "sqlite").opaque


# Names


@pytest.mark.parametrize(
    "name, table",
    [
        ("Film", "film"),
        ('"Film"', "film"),
        ("`film`", "film"),
        ("[film]", "film"),
        ("public.film", "film"),
        ('"public"."film"', "film"),
        ('public"."film', "film"),
        ('a""b', 'a"b'),
        ('"a""b"', 'a"b'),
        ("a``b", "a`b"),
        ("\u00c9t\u00e9", "\u00e9t\u00e9"),
        ("two words", "two words"),
        ("n" * 70, "n" * 63),
        ("\u00e9" * 40, "\u00e9" * 31),
        ("", ""),
    ],
)
def test_a_table_has_one_name_however_it_is_written(name: str, table: str) -> None:
    assert table_name(name) == table


def test_a_column_may_hold_a_dot() -> None:
    assert column_name('"A.b"') == "a.b"


def quoted(vendor: str, db_table: str) -> str:
    """As Django writes it: a name that is quoted already stays."""
    quote = "`" if vendor == "mysql" else '"'
    if db_table.startswith(quote) and db_table.endswith(quote):
        return db_table
    return f"{quote}{db_table}{quote}"


ODD_NAMES = [
    "Film",
    "two words",
    "select",
    "a.b",
    "\u00e9t\u00e9",
    "it's",
    "x" * 80,
    "FROM t, u",
    "[x]",
    "a--b",
    "%%",
]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_name_of_a_model_is_what_its_sql_is_found_to_touch(vendor: str, name: str) -> None:
    assert footprint(f"SELECT 1 FROM {quoted(vendor, name)}", vendor).reads == {table_name(name)}


@pytest.mark.parametrize("name", ['schema"."film', '"schema"."film"', 'a""b', '"Film"'])
def test_a_model_may_write_its_schema_into_its_name(name: str) -> None:
    found = footprint(f"INSERT INTO {quoted('postgresql', name)} VALUES (%s)", "postgresql")
    assert found.writes == {table_name(name)}


@given(st.text(st.characters(exclude_characters='"\0', exclude_categories=["Cs"]), min_size=1))
def test_any_quoted_name_is_found_under_its_one_name(name: str) -> None:
    found = footprint(f'SELECT 1 FROM "{name}" AS x, u', "postgresql")
    assert found.reads == {table_name(name), "u"}


@given(st.text())
def test_naming_a_table_twice_changes_nothing(name: str) -> None:
    assert table_name(table_name(name)) == table_name(name)


# Nothing raises, nothing costs much

WORDS = st.sampled_from(
    "SELECT FROM WITH AS JOIN ON IN INTO UPDATE SET DELETE INSERT VALUES UNION MERGE USING CREATE TABLE ALTER DROP "
    "RENAME TO EXPLAIN COPY LOAD DATA DECLARE CURSOR FOR PRAGMA RECURSIVE RETURNING ONLY LATERAL t u f ( ) ( ) , . ; "
    "' \" ` [ ] %s 1 * = -- /* */ $$ # @v \\ \n".split(" ")
)


@given(st.sampled_from(VENDORS), st.text() | st.lists(WORDS, max_size=30).map(" ".join))
def test_garbage_never_raises(vendor: str, sql: str) -> None:
    found = footprint(sql, vendor)
    assert isinstance(found.opaque, bool)


PAGE = 'SELECT "a"."id" FROM "a" WHERE "a"."b" = %s ORDER BY "a"."id" LIMIT '


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("end", ["{}", "24 OFFSET {}"])
def test_the_pages_of_a_list_are_one_text(vendor: str, end: str) -> None:
    first, other = (footprint(PAGE + end.format(number), vendor) for number in (7, 4800))
    assert first is other
    assert (first.reads, first.opaque) == (names("a"), False)


@pytest.mark.parametrize("end", ["24", "24 OFFSET 48"])
def test_the_numbers_of_a_page_change_nothing_of_what_its_text_touches(end: str) -> None:
    found, plain = footprint(PAGE + end, "sqlite"), footprint(PAGE.partition(" LIMIT")[0], "sqlite")
    assert found == plain
    assert found.rows is not None
    assert plain.rows is not None
    assert found.rows.sources == plain.rows.sources


@pytest.mark.parametrize(
    "end",
    [
        "WHERE id = 5",
        "WHERE id IN (SELECT 5 LIMIT 1) AND id = 5",
        "WHERE id = 5 LIMIT 5 FOR UPDATE",
        "WHERE 'x LIMIT ' = b AND id = 5",
        'WHERE "x LIMIT 7" = 5',
        "LIMIT 5 + 5",
        "LIMIT 5, 5",
        "LIMIT \u0665",
        "LIMIT 5 OFFSET \u0665",
        "LIMIT (SELECT id FROM c LIMIT 5)",
    ],
)
def test_no_other_number_counts_as_that_of_a_page(end: str) -> None:
    assert _cut_alike(f"SELECT id FROM a {end}") == f"SELECT id FROM a {end}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_lists_and_rows_of_any_length_are_one_text(vendor: str) -> None:
    short = "SELECT * FROM t WHERE x IN (%s, %s)"
    long = f"SELECT * FROM t WHERE x IN ({', '.join(['%s'] * 5000)})"
    assert folded(long) == folded(short)
    assert footprint(long, vendor) == footprint(short, vendor)
    rows = [
        f"INSERT INTO t (x, y) VALUES {', '.join(['(%s, f(%s))'] * count)}" for count in (1, 2, 900)
    ]
    assert len({folded(text) for text in rows}) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 -- %s,\n%s FROM t",
        "SELECT 1 -- (%s),\n(%s) FROM t",
        'SELECT * FROM "t (a), (a)"',
        "SELECT %%s, %%s",
        "SELECT (1 -- %s), (1 -- %s), x\nFROM t",
    ],
)
def test_folding_leaves_alone_what_may_mean_something(sql: str) -> None:
    assert folded(sql) == sql


def test_savepoints_do_not_fill_the_memory() -> None:
    first, again = (footprint('SAVEPOINT "s1_x1"', "sqlite") for _ in range(2))
    assert first == again == NOTHING
    assert first is not again


def test_a_known_text_is_not_read_again() -> None:
    sql = 'SELECT "t"."x" FROM "t" WHERE "t"."x" IN (%s, %s) ' * 20
    assert footprint(sql, "sqlite") is footprint(str(sql), "sqlite")


def test_long_texts_are_not_kept_but_understood() -> None:
    conditions = " OR ".join(f"x = {number}" for number in range(1000))
    sql = f"SELECT * FROM t WHERE {conditions}"
    assert footprint(sql, "sqlite") == footprint(sql, "sqlite")
    assert footprint(sql, "sqlite") is not footprint(sql, "sqlite")
    assert footprint(sql, "sqlite").reads == {"t"}


@pytest.mark.parametrize(
    "sql, boundary",
    [
        ("BEGIN", Boundary.BEGINS),
        ("START TRANSACTION READ ONLY", Boundary.BEGINS),
        ("SAVEPOINT a", Boundary.SAVES),
        ("RELEASE SAVEPOINT a", Boundary.NONE),
        ("ROLLBACK TO SAVEPOINT a", Boundary.NONE),
        ("COMMIT", Boundary.ENDS),
        ("ROLLBACK WORK;", Boundary.ENDS),
        ("SELECT 1; END", Boundary.ENDS),
        ("COMMIT AND CHAIN", Boundary.CONTINUES),
        ("ROLLBACK; SELECT 1", Boundary.CONTINUES),
        ("COMMIT; BEGIN", Boundary.CONTINUES),
        ("CREATE TABLE t (x integer)", Boundary.COMMITS),
        ("BEGIN; CREATE TABLE t (x integer)", Boundary.BEGINS),
    ],
)
def test_a_text_tells_whether_it_begins_or_ends_a_transaction(sql: str, boundary: Boundary) -> None:
    assert footprint(sql, "postgresql").boundary is boundary


def test_a_transaction_that_begins_with_a_snapshot_reads_then() -> None:
    assert footprint("START TRANSACTION WITH CONSISTENT SNAPSHOT", "mysql").reads
    assert not footprint("START TRANSACTION", "mysql").reads


@pytest.mark.parametrize("place", ["", "JOIN u ON t.id = u.t_id "])
def test_rows_are_told_apart_where_each_table_is_named_once(place: str) -> None:
    assert footprint(f"SELECT t.id FROM t {place}WHERE t.id = %s", "sqlite").rows


@pytest.mark.parametrize(
    "vendor, sql",
    [
        ("sqlite", "SELECT id, (%s, 'x') IN t FROM t WHERE id = %s"),
        ("sqlite", "SELECT id FROM t WHERE id = %s AND (id, a) NOT IN main.t"),
        ("postgresql", "SELECT id, EXISTS (TABLE t OFFSET 1) FROM t WHERE id = %s"),
        ("postgresql", "SELECT id FROM t WHERE id = %s ORDER BY (TABLE t)"),
        ("mysql", "SELECT id, (TABLE t LIMIT %s), (TABLE t LIMIT %s) FROM t WHERE id = %s"),
        ("mysql", "UPDATE t SET a = (TABLE t LIMIT 1) WHERE id = %s"),
    ],
)
def test_rows_are_not_told_apart_where_a_table_is_named_again(vendor: str, sql: str) -> None:
    found = footprint(sql, vendor)
    assert found.reads == {"t"}
    assert found.rows is None
