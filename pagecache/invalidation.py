"""Writes are collected per connection and announced once per transaction, after COMMIT returned."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.dispatch import receiver

from pagecache import conf, database
from pagecache.core.footprint import Boundary, Footprint
from pagecache.database import Statement
from pagecache.events import logger, settings_reloaded
from pagecache.stores import Store, open_store
from pagecache.tags import SITE, Target, canonical, tags_changed, tags_of_paths, tags_to_drop
from pagecache.versions import STAR, VERSION_SECONDS, Names, fresh

MOST_OWED = 10_000  # tags; beyond it the whole site is dropped once the server is back


class Announcer:
    """Announces tags to the store, and keeps what did not get through until it does."""

    def __init__(self) -> None:
        self._failed: dict[object, frozenset[str]] = {}

    @property
    def owes(self) -> bool:
        """Whether an announcement did not get through: until it does, this process neither serves nor stores."""
        return bool(self._failed)

    def announce(self, tags: Iterable[str] = ()) -> None:
        """Give the tags, and all that is owed, fresh versions; what fails is logged and owed."""
        with self._attempt(frozenset(tags)) as (star, versions):
            site_store().announce(star, versions, VERSION_SECONDS)

    async def aannounce(self, tags: Iterable[str] = ()) -> None:
        """Do the same on the event loop."""
        with self._attempt(frozenset(tags)) as (star, versions):
            await site_store().aannounce(star, versions, VERSION_SECONDS)

    @contextmanager
    def _attempt(self, tags: frozenset[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Repeat what failed before whole, with fresh versions; owe all of it again unless this gets through."""
        owed = dict(self._failed)
        due = tags.union(*owed.values())
        names = site_names()
        versions = {names.version(name): fresh() for name in (STAR, *sorted(due))}
        try:
            yield names.version(STAR), versions
        except BaseException as error:
            self._failed[object()] = due if len(due) < MOST_OWED else frozenset({SITE})
            self._settle(owed)
            if not isinstance(error, Exception):
                raise
            if not owed:  # the write itself has happened, and must not fail for it
                logger.error(
                    "A write could not be announced; pages are neither served nor stored until it is: %s",
                    error,
                )
        else:
            self._settle(owed)

    def _settle(self, owed: Iterable[object]) -> None:
        """Forget failures that got through, or that a later one holds; one that came meanwhile stays."""
        for token in owed:
            self._failed.pop(token, None)


class Writes(database.Observer):
    """Collects what each connection wrote, and announces it when it takes effect."""

    def __init__(self) -> None:
        # per connection: the savepoints that a write stands under, and its tags
        self._pending: WeakKeyDictionary[
            BaseDatabaseWrapper, list[tuple[frozenset[Any], frozenset[str]]]
        ] = WeakKeyDictionary()
        self._by_text: WeakSet[BaseDatabaseWrapper] = WeakSet()  # a text began a transaction

    def finished(self, connection: BaseDatabaseWrapper, statement: Statement) -> None:
        """Announce what an autocommit statement wrote; keep what a transaction wrote until it ends."""
        footprint = statement.footprint
        tags = tags_changed(footprint, statement.runs)
        if footprint.opaque:
            tags |= {SITE}
        is_open = database.in_transaction(connection)
        if footprint.boundary in {Boundary.BEGINS, Boundary.SAVES} and not is_open:
            self._by_text.add(connection)
        if tags and (is_open or connection in self._by_text):
            self._keep(connection, tags)
        if not is_open or _may_commit(connection, footprint):
            due = tags.union(*self._tags_kept(connection))
            if due:
                announcer.announce(due)
        if footprint.boundary is Boundary.ENDS and not is_open:
            self._forget(connection)

    def ended(self, connection: BaseDatabaseWrapper, *, committed: bool) -> None:
        """Announce once for the transaction."""
        kept = self._tags_kept(connection)
        self._forget(connection)
        if committed and kept:
            announcer.announce(frozenset().union(*kept))

    def undone(self, connection: BaseDatabaseWrapper, savepoint: str) -> None:
        """Forget what was written under the savepoint."""
        if connection in self._pending:
            self._pending[connection] = [
                item for item in self._pending[connection] if savepoint not in item[0]
            ]

    def add(self, tags: frozenset[str]) -> None:
        """Announce tags again when the open transactions of this thread commit."""
        for connection in connections.all(initialized_only=True):
            if connection.connection is not None and database.in_transaction(connection):
                self._keep(connection, tags)

    def unannounced(self) -> frozenset[str]:
        """Return the tags that the connections of this thread wrote and did not announce yet."""
        if not self._pending:
            return frozenset()
        connected = connections.all(initialized_only=True)
        return frozenset().union(*(tags for one in connected for tags in self._tags_kept(one)))

    def _keep(self, connection: BaseDatabaseWrapper, tags: frozenset[str]) -> None:
        under = frozenset(connection.savepoint_ids)
        self._pending.setdefault(connection, []).append((under, tags))

    def _tags_kept(self, connection: BaseDatabaseWrapper) -> list[frozenset[str]]:
        return [tags for _, tags in self._pending.get(connection, ())]

    def _forget(self, connection: BaseDatabaseWrapper) -> None:
        self._pending.pop(connection, None)
        self._by_text.discard(connection)


def _may_commit(connection: BaseDatabaseWrapper, footprint: Footprint) -> bool:
    """Whether a statement may have committed the transaction around it, as definitions do in MySQL."""
    is_boundary = footprint.boundary not in {Boundary.NONE, Boundary.SAVES}
    return footprint.opaque or (is_boundary and not connection.features.can_rollback_ddl)


announcer = Announcer()
writes = Writes()
_names: Names | None = None
_stores: dict[str, Store] = {}


def site_names() -> Names:
    """Return the names under which the site keeps what in its store."""
    global _names  # noqa: PLW0603 one for the process
    if _names is None:
        config = conf.get()
        _names = Names(config.prefix, config.options.RELEASE, canonical)
    return _names


def site_store(alias: str | None = None) -> Store:
    """Return the store of an alias; without one the store that holds the site's versions."""
    options = conf.get().options
    name = alias or options.CACHE
    if (store := _stores.get(name)) is None:
        store = _stores[name] = open_store(name, budget=options.STORE_BUDGET)
    return store


def invalidate(*targets: Target) -> None:
    """Make every page unservable that depends on the targets, in all processes.

    A target is a tag (`"blog.article"`, `"blog.article:42"`, or a name of your own used with `depends_on`), a model
    class or a model instance. Inside `atomic` it works at once and again at commit.
    """
    tags = tags_to_drop(targets)
    writes.add(tags)
    announcer.announce(tags)


async def ainvalidate(*targets: Target) -> None:
    """Do the same as `invalidate` on the event loop."""
    tags = tags_to_drop(targets)
    writes.add(tags)
    await announcer.aannounce(tags)


def purge(*paths: str) -> None:
    """Drop the stored pages of URL paths; without any, of the whole site.

    A path comes with its script name; what follows a `?` does not count.
    Raises ValueError for what is no path.
    """
    announcer.announce(tags_of_paths(paths))


async def apurge(*paths: str) -> None:
    """Do the same as `purge` on the event loop."""
    await announcer.aannounce(tags_of_paths(paths))


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    global _names  # noqa: PLW0603 one for the process
    _names = None
    while _stores:
        _stores.popitem()[1].close()
