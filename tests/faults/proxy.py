"""A TCP proxy before a Redis, that delays, cuts, corrupts and swallows what goes through it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Self

from tests.servers import HOST, free_port

# What becomes of a piece of what is said: other bytes, none, or (None) the end of the connection.
Change = Callable[[bytes], bytes | None]


COMMAND = re.compile(rb"\*\d+\r\n\$")


def as_it_is(piece: bytes) -> bytes:
    """Pass it on."""
    return piece


class Proxy:
    """Listens on a port of its own and speaks to a server, each client over a connection of its own.

    `asking` is applied to what clients say, `answering` to what the server says. With `refusal`, an error, each command
    is answered by that, and the server hears nothing.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self.asking: Change = as_it_is
        self.answering: Change = as_it_is
        self.refusal: bytes | None = None
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()

    def listen(self) -> None:
        """Take connections from now on."""
        listener = self._listener = socket.create_server((HOST, self.port), reuse_port=True)
        Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """End the connections that are open."""
        for one in tuple(self._open):
            self._end(one)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open |= {client, server}
            for source, sink, name in ((client, server, "asking"), (server, client, "answering")):
                Thread(target=self._pump, args=(source, sink, name), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if name == "asking" and self.refusal is not None:
                    source.sendall(self.refusal * len(COMMAND.findall(piece)))
                    continue
                changed = getattr(self, name)(piece)
                if changed is None:
                    break
                sink.sendall(changed)
        self._end(source)
        self._end(sink)

    def _end(self, one: socket.socket) -> None:
        self._open.discard(one)
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
