"""Announces what triggers tell: each message gives tables and rows fresh versions, as a write of Django's would."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import NamedTuple

import psycopg
from django.db import close_old_connections, connections

from pagecache.announcing import announcer
from pagecache.contrib.triggers.channel import Channel
from pagecache.contrib.triggers.sql import FUNCTION
from pagecache.core.footprint import column_name, table_name
from pagecache.events import logger
from pagecache.rows import shape_of
from pagecache.tags import SITE, tags_told

SILENCE = 5.0  # seconds after which the server is asked whether it is still there
RETRY = 1.0  # seconds between attempts to announce what is owed
OUTDATED = f"The function {FUNCTION}() is that of another version of pagecache: renew it by a migration with Renew()."
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0  # seconds before the next attempt to connect


class Change(NamedTuple):
    """What a statement did: the keys of the rows that it changed, if they are known, and whether they may be gone."""

    table: str
    keys: frozenset[str] | None
    deleted: bool


class Listener:
    """Listens to the database of one alias; raises `psycopg.Error` where it is not there any more."""

    def __init__(self, alias: str) -> None:
        self._channel = Channel(connections[alias].get_connection_params())

    def close(self) -> None:
        """Listen no more."""
        self._channel.close()

    def open(self) -> dict[str, bool]:
        """Listen from now on, and announce all that is watched, for nobody listened before.

        In this order: what is written after LISTEN is told. Return the tables, and whether their triggers are up to
        date.
        """
        tables = self._channel.open()
        told = (tags_told(table_name(name), None, deleted=True) for name in tables)
        _announce(frozenset().union(*told))
        return tables

    def hear(self, seconds: float = SILENCE) -> None:
        """Wait for messages, and announce what they tell together with what is owed."""
        messages = self._channel.heard(min(RETRY, seconds) if announcer.owed else seconds)
        if not messages:
            self._channel.ask()
        _announce(_meant(messages))


def _announce(tags: frozenset[str]) -> None:
    if announcer.owed:
        close_old_connections()  # the cache may be away for a broken connection to its database
    if tags or announcer.owed:
        announcer.announce(tags)


def _meant(messages: Iterable[str]) -> frozenset[str]:
    """Return what messages mean together: rows that are too many for one table count as all of them."""
    try:
        told = list(map(_read, messages))
    except (ValueError, RecursionError):
        logger.warning("A message on the channel is not one of a trigger: the site is dropped.")
        return frozenset({SITE})
    found = frozenset[str]()
    for table in {change.table for change in told}:
        changes = [change for change in told if change.table == table]
        deleted = any(change.deleted for change in changes)
        found |= tags_told(table, _keys(changes), deleted=deleted)
    return found


def _keys(changes: Iterable[Change]) -> set[str] | None:
    keys: set[str] = set()
    for change in changes:
        if change.keys is None:
            return None
        keys.update(change.keys)
    return keys


def _read(message: str) -> Change:
    """Return what one message says; keys count only if the database takes the model's column for the key."""
    keys: frozenset[str] | None = None
    match told := json.loads(message):
        case {"table": str(name), "rows": [*rows]} if not rows or _is_key(name, told.get("key")):
            keys = frozenset(map(str, rows))
        case {"table": str(name)}:
            pass
        case _:
            raise ValueError
    return Change(table_name(name), keys, told.get("verb") not in {"INSERT", "UPDATE"})


def _is_key(table: str, column: object) -> bool:
    shape = shape_of(table_name(table))
    return shape is not None and isinstance(column, str) and shape.key == column_name(column)


def listen(alias: str, say: Callable[[str], object]) -> None:
    """Announce what is written to the database, until something ends the process; a lost connection is made anew."""
    delay = FIRST_DELAY
    while True:
        try:
            with closing(Listener(alias)) as listener:
                tables = listener.open()
                say(f"Listening to what is written to {_listed(tables)}.")
                if not all(tables.values()):
                    say(OUTDATED)
                delay = FIRST_DELAY
                while True:
                    listener.hear()
        except psycopg.Error as error:
            _announce(frozenset())  # what is owed does not wait for the database
            pause = min(RETRY, delay) if announcer.owed else delay
            say(f"The database {alias!r} is lost: {_line(error)}. Trying again in {pause:g} s.")
            time.sleep(pause)
            delay = min(2 * delay, LONGEST_DELAY)


def _listed(tables: Iterable[str]) -> str:
    return ", ".join(tables) or "nothing: no migration has a Watch"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
