"""What a text of SQL touches: the tables that it reads and writes.

A superset is always safe, a subset never: what is not understood, or calls a routine that is not known to compute
only, is opaque. Views, triggers, rules and virtual tables cannot be seen in a text; the caller adds what is behind a
name.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pagecache.core.sqlrows import Rows, rows_of
from pagecache.core.sqlscan import Boundary
from pagecache.core.sqlstatements import Statements
from pagecache.core.sqltext import UnsureError, column_name, folded, table_name

__all__ = ["BEGINNINGS", "Boundary", "Footprint", "column_name", "footprint", "table_name"]

BEGINNINGS = frozenset({Boundary.BEGINS, Boundary.CONTINUES})

MAX_REMEMBERED = 4096
MAX_REMEMBERED_LENGTH = 4000

_NO_ROUTINES: frozenset[str] = frozenset()
_LIMIT = " LIMIT "
_NUMBERS = re.compile(r"[0-9]+( OFFSET [0-9]+)?")
_NAMED_EACH_TIME = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one text touches; names are as `table_name` makes them.

    `columns` are those that a write of one table sets in rows that were there: none for a plain INSERT, None for a
    DELETE or what is less plain. `opaque`: it may have read and written anything. `returns`: a write whose rows are
    still to be fetched (RETURNING). `rows` says which rows, where the text tells them apart, and `boundary` whether it
    begins or ends a transaction. `volatile`: it asks for the time or for chance. `mentions`: how often it names tables.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    columns: frozenset[str] | None
    opaque: bool
    returns: bool
    rows: Rows | None = field(default=None, compare=False)
    boundary: Boundary = field(default=Boundary.NONE, compare=False)
    volatile: bool = field(default=False, compare=False)
    mentions: int = field(default=0, compare=False)


def footprint(sql: str, vendor: str, routines: frozenset[str] = _NO_ROUTINES) -> Footprint:
    """What the text touches on a database of this vendor, as Django names vendors.

    `routines` are those of the site that only compute, in lower case, with their schema where they are called so.
    """
    sql = _cut_alike(sql)
    if len(sql) > MAX_REMEMBERED_LENGTH or sql.startswith(_NAMED_EACH_TIME):
        return _of_folded(folded(sql), vendor, routines)
    return _remembered(sql, vendor, routines)


def _cut_alike(sql: str) -> str:
    """Return the text with the same numbers behind LIMIT and OFFSET at its end as all others: one for each page.

    How many rows there are changes nothing of what it touches. What ends with a digit ends outside of any quotes.
    """
    at = sql.rfind(_LIMIT) if sql[-1:].isdigit() else -1
    found = _NUMBERS.fullmatch(sql, at + len(_LIMIT)) if at >= 0 else None
    if found is None:
        return sql
    return sql[: at + len(_LIMIT)] + ("1" if found[1] is None else "1 OFFSET 1")


@lru_cache(maxsize=MAX_REMEMBERED)
def _remembered(sql: str, vendor: str, routines: frozenset[str]) -> Footprint:
    found = _of_folded(folded(sql), vendor, routines)
    rows = None if found.opaque else rows_of(sql, vendor)
    if rows is None or len(rows.sources) != found.mentions:
        return found
    names_all = {source.table for source in rows.sources} == (found.writes or found.reads)
    return replace(found, rows=rows) if names_all else found


def _of_folded(sql: str, vendor: str, routines: frozenset[str]) -> Footprint:
    """Through the second memo, unless the text is long or unlike any other."""
    if len(sql) > MAX_REMEMBERED_LENGTH or sql.startswith(_NAMED_EACH_TIME):
        return _computed(sql, vendor, routines)
    return _remembered_folded(sql, vendor, routines)


def _computed(sql: str, vendor: str, routines: frozenset[str]) -> Footprint:
    scan = Statements(vendor, routines)
    try:
        scan.text(sql)
    except (UnsureError, RecursionError):
        scan.opaque = True
    return _found(scan, sql)


def _found(scan: Statements, sql: str) -> Footprint:
    """What a scan has gathered; an opaque text may return rows wherever it has the word for it."""
    returns = "returning" in sql.lower() if scan.opaque else scan.returns and bool(scan.writes)
    plain = len(scan.assigned) == len(scan.writes) == 1 and not scan.opaque
    columns = scan.assigned[0] if plain else None
    reads, writes = frozenset(scan.reads), frozenset(scan.writes)
    return Footprint(
        reads,
        writes,
        columns,
        scan.opaque,
        returns,
        boundary=scan.boundary,
        volatile=scan.volatile,
        mentions=scan.mentions,
    )


_remembered_folded = lru_cache(maxsize=MAX_REMEMBERED)(_computed)
