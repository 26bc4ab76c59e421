"""The tables that a page reads, and whether its request writes."""

from collections.abc import Mapping, ValuesView
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, NamedTuple
from uuid import UUID
from weakref import ref

from django.db.backends.base.base import BaseDatabaseWrapper
from django.dispatch import receiver

from pagecache import conf, database
from pagecache.core.footprint import Footprint
from pagecache.core.reasons import Reason
from pagecache.database import Records, Statement, Taker
from pagecache.events import settings_reloaded
from pagecache.recording.clock import is_present
from pagecache.recording.recorder import CacheCall, Recorder, cache_call, listener, recorder, tick
from pagecache.rows import Lookup, lookup_of
from pagecache.tags import is_of_caches, reads_ignored, tags_read, tags_written
from pagecache.transactions import keeps_view

# Types of parameters that tell no time.
PLAIN = {bool, bytes, float, int, type(None), Decimal, UUID}


class Touched(NamedTuple):
    """What a statement means: the tags that it reads, whether it writes, and whether it reads what is ignored."""

    reads: frozenset[str]
    writes: bool
    reads_ignored: bool


class Reads(database.Observer):
    """Records what each statement means for the page that runs it."""

    def __init__(self) -> None:
        self._began: dict[ref[BaseDatabaseWrapper], int] = {}

    def begins(self, connection: BaseDatabaseWrapper, statement: Statement) -> Taker | None:
        """Record before the statement runs: a read counts although it raises."""
        footprint = statement.footprint
        began = self._began_at(connection, footprint)
        if cache_call.get() is not None and is_of_caches(footprint):
            _record_cache(began)
            return None
        touched = _touched(footprint)
        render = listener() if footprint.opaque or any(touched) else None
        return None if render is None else _record(render, statement, touched, began)

    def finished(self, connection: BaseDatabaseWrapper, *_args: Any, **_kwargs: Any) -> None:
        """Forget a transaction that a text has ended."""
        if not keeps_view(connection):
            self._began.pop(ref(connection), None)

    def promised(self) -> None:
        """Refuse a page with an effect: what it does when it is made must not stop happening."""
        if (render := listener()) is not None:
            render.refuse(Reason.WROTE)

    def ended(self, connection: BaseDatabaseWrapper, *, is_over: bool, **_kwargs: Any) -> None:
        """Forget when the transaction began."""
        if is_over:
            self._began.pop(ref(connection), None)

    def _began_at(self, connection: BaseDatabaseWrapper, footprint: Footprint) -> int:
        """Return since when the connection sees data as it was: by a first statement, not by BEGIN itself."""
        now = tick()
        if keeps_view(connection):
            return self._began.setdefault(ref(connection, self._began.pop), now)
        if footprint.opaque or footprint.reads:
            self._began[ref(connection, self._began.pop)] = now
        else:
            self._began.pop(ref(connection), None)
        return now


@lru_cache(4096)
def _touched(footprint: Footprint) -> Touched:
    return Touched(tags_read(footprint), bool(tags_written(footprint)), reads_ignored(footprint))


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    _touched.cache_clear()


def _record_cache(began: int) -> None:
    """Refuse an old view of a DatabaseCache; else what it asks for the site is a read of the call's keys."""
    render = recorder() if cache_call.get() is CacheCall.SITE else None
    if render is not None and began < render.epoch:
        render.refuse(Reason.TRANSACTION)


def _record(render: Recorder, statement: Statement, touched: Touched, began: int) -> Taker | None:
    footprint, reads = statement.footprint, touched.reads
    if footprint.opaque:
        render.refuse(Reason.OPAQUE_SQL)
    if touched.reads_ignored:
        render.refuse(Reason.IGNORED_TABLE)
    if touched.writes:
        render.refuse(Reason.WROTE)
    if began < render.epoch and reads:
        render.refuse(Reason.TRANSACTION)
    params = statement.params
    if reads and (footprint.volatile or _hold_present(params, render.began)):
        render.asked_time = True
    lookup = lookup_of(footprint.rows) if footprint.rows and not footprint.writes else None
    most = lookup.most(params) if lookup and reads else 0
    if lookup and 0 < most <= conf.get().options.MAX_ROWS:
        return partial(_record_rows, render, lookup, most)
    render.depend(reads)
    return None


def _hold_present(params: Any, since: float) -> bool:
    """Whether the present moment is among parameters, in whichever way they are given."""
    values = params.values() if isinstance(params, Mapping) else params
    if not isinstance(values, ValuesView | list | tuple) or PLAIN.issuperset(map(type, values)):
        return False
    return any(is_present(value, since) for value in values)


def _record_rows(render: Recorder, lookup: Lookup, most: int, rows: Records | None) -> None:
    try:
        found = lookup.tags(rows or (), most)
    except (IndexError, KeyError, TypeError):  # rows in a form of the driver's own
        found = lookup.tags((), most)
    for shape, tags in found.items():
        render.depend_on_rows(shape, tags)
