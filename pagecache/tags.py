"""Tags: the names of the data that pages depend on, and what targets, paths and statements are called by them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.apps import apps
from django.db.models import Model, deletion
from django.dispatch import receiver

from pagecache import conf
from pagecache.core.footprint import Footprint, table_name
from pagecache.core.sqlwords import CATALOG
from pagecache.events import settings_reloaded
from pagecache.rows import ROWS, Shape, rows_named, rows_written, shape_of

SITE = "site"  # every page depends on it
PAGE = "page:"  # and on the tag of its path
SEGMENT = "segment:"  # and on that of its class of visitors, but for "anonymous"
TABLE = "table:"  # the tag of a table that no model owns
MAX_TAG = 250  # characters

Target = str | type[Model] | Model


def tag(name: str) -> str:
    """Return a tag as it is kept: a name that is very long or not printable is replaced by a digest of it."""
    if len(name) <= MAX_TAG and name.isprintable():
        return name
    return "#" + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def page_tag(path: str) -> str:
    """Return the tag that all pages of a path depend on; the path comes with its script name."""
    return PAGE + tag(path)


def is_of_path(tag: str) -> bool:
    """Whether a tag is that of a path."""
    return tag.startswith(PAGE)


def is_of_data(tag: str) -> bool:
    """Whether transactions write to what a tag stands for: not to a path, nor to a class of visitors."""
    return not tag.startswith((PAGE, SEGMENT))


def segment_tag(name: str) -> str:
    """Return the tag that all pages of a class of visitors depend on."""
    return tag(SEGMENT + name)


class Named(NamedTuple):
    """What a target is called in one table: by the table's tag, that of its rows as such, and that of one row."""

    tag: str
    rows: str | None = None
    row: str | None = None


def tags_of(targets: Iterable[Target]) -> frozenset[str]:
    """Return the tags of a page that depends on targets; raises TypeError for what is none."""
    return _those((one.rows, one.row) if one.row else (one.tag,) for one in _named_by(targets))


def tags_to_drop(targets: Iterable[Target]) -> frozenset[str]:
    """Return the tags to invalidate where targets changed; raises TypeError for what is none."""
    return _those((one.tag, one.row or one.rows) for one in _named_by(targets))


def _those(tags: Iterable[tuple[str | None, ...]]) -> frozenset[str]:
    return frozenset(tag for some in tags for tag in some if tag is not None)


def _named_by(targets: Iterable[Target]) -> Iterator[Named]:
    for target in targets:
        yield from _named(target)


def _named(target: Any) -> Iterator[Named]:
    if isinstance(target, str):
        yield from _of_text(target)
    elif isinstance(target, Model):
        for model in _stored(type(target)):
            shape = _shape(table_name(model._meta.db_table))
            key = getattr(target, model._meta.pk.attname, None)
            yield Named(shape.tag, shape.rows, shape.row(key))
    elif isinstance(target, type) and issubclass(target, Model):
        yield from map(_of_table, _stored(target))
    else:
        raise TypeError(f"{target!r} is no tag, model class or model instance.")


def _of_text(name: str) -> Iterator[Named]:
    """Return what a string names: a model by its label, a row of one (`blog.article:42`), or itself."""
    label, _, key = name.partition(":")
    try:
        model = _in_use(apps.get_model(label))
    except (LookupError, ValueError):
        yield Named(tag(name), tag(name) + ROWS if name.startswith(TABLE) else None)
        return
    shape = _shape(table_name(model._meta.db_table))
    if not key:
        yield from map(_of_table, _stored(model))
    elif row := shape.row_spelled(key):
        yield Named(shape.tag, shape.rows, row)
    else:
        yield Named(tag(name))


def _stored(model: type[Model]) -> list[type[Model]]:
    """Return the models whose tables hold a model's rows: itself and its parents."""
    meta = _in_use(model)._meta
    return [one for one in (meta.concrete_model, *meta.all_parents) if one and not one._meta.proxy]


def _in_use(model: type[Model]) -> type[Model]:
    """Return a model, or the one that the site has swapped it for: the `auth.User` of a site with users of its own."""
    swapped = model._meta.swapped
    return apps.get_model(swapped) if swapped else model


def _of_table(model: type[Model]) -> Named:
    shape = _shape(table_name(model._meta.db_table))
    return Named(shape.tag, shape.rows)


def _shape(table: str) -> Shape:
    """Return what is known of a table; rows that are not told apart here may be in another process."""
    return shape_of(table) or Shape(tag_of(table), "", {}, ())


def tags_of_paths(paths: Iterable[str]) -> frozenset[str]:
    """Return the tags of URL paths, quoted or not; of the whole site where there is none."""
    plain = [path.partition("?")[0] for path in paths]
    for path in plain:
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is no path: give it as /news/, without scheme and host.")
    return frozenset(
        page_tag(name) for path in plain for name in (path, unquote(path))
    ) or frozenset({SITE})


@lru_cache(1)
def _labels() -> dict[str, str]:
    models = [
        model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy
    ]
    return {table_name(model._meta.db_table): model._meta.label_lower for model in reversed(models)}


@lru_cache(1)
def _tables() -> dict[str, str]:
    return {label: table for table, label in _labels().items()}


def canonical(tag: str) -> str:
    """Return the name of a tag that does not depend on the apps of a process: tables by their own names."""
    label, colon, row = tag.partition(":")
    table = _tables().get(label)
    return tag if table is None else f"{TABLE}{table}{colon}{row}"


def tag_of(table: str) -> str:
    """Return the tag of a table: the label of its model, such as `blog.article`, or `table:name`."""
    return _labels().get(table, TABLE + table)


def tags_read(footprint: Footprint) -> frozenset[str]:
    """Return what a page that ran the statement depends on."""
    return frozenset(map(tag_of, _with_aliases(footprint.reads - conf.get().ignored)))


@lru_cache(4096)
def tags_written(footprint: Footprint) -> frozenset[str]:
    """Return the tags of the tables that a statement changes, by itself or by what the database does for it.

    Not those whose writes are ignored, nor one of which it changes ignored columns only.
    """
    ignored, columns = conf.get().ignored, footprint.columns
    if columns and all(
        f"{table}.{column}" in ignored for table in footprint.writes for column in columns
    ):
        return frozenset()
    moved, _ = _moved(footprint.writes, deletes=columns is None)
    return frozenset(map(tag_of, moved))


def tags_changed(footprint: Footprint, runs: Iterable[Any]) -> frozenset[str]:
    """Return all that a statement changes: tables and rows; `runs` are the parameters of each of its runs."""
    tags = tags_written(footprint)
    return tags and _with_rows(
        footprint.writes,
        lambda shape: rows_written(footprint, shape, runs),
        deletes=footprint.columns is None,
    )


def tags_told(table: str, keys: Collection[str] | None, *, deleted: bool) -> frozenset[str]:
    """Return all that changed with a table, tables and rows, where somebody tells who saw it.

    `keys` are the primary keys, spelled out, of the rows that were there and changed; None if they are not known.
    `deleted`: some of them may be gone, and others with them.
    """
    return _with_rows(frozenset({table}), lambda shape: rows_named(shape, keys), deletes=deleted)


def _with_rows(
    written: frozenset[str], rows: Callable[[Shape], set[str]], *, deletes: bool
) -> frozenset[str]:
    """Return the tags of what moves with tables: `rows` says which of theirs, all of any other count."""
    moved, fallen = _moved(written, deletes=deletes)
    told = written - fallen
    return frozenset(map(tag_of, moved)).union(
        *(rows(_shape(table)) if table in told else {_shape(table).rows} for table in moved)
    )


@lru_cache(4096)
def _moved(written: frozenset[str], *, deletes: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tables that move with those that are written, and which of them by the database's own doing.

    These fall also with rows of a table whose own writes are ignored.
    """
    ignored = conf.get().ignored
    fallen = _fallen_with(_with_aliases(written)) - ignored if deletes else frozenset[str]()
    return _with_aliases(written - ignored) | fallen, fallen


def _with_aliases(tables: Iterable[str]) -> frozenset[str]:
    """Return tables with those that their views are made of."""
    aliases = conf.get().aliases
    return frozenset(tables).union(*(aliases.get(table, ()) for table in tables))


def _fallen_with(tables: frozenset[str]) -> frozenset[str]:
    """Return the tables whose rows the database itself deletes or changes with rows of others."""
    fallen = frozenset[str]().union(*(_falling().get(table, ()) for table in tables))
    return fallen if fallen <= tables else fallen | _fallen_with(tables | fallen)


@lru_cache(1)
def _falling() -> dict[str, set[str]]:
    """Return for each table those with a foreign key to it whose `on_delete` is the database's affair."""
    by_database = getattr(deletion, "DatabaseOnDelete", ())  # Django 6.1 and newer
    found: dict[str, set[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            relation: Any = field.remote_field
            if isinstance(getattr(relation, "on_delete", None), by_database):
                to = table_name(relation.model._meta.db_table)
                found.setdefault(to, set()).add(table_name(model._meta.db_table))
    return found


def reads_ignored(footprint: Footprint) -> bool:
    """Whether a page read a table whose writes are not announced; sessions are the recorder's affair."""
    reads = footprint.reads - {"django_session"}
    return not conf.get().ignored.isdisjoint(reads) or any(map(_is_kept_by_database, reads))


def _is_kept_by_database(table: str) -> bool:
    """Whether a table tells of others: a catalog, or the state of a sequence."""
    is_kept = table == CATALOG or table.startswith(("pg_", "sqlite_")) or table.endswith("_seq")
    return is_kept and table not in _labels()


@lru_cache(4096)
def is_of_caches(footprint: Footprint) -> bool:
    """Whether a statement touches tables of DatabaseCache, and no others."""
    tables = footprint.reads | footprint.writes
    return bool(tables) and tables <= conf.get().cache_tables


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    for memo in (
        _falling,
        _labels,
        _moved,
        _tables,
        is_of_caches,
        tags_written,
    ):
        memo.cache_clear()
