"""The tables that a page reads, and whether its request writes."""

from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

from pagecache import database
from pagecache.core.footprint import Footprint
from pagecache.core.reasons import Reason
from pagecache.recording.recorder import Recorder, current, refuse_all, tick
from pagecache.tags import reads_ignored, tags_read, tags_written

_nobody = Recorder()  # stands for code that belongs to no request


class Reads(database.Observer):
    """Records what each statement means for the page that runs it."""

    def __init__(self) -> None:
        self._began: WeakKeyDictionary[BaseDatabaseWrapper, int] = WeakKeyDictionary()

    def begins(self, connection: BaseDatabaseWrapper, footprint: Footprint) -> None:
        """Record before the statement runs: a read counts although it raises."""
        began = (
            self._began.setdefault(connection, tick())
            if database.in_transaction(connection)
            else None
        )
        render = current.get(_nobody)
        if render is _nobody:
            _record_foreign(footprint)
        elif render is not None:
            _record(render, footprint, began)

    def ended(self, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
        """Forget when the transaction began."""
        self._began.pop(connection, None)


def _record(render: Recorder, footprint: Footprint, began: int | None) -> None:
    reads = tags_read(footprint)
    if footprint.opaque:
        render.refuse(Reason.OPAQUE_SQL)
    if reads_ignored(footprint):
        render.refuse(Reason.IGNORED_TABLE)
    if tags_written(footprint):
        render.refuse(Reason.WROTE)
    if began is not None and began < render.epoch and reads:
        render.refuse(Reason.TRANSACTION)
    render.depend(reads)


def _record_foreign(footprint: Footprint) -> None:
    if footprint.opaque or tags_read(footprint):
        refuse_all(Reason.FOREIGN_SQL)
