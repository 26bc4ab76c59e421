"""Which rows a text of SQL names: in one plain SELECT, UPDATE or DELETE, by columns that equal given values.

Every other text names no rows, which is always safe: then its tables count as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pagecache.core.sqlterms import NAMES, Column, Given, column_of, split, terms
from pagecache.core.sqltext import (
    END,
    Group,
    Item,
    UnsureError,
    column_name,
    grouped,
    table_name,
)

_VENDORS = frozenset({"mysql", "postgresql", "sqlite"})
_ENDS = frozenset({"WHERE", "ORDER", "LIMIT", "OFFSET", "FOR", "RETURNING", "end"})
_JOINS = frozenset({"INNER", "JOIN", "LEFT"})
# What makes more of a text than one plain statement.
_NOT_PLAIN = frozenset(
    """
    ; CROSS EXCEPT FULL GROUP HAVING INTERSECT INTO LATERAL MINUS NATURAL RIGHT SELECT STRAIGHT_JOIN UNION USING
    WINDOW WITH
    """.split()
)


@dataclass(frozen=True, slots=True)
class Source:
    """One table of a statement.

    `fixed` are its columns that equal one of given values, `joined` those that equal a column of another source (its
    place, and the column), and `shown` the places of its columns in the rows that come back.
    """

    table: str
    fixed: tuple[tuple[str, tuple[Given, ...]], ...] = ()
    joined: tuple[tuple[str, int, str], ...] = ()
    shown: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The tables of a SELECT, UPDATE or DELETE whose rows are told apart; `parameters` is how many the text takes."""

    verb: str
    sources: tuple[Source, ...]
    parameters: int


def rows_of(sql: str, vendor: str) -> Rows | None:
    """Return what a text says about rows."""
    if vendor not in _VENDORS:
        return None
    try:
        items = grouped(sql, vendor)
        values = [item for item in _each(items) if item.kind == "value" and item.raw != "%%"]
        if any(value.raw != "%s" for value in values):
            return None
        if any(item.sign in _NOT_PLAIN for item in _each(items[1:])):
            return None
        numbers = {id(value): number for number, value in enumerate(values)}
        sources = _Statement(items, numbers).sources()
        return Rows(items[0].word, sources, len(values))
    except UnsureError:
        return None


def _each(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        if isinstance(item, Group):
            yield from _each(item.items)


class _Statement:
    """Reads one statement from left to right, and refuses what it does not expect."""

    def __init__(self, items: tuple[Item, ...], numbers: dict[int, int]) -> None:
        self._items = items
        self._numbers = numbers
        self._at = 0
        self._places: dict[str, int] = {}
        self._found: list[Source] = []

    def sources(self) -> tuple[Source, ...]:
        """Return the tables of the statement."""
        match self._take().word:
            case "SELECT":
                self._select()
            case "UPDATE":
                self._source()
                self._expect("SET")
                self._until(_ENDS | {"FROM"})
            case "DELETE":
                self._expect("FROM")
                self._source()
            case _:
                raise UnsureError
        if self._accept("WHERE"):
            self._compare(self._until(_ENDS - {"WHERE"}))
        elif self._peek().sign not in _ENDS:
            raise UnsureError
        return tuple(self._found)

    def _select(self) -> None:
        if self._peek().sign == "DISTINCT" and self._peek(1).sign != "ON":
            self._at += 1
        shown = list(split(self._until(frozenset({"FROM"})), ","))
        if any(items[-1:] and items[-1].sign == "*" for items in shown):  # of how many columns?
            raise UnsureError
        self._expect("FROM")
        self._source()
        while self._peek().sign in _JOINS:
            self._join()
        for place, items in enumerate(shown):
            column = column_of(items[:-2] if items[-2:-1] and items[-2].sign == "AS" else items)
            if column and (found := self._resolve(column)):
                self._add(None, found[0], shown=(found[1], place))

    def _source(self) -> None:
        """A table and its alias."""
        names = [self._name()]
        while self._accept("."):
            names.append(self._name())
        alias = names[-1]
        if self._accept("AS") or (
            self._peek().kind in NAMES and self._peek().sign not in _ENDS | _JOINS | {"ON", "SET"}
        ):
            alias = self._name()
        if column_name(alias) in self._places:
            raise UnsureError
        self._places[column_name(alias)] = len(self._found)
        self._found.append(Source(table_name(names[-1])))

    def _join(self) -> None:
        """[INNER] JOIN or LEFT [OUTER] JOIN, whose condition says nothing of the tables before it."""
        outer = self._accept("LEFT")
        self._accept("OUTER" if outer else "INNER")
        self._expect("JOIN")
        self._source()
        self._expect("ON")
        self._compare(self._until(_ENDS | _JOINS), only=len(self._found) - 1 if outer else None)

    def _compare(self, condition: tuple[Item, ...], only: int | None = None) -> None:
        """Note which columns equal what; of one table `only`, where one is given."""
        for term in terms(condition, self._numbers):
            here = self._resolve(term.column)
            there = self._resolve(term.other) if term.other else None
            if here and there:
                self._add(only, here[0], joined=(here[1], *there))
                self._add(only, there[0], joined=(there[1], *here))
            elif here and term.given:
                self._add(only, here[0], fixed=(here[1], term.given))

    def _add(self, only: int | None, place: int, **more: tuple[object, ...]) -> None:
        if only in {None, place}:
            source = self._found[place]
            known: dict[str, Any] = {
                name: (*getattr(source, name), one) for name, one in more.items()
            }
            self._found[place] = replace(source, **known)

    def _resolve(self, column: Column) -> tuple[int, str] | None:
        """Return the place of a column's table, and its name; without a table before it there must be one only."""
        if not column.source and len(self._found) == 1:
            return 0, column.name
        place = self._places.get(column.source)
        return None if place is None else (place, column.name)

    def _peek(self, ahead: int = 0) -> Item:
        return self._items[self._at + ahead] if self._at + ahead < len(self._items) else END

    def _take(self) -> Item:
        item = self._peek()
        self._at += 1
        return item

    def _accept(self, sign: str) -> bool:
        found = self._peek().sign == sign
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise UnsureError

    def _name(self) -> str:
        item = self._take()
        if item.kind not in NAMES:
            raise UnsureError
        return item.raw

    def _until(self, signs: frozenset[str]) -> tuple[Item, ...]:
        """Take the items up to one of these words, which after a dot is a name."""
        start = self._at
        while self._at < len(self._items) and (
            self._peek().sign not in signs or self._peek(-1).sign == "."
        ):
            self._at += 1
        return self._items[start : self._at]
