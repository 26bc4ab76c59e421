"""A line between the site and its database server, which can lose an answer, or go dead without being cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from tests.servers import HOST, PATIENCE


class Line:
    """Hands on all that is said, until it loses an answer: then it ends, as where a cable is cut."""

    def __init__(self, database: Mapping[str, Any]) -> None:
        self._database = database
        self._losing: bytes | None = None
        self._has_lost = False
        self._talking: set[socket.socket] = set()  # sockets whose words are handed on
        self._door = socket.create_server((HOST, 0))
        self._threads = [Thread(target=self._open)]
        self._threads[0].start()

    @property
    def port(self) -> str:
        return str(self._door.getsockname()[1])

    def lose_answer_to(self, text: str) -> None:
        """Hand on the next message with this text; the server's answer to it ends the line."""
        self._losing = text.encode()

    def stall(self) -> None:
        """Let the connections that are there go dead; new ones are well."""
        self._talking.clear()

    def close(self) -> None:
        """Let nobody in any more, and wait for those who are to leave."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _open(self) -> None:
        with suppress(OSError):
            while True:
                site, _ = self._door.accept()
                talk = Thread(target=self._talk, args=(site, _server(self._database)))
                self._threads.append(talk)
                talk.start()

    def _talk(self, site: socket.socket, server: socket.socket) -> None:
        """Let both sides talk until one of them hangs up."""
        with site, server:
            self._talking |= {site, server}
            answers = Thread(target=self._hand_back, args=(server, site))
            answers.start()
            with suppress(OSError):
                while said := site.recv(65536):
                    self._has_lost |= self._losing is not None and self._losing in said
                    if site in self._talking:
                        server.sendall(said)
            _hang_up(server)
            answers.join(PATIENCE)

    def _hand_back(self, server: socket.socket, site: socket.socket) -> None:
        with suppress(OSError):
            while (said := server.recv(65536)) and not self._has_lost:
                if server in self._talking:
                    site.sendall(said)
        self._losing, self._has_lost = None, False
        _hang_up(site)


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _server(database: Mapping[str, Any]) -> socket.socket:
    """Connect to the server as Django's settings say, by a path or by a host."""
    host, port = str(database["HOST"]), str(database["PORT"])
    if not host.startswith("/"):
        return socket.create_connection((host, int(port)), PATIENCE)
    postgresql = str(database["ENGINE"]).endswith("postgresql")
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(PATIENCE)
    server.connect(f"{host}/.s.PGSQL.{port}" if postgresql else host)
    return server


@contextmanager
def line_to(database: dict[str, Any]) -> Iterator[Line]:
    """Lead the way to a database over a line, from the next connection on."""
    line, before = Line({**database}), {**database}
    options = {"sslmode": "disable"} if str(database["ENGINE"]).endswith("postgresql") else {}
    database.update(HOST=HOST, PORT=line.port, OPTIONS={**database["OPTIONS"], **options})
    try:
        yield line
    finally:
        database.update(before)
        line.close()
