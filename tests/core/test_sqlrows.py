"""Which rows a text of SQL names: by equalities that all must hold, and by nothing that is less plain."""

from __future__ import annotations

import pytest

from pagecache.core.sqlrows import Rows, Source, rows_of
from pagecache.core.sqlterms import Given


def read(sql: str, vendor: str = "sqlite") -> Rows | None:
    return rows_of(sql, vendor)


def sources(sql: str, vendor: str = "sqlite") -> tuple[Source, ...]:
    found = read(sql, vendor)
    assert found is not None
    return found.sources


def fixed(sql: str, vendor: str = "sqlite") -> dict[str, list[int | str]]:
    """What the columns of the first table equal: numbers of parameters, or `=` and a number in the text."""
    return {
        name: [f"={one.number}" if one.parameter is None else one.parameter for one in given]
        for name, given in sources(sql, vendor)[0].fixed
    }


FIXED: list[tuple[str, dict[str, list[int | str]]]] = [
    ("a = %s", {"a": [0]}),
    ('"a" = %s', {"a": [0]}),
    ('"t"."A" = %s', {"a": [0]}),
    ("main.t.a = %s", {"a": [0]}),
    ("(a = %s)", {"a": [0]}),
    ("(a = %s AND (b > %s AND c = %s))", {"a": [0], "c": [2]}),
    ("b = f(%s, %s) AND a = %s", {"a": [2]}),
    ("a = 42", {"a": ["=42"]}),
    ("a IN (%s, 7, %s)", {"a": [0, "=7", 1]}),
    ("b BETWEEN %s AND %s AND a = %s", {"a": [2]}),
    ("b LIKE '%%x' AND a = %s", {"a": [0]}),
    ("NOT b AND a = %s", {"a": [0]}),
    ("(a = %s OR a = 7 OR a IN (%s)) AND b", {"a": [0, "=7", 1]}),
    ("(t.a) IN ((%s), (7))", {"a": [0, "=7"]}),
    ("(a, b) IN ((%s, %s))", {}),
    ("a = %s ORDER BY b DESC LIMIT 21", {"a": [0]}),
    ("a = %s LIMIT 1 OFFSET 2", {"a": [0]}),
    # what is no such term
    ("b BETWEEN %s AND a = %s", {}),
    ("a = %s OR b", {}),
    ("a = %s OR b = %s", {}),
    ("a = %s OR a = b", {}),
    ("a = %s OR a = %s AND b", {}),
    ("a = %s OR b BETWEEN 1 AND a = %s", {}),
    ("b OR a = %s", {}),
    ("NOT a = %s", {}),
    ("a != %s", {}),
    ("a >= %s", {}),
    ("a = -1", {}),
    ("a = 1.5", {}),
    ("a = 0x10", {}),
    ("a = '1'", {}),
    ("a = %s + 1", {}),
    ("a = %s = 1", {}),
    ("a + 1 = %s", {}),
    ("a = %s COLLATE nocase", {}),
    ("a == %s", {}),
    ("a IN (%s, %s + 1)", {}),
    ("a IN ()", {}),
    ("a NOT IN (%s)", {}),
    ("(a, b) = (%s, %s)", {}),
    ("CASE WHEN b AND a = %s AND c THEN d END", {}),
    ("a = b", {}),
    ("a = NULL", {}),
]


@pytest.mark.parametrize("condition, found", FIXED)
def test_columns_that_equal_given_values(condition: str, found: dict[str, list[int | str]]) -> None:
    assert fixed(f"SELECT a FROM t WHERE {condition}") == found
    if "OFFSET" not in condition:
        assert fixed(f"UPDATE t SET b = 1 WHERE {condition}") == found
        assert fixed(f"DELETE FROM t WHERE {condition}") == found


@pytest.mark.parametrize("condition", ["a = 1 || b = 2", "a = 1 XOR b = 2", "a = 1 && b | c"])
def test_other_words_for_or_are_no_terms_either(condition: str) -> None:
    assert fixed(f"SELECT a FROM t WHERE {condition}", "mysql") == {}


NOT_PLAIN = [
    "",
    "SELECT 1",
    "INSERT INTO t (a) VALUES (%s)",
    "REPLACE INTO t (a) VALUES (%s)",
    "SELECT a FROM t WHERE a = %s UNION SELECT a FROM t",
    "SELECT a, count(*) FROM t WHERE a = %s GROUP BY a",
    "SELECT a FROM t WHERE a = %s AND EXISTS (SELECT 1 FROM u)",
    "WITH t AS (SELECT 1) SELECT a FROM t WHERE a = %s",
    "SELECT a FROM t, u WHERE t.a = %s",
    "SELECT a FROM (t) WHERE a = %s",
    "SELECT a FROM f(1) WHERE a = %s",
    "SELECT a FROM t CROSS JOIN u WHERE t.a = %s",
    "SELECT a FROM t NATURAL JOIN u WHERE t.a = %s",
    "SELECT a FROM t JOIN u USING (a) WHERE t.a = %s",
    "SELECT a FROM t RIGHT JOIN u ON t.a = u.a WHERE t.a = %s",
    "SELECT a FROM t JOIN t ON t.a = t.b WHERE t.a = %s",
    "SELECT a FROM t JOIN u WHERE t.a = %s",
    "SELECT a FROM t WHERE a = %s; DELETE FROM t",
    "SELECT a FROM t WHERE a = %(a)s",
    "SELECT a FROM t WHERE a = ?",
    "UPDATE t SET b = 1 FROM u WHERE t.a = %s",
    "UPDATE t JOIN u ON t.a = u.a SET t.b = 1 WHERE t.a = %s",
    "UPDATE t SET b = (SELECT 1) WHERE a = %s",
    "UPDATE OR IGNORE t SET b = 1 WHERE a = %s",
    "DELETE FROM t USING u WHERE t.a = %s",
    "DELETE t FROM t WHERE a = %s",
    "DROP TABLE t",
]


@pytest.mark.parametrize("sql", NOT_PLAIN)
def test_what_is_less_plain_names_no_rows(sql: str) -> None:
    found = read(sql)
    assert found is None or fixed(sql) == {}


def test_databases_that_are_not_known_name_no_rows() -> None:
    assert read("SELECT a FROM t WHERE a = %s", "oracle") is None
    assert read("SELECT a FROM t WHERE a = %s", "microsoft") is None


def test_text_that_is_not_understood_names_no_rows() -> None:
    assert read("SELECT a FROM t WHERE a = 'x") is None


def test_joins_tell_which_columns_are_equal_and_where_columns_are_shown() -> None:
    film, director = sources(
        'SELECT "film"."id", count(x) AS n, "film"."d_id" AS d, T2."id", other.id, plain FROM "film" '
        'INNER JOIN "director" T2 ON ("film"."d_id" = T2."id") WHERE "film"."slug" = %s'
    )
    assert film == Source(
        "film",
        fixed=(("slug", (Given(0),)),),
        joined=(("d_id", 1, "id"),),
        shown=(("id", 0), ("d_id", 2)),
    )
    assert director == Source("director", joined=(("id", 0, "d_id"),), shown=(("id", 3),))


def test_an_outer_join_says_nothing_of_the_tables_before_it() -> None:
    film, director = sources(
        "SELECT f.id FROM film AS f LEFT OUTER JOIN director d ON f.d_id = d.id AND f.a = %s AND d.b = %s "
        "WHERE f.id = %s"
    )
    assert film == Source("film", fixed=(("id", (Given(2),)),), shown=(("id", 0),))
    assert director == Source("director", fixed=(("b", (Given(1),)),), joined=(("id", 0, "d_id"),))


def test_a_column_without_a_table_belongs_to_the_only_one() -> None:
    assert fixed("SELECT a FROM t JOIN u ON t.x = u.x WHERE a = %s") == {}
    assert fixed("SELECT a FROM t WHERE a = %s") == {"a": [0]}


def test_distinct_rows_are_rows_but_distinct_on_is_not_read() -> None:
    (source,) = sources("SELECT DISTINCT id, a FROM t WHERE a = %s", "postgresql")
    assert source.shown == (("id", 0), ("a", 1))
    (source,) = sources("SELECT DISTINCT ON (b) id, a FROM t WHERE a = %s", "postgresql")
    assert source.shown == (("a", 1),)


@pytest.mark.parametrize("shown", ["*, id", "t.*, id", "(t).*, id", "id, t.*", 'main."t".*, t.id'])
def test_a_star_shows_columns_of_a_number_that_the_text_does_not_say(shown: str) -> None:
    assert read(f"SELECT {shown} FROM t WHERE a = %s") is None


def test_a_product_and_a_count_are_one_column() -> None:
    (source,) = sources("SELECT count(*), a * b, id FROM t WHERE a = %s")
    assert source.shown == (("id", 2),)


def test_a_word_after_a_dot_is_a_column() -> None:
    (source,) = sources("SELECT t.from, t.order FROM t WHERE t.where = %s AND t.limit = %s")
    assert source.shown == (("from", 0), ("order", 1))
    assert [name for name, _ in source.fixed] == ["where", "limit"]


def test_the_number_of_parameters_and_the_verb_are_told() -> None:
    rows = read("UPDATE t SET a = %s, b = '%%' WHERE c = %s RETURNING a", "postgresql")
    assert rows is not None
    assert (rows.verb, rows.parameters) == ("UPDATE", 2)
