"""Tags: the names of the data that pages depend on, and what targets, paths and statements are called by them."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from django.apps import apps
from django.db.models import Model
from django.dispatch import receiver

from pagecache import conf
from pagecache.core.footprint import Footprint, table_name
from pagecache.events import settings_reloaded

SITE = "site"  # every page depends on it
PAGE = "page:"  # and on the tag of its path
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


def tags_of(targets: Iterable[Target]) -> frozenset[str]:
    """Return the tags that targets stand for; raises TypeError for what is none."""
    return frozenset().union(*map(_tags_of_target, targets))


def _tags_of_target(target: Any) -> frozenset[str]:
    if isinstance(target, str):
        return frozenset(map(tag, tags_of_label(target)))
    model = type(target) if isinstance(target, Model) else target
    if isinstance(model, type) and issubclass(model, Model):
        return tags_of_model(model)
    raise TypeError(f"{target!r} is no tag, model class or model instance.")


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


def tag_of(table: str) -> str:
    """Return the tag of a table: the label of its model, such as `blog.article`, or `table:name`."""
    return _labels().get(table, TABLE + table)


def tags_of_model(model: type[Model]) -> frozenset[str]:
    """Return the tags of the tables that hold a model's rows: its own and those of its parents."""
    tables = {model._meta.db_table, *(parent._meta.db_table for parent in model._meta.all_parents)}
    return frozenset(tag_of(table_name(table)) for table in tables)


def tags_of_label(name: str) -> frozenset[str]:
    """Return the tags that a string names: those of the model with this label, else itself."""
    try:
        return tags_of_model(apps.get_model(name))
    except (LookupError, ValueError):
        return frozenset({name})


@lru_cache(4096)
def tags_read(footprint: Footprint) -> frozenset[str]:
    """Return what a page that ran the statement depends on."""
    return _tags(footprint.reads)


@lru_cache(4096)
def tags_written(footprint: Footprint) -> frozenset[str]:
    """Return what a statement changes, without the columns that no page depends on."""
    ignored = conf.get().ignored
    if footprint.columns is not None:
        (table,) = footprint.writes
        if all(f"{table}.{column}" in ignored for column in footprint.columns):
            return frozenset()
    return _tags(footprint.writes)


@lru_cache(4096)
def reads_ignored(footprint: Footprint) -> bool:
    """Whether a page read a table whose writes are not announced; sessions are the recorder's affair."""
    return not conf.get().ignored.isdisjoint(footprint.reads - {"django_session"})


def _tags(tables: Iterable[str]) -> frozenset[str]:
    return frozenset(tag_of(table) for table in tables if table not in conf.get().ignored)


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    for memo in (_labels, tags_read, tags_written, reads_ignored):
        memo.cache_clear()
