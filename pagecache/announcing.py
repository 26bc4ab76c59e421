"""Announcing: tags get fresh versions in the site's store, and what did not get through is owed until it does."""

import atexit
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import NamedTuple, Self

from django.db import OperationalError
from django.dispatch import receiver

from pagecache import conf
from pagecache.core.vector import Marking
from pagecache.events import logger, settings_reloaded
from pagecache.news import Noted
from pagecache.stores import Store, StoreError, open_store
from pagecache.stores.waiting import current_patience
from pagecache.tags import SITE, canonical, is_of_data
from pagecache.versions import STAR, VERSION_SECONDS, Names, fresh

BYTES_PER_VERSION = 1000  # of LOCAL_BYTES, for each version that a process remembers
MOST_OWED = 10_000  # tags and transactions; beyond it the site is dropped once the server is back

REFUSED = (
    "The cache server could not be told beforehand, so nothing was written or invalidated: {}. Try again when it is "
    "back, or set PAGECACHE['ON_INVALIDATION_FAILURE'] to 'log'."
)
IN_VAIN = "this request has waited for the cache server in vain before"


class InvalidationError(OperationalError):
    """A write was not sent, nor `invalidate` done in a transaction, since the cache server could not be told before.

    Raised only with `TWO_PHASE`, where `ON_INVALIDATION_FAILURE` is "raise".
    """


# The key of `*`, fresh versions, their life in seconds, what becomes of marks.
Announcement = tuple[str, dict[str, bytes], float, Marking | None]


class Due(NamedTuple):
    """What is to be announced: tags, the ids of the transactions that ended, and tags whose data moves softly."""

    tags: frozenset[str] = frozenset()
    ended: frozenset[bytes] = frozenset()
    soft: frozenset[str] = frozenset()

    @property
    def moved(self) -> frozenset[str]:
        """All tags whose data moves, softly or not."""
        return self.tags | self.soft

    def bounded(self) -> Self:
        """Return it, or the site in its place where it is too much to keep: marks lapse by themselves."""
        is_much = len(self.tags) + len(self.ended) >= MOST_OWED
        return type(self)(frozenset({SITE})) if is_much else self


@contextmanager
def _waiting() -> Iterator[Store]:
    """Wait for the store that is given, inside; raises StoreError where the request has done so in vain."""
    store, request = site_store(), current_patience()
    if request is not None and request.is_spent():
        raise StoreError(IN_VAIN)
    began = monotonic()
    try:
        yield store
    except BaseException:
        if request is not None:
            request.waited(monotonic() - began, store.limit)
        raise


class Announcer:
    """Announces tags to the store, and keeps what did not get through until it does."""

    def __init__(self) -> None:
        # What did not get through: as long as there is some, this process neither serves nor stores.
        self.owed: Noted[object, Due] = Noted()
        self._can_mark = True
        self.latest = object()  # another one whenever an announcement begins or ends

    def announce(
        self,
        tags: Iterable[str] = (),
        ended: frozenset[bytes] = frozenset(),
        soft: frozenset[str] = frozenset(),
    ) -> None:
        """Give the tags, and all that is owed, fresh versions; what fails is logged and owed.

        The marks of the transactions that `ended` are taken off. Pages of `soft` tags may be served while they are made
        anew, if the store can tell them, and this gets through at once.
        """
        with self._attempt(Due(frozenset(tags), ended, soft)) as announcement, _waiting() as store:
            store.announce(*announcement)

    async def aannounce(self, tags: Iterable[str] = (), soft: frozenset[str] = frozenset()) -> None:
        """Do the same on the event loop."""
        due = Due(frozenset(tags), soft=soft)
        with self._attempt(due) as announcement, _waiting() as store:
            await store.aannounce(*announcement)

    def mark(self, tags: frozenset[str], by: bytes) -> bool:
        """Unsettle the versions of tags, before the transaction with this id writes to them; return whether it worked.

        Raises InvalidationError if it did not and the site wants to have such a write refused.
        """
        try:
            with _waiting() as store:
                store.announce(*_announcement(tags, by=by))
        except Exception as error:
            if conf.get().options.ON_INVALIDATION_FAILURE == "raise":
                raise InvalidationError(REFUSED.format(error)) from error
            if self._can_mark:
                logger.warning(
                    "Writes cannot be marked before they are sent, until that works again: %s",
                    error,
                )
            self._can_mark = False
        else:
            self._can_mark = True
        return self._can_mark

    @contextmanager
    def _attempt(self, due: Due) -> Iterator[Announcement]:
        """Repeat what failed before whole, with fresh versions; owe all of it again unless this gets through."""
        self.latest = object()
        owed = dict(self.owed)
        tags = due.tags.union(*(one.tags for one in owed.values()))
        ended = due.ended.union(*(one.ended for one in owed.values()))
        try:
            yield _announcement(tags, ended=ended, soft=due.soft - tags)
        except BaseException as error:
            self.owed[object()] = Due(tags | due.soft, ended).bounded()
            self._paid(owed)
            if not isinstance(error, Exception):
                raise
            if not owed:  # the write itself has happened, and must not fail for it
                logger.error(
                    "A write could not be announced; pages are neither served nor stored until it is: %s",
                    error,
                )
        else:
            self._paid(owed)
        finally:
            self.latest = object()

    def _paid(self, owed: Iterable[object]) -> None:
        """Forget failures that got through, or that a later one holds; one that came meanwhile stays."""
        for token in owed:
            self.owed.pop(token, None)


def _announcement(
    tags: frozenset[str],
    *,
    by: bytes = b"",
    ended: frozenset[bytes] = frozenset(),
    soft: frozenset[str] = frozenset(),
) -> Announcement:
    """Return what the store is to announce: somebody is about to write (`by`), or transactions have ended."""
    names, doubt = site_names(), conf.get().doubt
    versions = {names.version(name): fresh() for name in (STAR, *sorted(tags))}
    moved = {names.version(tag): names.softly(tag) for tag in sorted(soft)}
    for key in versions.keys() & moved.keys():  # by another name of the same table
        del moved[key]
    versions |= {key: fresh(soft=True) for key in moved}
    if not site_store().can_mark:
        moved.clear()
    if not doubt and not moved:
        return names.version(STAR), versions, VERSION_SECONDS, None
    certain = (names.version(tag) for tag in tags | soft if not doubt or not is_of_data(tag))
    marking = Marking(doubt, by, ended, frozenset(certain), moved)
    return names.version(STAR), versions, VERSION_SECONDS, marking


announcer = Announcer()


@atexit.register
def _try_once_more() -> None:
    """Tell what is owed before the process ends, for nobody else knows of it."""
    if announcer.owed:
        announcer.announce()


_names: Names | None = None
_stores: dict[str, Store] = {}
_opening = Lock()


def site_names() -> Names:
    """Return the names under which the site keeps what in its store."""
    global _names  # noqa: PLW0603 one for the process
    if _names is None:
        config = conf.get()
        _names = Names(config.prefix, config.options.RELEASE, canonical)
    return _names


def site_store(alias: str | None = None) -> Store:
    """Return the store of an alias; without one the store that holds the site's versions.

    Raises what `open_store` raises, and ImproperlyConfigured where `LOCAL` is "push" and the store tells of no changes.
    """
    options = (conf.last or conf.get()).options
    name = alias or options.CACHE
    if (store := _stores.get(name)) is None:
        with _opening:  # many may ask at once for what is not there yet
            if (store := _stores.get(name)) is None:
                store = open_store(name, budget=options.STORE_BUDGET)
                if name == options.CACHE and options.LOCAL == "push":
                    most = max(1, options.LOCAL_BYTES // BYTES_PER_VERSION)
                    store.listen(site_names().of_versions, options.PUSH_BOUND, most)
                _stores[name] = store
    return store


@receiver(settings_reloaded)
def _forget(**_kwargs: object) -> None:
    global _names  # noqa: PLW0603 one for the process
    _names = None
    while _stores:
        _stores.popitem()[1].close()
