"""A connection to PostgreSQL that does nothing but listen."""

import time
from collections.abc import Mapping
from select import select
from typing import Any

import psycopg

from pagecache.contrib.triggers.sql import BODY, CHANNEL, WATCHED

PATIENCE = 5  # seconds that the server may take for an answer
PARAMS = {
    "application_name": "pagecache_listen",
    "connect_timeout": PATIENCE,
    "tcp_user_timeout": PATIENCE * 1000,
}


class Channel:
    """Hears the messages of triggers; raises `psycopg.Error` once the connection is lost.

    What psycopg has for it has no time limit for a question, and a connection that nobody cut may still be dead.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._messages: list[str] = []
        self._connection = psycopg.connect(**{**PARAMS, **params, "autocommit": True})
        self._connection.add_notify_handler(self._take)  # messages that come with an answer
        self._server = self._connection.pgconn

    def _take(self, notify: psycopg.Notify) -> None:
        self._messages.append(notify.payload)

    def close(self) -> None:
        """Hear no more."""
        self._connection.close()

    def open(self) -> dict[str, bool]:
        """Listen from now on; return the names of the tables that have triggers, and whether these are up to date."""
        self._connection.execute(f"LISTEN {CHANNEL}")
        return dict(self._connection.execute(WATCHED, [BODY]).fetchall())

    def heard(self, seconds: float) -> list[str]:
        """Return the messages that are there; if there are none, those that come first, within so many seconds."""
        self._collect()
        if not self._messages:
            self._receive(seconds)
        heard, self._messages = self._messages, []
        return heard

    def ask(self) -> None:
        """Ask the server whether it is there; raises OperationalError if it does not say so in time."""
        self._server.send_query(b"")
        deadline = time.monotonic() + PATIENCE
        while self._is_awaited(deadline) or self._server.get_result() is not None:
            pass

    def _is_awaited(self, deadline: float) -> bool:
        """Whether there is no answer yet; waits for a part of it."""
        if not self._server.is_busy():
            return False
        if not self._receive(max(0, deadline - time.monotonic())):
            raise psycopg.OperationalError(f"the server did not answer for {PATIENCE} s")
        return True

    def _receive(self, seconds: float) -> bool:
        """Whether anything came within so many seconds."""
        if not select([self._server.socket], [], [], seconds)[0]:
            return False
        self._server.consume_input()
        self._collect()
        return True

    def _collect(self) -> None:
        while (notify := self._server.notifies()) is not None:
            self._messages.append(notify.extra.decode())
