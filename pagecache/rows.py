"""Rows: which rows of a model's table a statement shows or changes, where its text and its values prove it.

A page that found a row depends on the row's tag (`blog.article:42`) and on that of the table's rows as such
(`blog.article:*`), which moves where it is not known what rows were changed. Any doubt is the table.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, TypeGuard
from uuid import UUID

from django.apps import apps
from django.db.models import Model, UniqueConstraint
from django.dispatch import receiver

from pagecache import conf
from pagecache.core.footprint import Footprint, column_name, table_name
from pagecache.core.sqlrows import Rows, Source
from pagecache.core.sqlterms import Given
from pagecache.events import settings_reloaded

ROWS = ":*"  # ends the tag of the rows of a table as such
MOST_WRITTEN = 100  # rows of a statement that are told apart, and runs

WHOLE = "Auto BigAuto BigInteger Integer PositiveBigInteger PositiveInteger PositiveSmallInteger SmallAuto SmallInteger"
TEXT = "Char Email Slug Text URL"
TYPES: dict[str, tuple[type, ...]] = {
    **{f"{name}Field": (int,) for name in WHOLE.split()},
    **{f"{name}Field": (str,) for name in TEXT.split()},
    "UUIDField": (UUID, str),
}
SAYS_FIELDS = {"fields", "name", "violation_error_code", "violation_error_message"}
KEYS = {(int,), (UUID, str)}  # types whose values are told apart in one way by every database


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A table: its tag, its primary key, the types of its columns, and what columns no two rows share.

    It has no key where its rows are not told apart.
    """

    tag: str
    key: str
    types: Mapping[str, tuple[type, ...]]
    unique: tuple[frozenset[str], ...]

    @property
    def rows(self) -> str:
        """The tag of its rows as such."""
        return self.tag + ROWS

    def row(self, key: object) -> str | None:
        """Return the tag of the row with this primary key; None for what is no key for sure."""
        if type(key) is int and self.types.get(self.key) == (int,):  # as most are
            return f"{self.tag}:{key}"
        return self.row_spelled(str(key)) if self.takes(self.key, key) else None

    def row_spelled(self, key: str) -> str | None:
        """Return the tag of the row with the primary key that is spelled so."""
        if not self.key:
            return None
        try:
            return f"{self.tag}:{int(key) if self.types[self.key] == (int,) else UUID(key)}"
        except ValueError:
            return None

    def takes(self, column: str, value: object) -> bool:
        """Whether a value is of the column's own type: others a database may compare in ways of its own."""
        return isinstance(value, self.types.get(column, ())) and not isinstance(value, bool)


@lru_cache(1)
def _shapes() -> dict[str, Shape]:
    models = [
        model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy
    ]
    tables = [table_name(model._meta.db_table) for model in models]
    made = {table: _shape(model) for table, model in zip(tables, models, strict=True)}
    return {table: shape for table, shape in made.items() if shape and tables.count(table) == 1}


def shape_of(table: str) -> Shape | None:
    """Return what is known of a table, if its rows can be told apart."""
    return None if table in conf.get().aliases else _shapes().get(table)


def _shape(model: type[Model]) -> Shape | None:
    meta = model._meta
    fields = {field.name: field for field in meta.local_concrete_fields if field.column}
    columns = {name: column_name(field.column or "") for name, field in fields.items()}
    types = {columns[name]: _types(field) for name, field in fields.items()}
    key = columns.get(meta.pk.name, "")
    if not meta.managed or types.get(key) not in KEYS:
        return None
    together = [
        *([name] for name, field in fields.items() if field.unique),
        *meta.unique_together,
        *(item.fields for item in meta.constraints if _holds_for_all(item)),
    ]
    unique = [
        frozenset(columns[name] for name in names)
        for names in together
        if columns.keys() >= set(names)
    ]
    return Shape(meta.label_lower, key, types, tuple(unique))


def _types(field: Any) -> tuple[type, ...]:
    """Return the types of a column's values; a foreign key has those of what it points to."""
    while field.is_relation:
        field = field.target_field
    return TYPES.get(field.get_internal_type(), ())


def _holds_for_all(constraint: Any) -> TypeGuard[UniqueConstraint]:
    """Whether it says no more than its fields: a database that does not know what else it says leaves it out."""
    is_unique = isinstance(constraint, UniqueConstraint) and bool(constraint.fields)
    return is_unique and constraint.deconstruct()[2].keys() <= SAYS_FIELDS


Values = tuple[str, tuple[Given, ...]]  # a column, and what it equals one of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row that comes back has the key of one table; it has none by right if one of `via` is NULL."""

    shape: Shape
    key: int
    via: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query that finds, of all its tables, at most one row for each of its values."""

    rows: Rows
    places: tuple[Place, ...]
    values: tuple[tuple[Shape, Values], ...]

    def most(self, params: Any) -> int:
        """Return how many rows there can be; 0 where that is not sure."""
        most = 0
        for shape, (column, given) in self.values:
            values = _values(self.rows, given, params)
            for value in values:
                if not shape.takes(column, value):
                    return 0
            most = max(most, len(values))
        return most

    def tags(self, rows: Sequence[Sequence[Any]], most: int) -> dict[Shape, set[str]]:
        """Return for each table the tags of the rows that were found; its own where there may be more to say."""
        first = self.places[0].key
        if len(rows) != most or (most > 1 and len({row[first] for row in rows}) != most):
            return {place.shape: {place.shape.tag} for place in self.places}
        found: dict[Shape, set[str]] = {}
        for place in self.places:
            shape, at = place.shape, place.key
            tags = found.setdefault(shape, set())
            for row in rows:
                key = row[at]
                if key is not None or all(row[other] is not None for other in place.via):
                    tags.add(shape.row(key) or shape.tag)
        return found


@lru_cache(4096)
def lookup_of(rows: Rows) -> Lookup | None:
    """Return what a query finds, as far as its text says; None where its tables count as a whole."""
    shapes = [shape for source in rows.sources if (shape := shape_of(source.table))]
    if rows.verb != "SELECT" or len(shapes) < len(rows.sources):
        return None
    sources = list(zip(rows.sources, shapes, strict=True))
    values = {
        at: found for at, pair in enumerate(sources) if (found := _one_row(*pair, several=not at))
    }
    places = [place for source, shape in sources if (place := _place(source, shape, rows.sources))]
    if not _reached(sources, set(values)) or len(places) < len(sources):
        return None
    named = tuple((shapes[at], one) for at, found in values.items() for one in found)
    return Lookup(rows, tuple(places), named)


def _one_row(source: Source, shape: Shape, *, several: bool) -> list[Values]:
    """Return the values that a table has one row for, or one for each of `several`."""
    fixed = {column: given for column, given in source.fixed if several or len(given) == 1}
    for columns in shape.unique:
        found = [(column, fixed[column]) for column in columns if column in fixed]
        if len(found) == len(columns) and (
            len(found) == 1 or all(len(given) == 1 for _, given in found)
        ):
            return found
    return []


def _reached(sources: Sequence[tuple[Source, Shape]], known: set[int]) -> bool:
    """Whether every table has at most one row for each of those known; their number grows by joins on keys."""
    more = {
        at
        for at, (source, shape) in enumerate(sources)
        if at not in known
        and any(unique <= _joined(source, shape, sources, known) for unique in shape.unique)
    }
    return len(known) == len(sources) or (bool(more) and _reached(sources, known | more))


def _joined(
    source: Source, shape: Shape, sources: Sequence[tuple[Source, Shape]], known: set[int]
) -> set[str]:
    """Return the columns that equal one of a known table, of the same type."""
    return {
        column
        for column, there, other in source.joined
        if there in known
        and shape.types.get(column) in KEYS
        and shape.types[column] == sources[there][1].types.get(other)
    }


def _place(source: Source, shape: Shape, sources: Sequence[Source]) -> Place | None:
    shown = dict(source.shown)
    via = (dict(sources[there].shown).get(column) for _, there, column in source.joined)
    key = shown.get(shape.key)
    return None if key is None else Place(shape, key, tuple(at for at in via if at is not None))


def rows_written(footprint: Footprint, shape: Shape, runs: Iterable[Any]) -> set[str]:
    """Return the tags of the rows of a table that a statement changed; of all of them where it does not say."""
    if footprint.columns == frozenset():  # it only adds rows
        return set()
    few = list(islice(runs, MOST_WRITTEN + 1))
    if len(few) > MOST_WRITTEN:
        return {shape.rows}
    keys = (key for params in few for key in _keys_written(footprint, shape, params))
    return _rows(shape, map(shape.row, keys))


def rows_named(shape: Shape, keys: Collection[str] | None) -> set[str]:
    """Return the tags of the rows of a table with these keys, spelled out; of all of them where they are not known."""
    return {shape.rows} if keys is None else _rows(shape, map(shape.row_spelled, keys))


def _rows(shape: Shape, tags: Iterable[str | None]) -> set[str]:
    """Return tags of rows; that of all rows where one of them is not known, or they are too many to tell apart."""
    found = set(tags)
    known = {tag for tag in found if tag is not None}
    return known if known == found and len(known) <= MOST_WRITTEN else {shape.rows}


def _keys_written(footprint: Footprint, shape: Shape, params: Any) -> Sequence[object]:
    """Return the primary keys that a write names; None among them if there may be others."""
    rows, columns = footprint.rows, footprint.columns
    moves = columns is None or shape.key in columns
    if rows is None or rows.verb not in {"DELETE", "UPDATE"} or (rows.verb == "UPDATE" and moves):
        return (None,)
    given = dict(rows.sources[0].fixed).get(shape.key)
    return (None,) if given is None else _values(rows, given, params)


def _values(rows: Rows, given: Iterable[Given], params: Any) -> Sequence[object]:
    """Return the values of a comparison; None where the parameters are not those of the text."""
    params = () if params is None else params
    if not isinstance(params, list | tuple) or len(params) != rows.parameters:
        return (None,)
    return [value.number if value.parameter is None else params[value.parameter] for value in given]


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    for memo in (_shapes, lookup_of):
        memo.cache_clear()
