"""Writes are collected per connection and announced once per transaction, after COMMIT returned."""

import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import ref

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pagecache import conf, database
from pagecache.announcing import Due, InvalidationError, announcer
from pagecache.core.footprint import Boundary, Footprint
from pagecache.core.vector import ID_BYTES
from pagecache.database import Statement
from pagecache.tags import SITE, tags_changed
from pagecache.transactions import in_transaction, is_begun_by_text


@dataclass(slots=True)
class Marked:
    """What one transaction has marked under its id, so that it need not again.

    What it `tried` to mark is more: a mark may arrive that was given up.
    """

    id: bytes = field(default_factory=lambda: os.urandom(ID_BYTES))
    tags: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    in_vain: bool = False  # then it waits for the cache server no more


class Kept(NamedTuple):
    """What a transaction did: the savepoints that it stands under, what it wrote, and what is to go softly."""

    under: frozenset[Any]
    tags: frozenset[str]
    soft: frozenset[str] = frozenset()


class Writes(database.Observer):
    """Collects what each connection wrote, and announces it when it takes effect."""

    def __init__(self) -> None:
        self.pending: dict[ref[BaseDatabaseWrapper], list[Kept]] = {}
        self._marked: dict[ref[BaseDatabaseWrapper], Marked] = {}

    def begins(self, connection: BaseDatabaseWrapper, statement: Statement) -> None:
        """Mark what a statement is about to write, with two-phase invalidation; raises InvalidationError."""
        try:
            self._mark(connection, _changed(statement))
        except InvalidationError:
            if not in_transaction(connection):
                self._end(connection, Due(), is_sure=True)
            raise

    def finished(
        self, connection: BaseDatabaseWrapper, statement: Statement, *, is_sure: bool
    ) -> None:
        """Announce what an autocommit statement wrote; keep what a transaction wrote until it ends."""
        tags = _changed(statement)
        if not (tags or self.pending or self._marked):  # nothing is written, nor was
            return
        if not in_transaction(connection):
            self._end(connection, self._due(connection, tags), is_sure=is_sure)
            return
        if tags:
            self._keep(connection, tags)
        due = self._due(connection)
        if due.moved and _may_commit(connection, statement.footprint):
            self._announce_early(connection, due)

    def ended(
        self, connection: BaseDatabaseWrapper, *, committed: bool | None, is_over: bool
    ) -> None:
        """Announce once for the transaction; where it may still commit, its marks stand, and it is announced again."""
        if not (self.pending or self._marked):  # nothing was written
            return
        is_undone = committed is False and not _is_read_dirty()
        due = Due() if is_undone else self._due(connection)
        if is_over:
            self._end(connection, due, is_sure=committed is not None)
        elif due.moved:
            self._announce_early(connection, due)

    def _announce_early(self, connection: BaseDatabaseWrapper, due: Due) -> None:
        """Announce what may have been committed, though it may go on: what is written then is marked again."""
        announcer.announce(due.tags, soft=due.soft)
        if (marked := self._marked.get(ref(connection))) is not None:
            marked.tags = frozenset()

    def _end(self, connection: BaseDatabaseWrapper, due: Due, *, is_sure: bool) -> None:
        """Announce what took effect, and take the marks off where that is sure."""
        marked = self._marked.pop(ref(connection), None)
        self.pending.pop(ref(connection), None)
        if marked is not None and is_sure:
            announcer.announce(due.tags | marked.tried, frozenset({marked.id}), due.soft)
        elif due.moved:
            announcer.announce(due.tags, soft=due.soft)

    def undone(self, connection: BaseDatabaseWrapper, savepoint: str) -> None:
        """Forget what was written under the savepoint."""
        kept = self.pending.get(ref(connection))
        if kept is not None and not _is_read_dirty():
            kept[:] = [item for item in kept if savepoint not in item.under]

    def add(self, tags: frozenset[str], *, soft: bool = False) -> None:
        """Announce tags again when the open transactions of this thread commit."""
        connected = connections.all(initialized_only=True)
        waiting = [connection for connection in connected if in_transaction(connection)]
        for connection in waiting:
            self._mark(connection, tags)
        for connection in waiting:
            self._keep(connection, *((frozenset(), tags) if soft else (tags,)))

    def unannounced(self) -> frozenset[str]:
        """Return the tags that the connections of this thread wrote and did not announce yet."""
        if not self.pending:
            return frozenset()
        connected = connections.all(initialized_only=True)
        return frozenset().union(*(self._due(one).moved for one in connected))

    def _keep(self, connection: BaseDatabaseWrapper, *tags: frozenset[str]) -> None:
        under = frozenset(connection.savepoint_ids)
        kept = self.pending.setdefault(ref(connection, self.pending.pop), [])
        kept.append(Kept(under, *tags))

    def _mark(self, connection: BaseDatabaseWrapper, tags: frozenset[str]) -> None:
        """Mark tags that the connection's transaction has not marked yet, with two-phase invalidation."""
        if not tags or not conf.get().doubt:
            return
        marked = self._marked.setdefault(ref(connection, self._marked.pop), Marked())
        new = tags - marked.tags
        if new and not marked.in_vain:
            marked.tried |= new
            marked.in_vain = not announcer.mark(new, marked.id)
            marked.tags |= new

    def _due(self, connection: BaseDatabaseWrapper, tags: frozenset[str] = frozenset()) -> Due:
        """Return what the connection's transaction did, and these tags, as it is announced."""
        kept = self.pending.get(ref(connection), ())
        soft = frozenset[str]().union(*(one.soft for one in kept))
        return Due(tags.union(*(one.tags for one in kept)), soft=soft)


def _changed(statement: Statement) -> frozenset[str]:
    """Return the tags of what a statement changes; an opaque one may change anything."""
    footprint = statement.footprint
    if not (footprint.writes or footprint.opaque):
        return frozenset()
    tags = tags_changed(footprint, statement.known_runs)
    return tags | {SITE} if footprint.opaque else tags


def _is_read_dirty() -> bool:
    """Whether pages may show what was rolled back: by a level of MySQL that some database of the site may have."""
    options = [one.get("OPTIONS", {}) for one in connections.settings.values()]
    levels = [one["isolation_level"] for one in options if "isolation_level" in one]
    return any(level is None or "uncommitted" in str(level).lower() for level in levels)


def _may_commit(connection: BaseDatabaseWrapper, footprint: Footprint) -> bool:
    """Whether a statement may have committed what the transaction wrote, as definitions do in MySQL."""
    if footprint.opaque or is_begun_by_text(connection):
        return True
    is_boundary = footprint.boundary not in {Boundary.NONE, Boundary.SAVES}
    return is_boundary and not connection.features.can_rollback_ddl


writes = Writes()
