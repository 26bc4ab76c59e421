"""What a condition of SQL says for sure: which columns equal what, in every row for which it holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from pagecache.core.sqltext import END, Group, Item, column_name

NAMES = frozenset({"name", "word"})
# What makes more of a condition than terms that all hold.
_NOT_TERMS = frozenset({":=", "&", "CASE", "XOR", "|"})


@dataclass(frozen=True, slots=True)
class Given:
    """Where the value of a comparison is: the parameter of this number, or else a whole number in the text."""

    parameter: int | None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name and that of its table or alias, where it has one."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Term:
    """A column that equals another, or one of given values."""

    column: Column
    other: Column | None
    given: tuple[Given, ...]


def terms(condition: tuple[Item, ...], numbers: dict[int, int]) -> Iterator[Term]:
    """The equalities among the terms of a condition that all hold; the other terms only narrow it."""
    signs = {item.sign for item in condition}
    if signs & _NOT_TERMS:
        return
    if "OR" in signs:
        yield from _one_of(condition, numbers)
        return
    for items in split(_without_ranges(condition), "AND"):
        if len(items) == 1 and isinstance(items[0], Group):
            yield from terms(items[0].items, numbers)
        elif (term := _term(items, numbers)) is not None:
            yield term


def _one_of(condition: tuple[Item, ...], numbers: dict[int, int]) -> Iterator[Term]:
    """`column = value OR column = value`, which is a list of values too."""
    terms = [_term(items, numbers) for items in split(condition, "OR")]
    given = [one for term in terms if term and term.given for one in term.given]
    columns = {term.column if term and term.given else None for term in terms}
    column = columns.pop()
    if column is not None and not columns:
        yield Term(column, None, tuple(given))


def _term(items: tuple[Item, ...], numbers: dict[int, int]) -> Term | None:
    """`column = value`, `column = column` or `column IN (values)`, and nothing else."""
    at = next((at for at, item in enumerate(items) if item.sign in {"=", "IN"}), 0)
    column, right = column_of(items[:at]), items[at + 1 :]
    if column is None:
        return None
    if items[at].sign == "IN":
        listed = right[0].items if len(right) == 1 and isinstance(right[0], Group) else ()
        given = [_given(item, numbers) for item in split(listed, ",")]
        return _equals(column, given)
    other = column_of(right)
    return Term(column, other, ()) if other else _equals(column, [_given(right, numbers)])


def _equals(column: Column, given: list[Given | None]) -> Term | None:
    known = tuple(value for value in given if value is not None)
    return Term(column, None, known) if len(known) == len(given) else None


def _given(items: tuple[Item, ...], numbers: dict[int, int]) -> Given | None:
    items = _bare(items)
    item = items[0] if len(items) == 1 else END
    if item.kind == "value" and id(item) in numbers:
        return Given(numbers[id(item)])
    return Given(None, int(item.raw)) if item.kind == "number" and item.raw.isdecimal() else None


def column_of(items: tuple[Item, ...]) -> Column | None:
    """The column that the items are: names with dots between them."""
    items = _bare(items)
    names, dots = items[::2], items[1::2]
    if not len(items) % 2 or any(item.kind not in NAMES for item in names):
        return None
    if any(dot.sign != "." for dot in dots):
        return None
    source = column_name(names[-2].raw) if len(names) > 1 else ""
    return Column(source, column_name(names[-1].raw))


def _bare(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items without parentheses around them all."""
    while len(items) == 1 and isinstance(items[0], Group):
        items = items[0].items
    return items


def _without_ranges(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items without the AND of each `BETWEEN a AND b`."""
    kept: list[Item] = []
    ranges = 0
    for item in items:
        ranges += item.sign == "BETWEEN"
        if item.sign == "AND" and ranges:
            ranges -= 1
        else:
            kept.append(item)
    return tuple(kept)


def split(items: tuple[Item, ...], sign: str) -> Iterator[tuple[Item, ...]]:
    """The parts of a list of items between those of one sign."""
    start = 0
    for at, item in enumerate(items):
        if item.sign == sign:
            yield items[start:at]
            start = at + 1
    yield items[start:]
