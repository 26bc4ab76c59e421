"""A server that answers when a test lets it: it speaks as a Redis does, on the event loop of the test."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import hiredis

OK = b"+OK\r\n"


class Held:
    """A connection to the server, and the commands on it that are not answered yet."""

    def __init__(self, server: Server, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._writer = writer
        self.commands: deque[list[bytes]] = deque()

    def heard(self, commands: list[list[bytes]]) -> None:
        self.commands += commands
        while self.commands and self.commands[0][0] not in self._server.holds:
            self.answer(1)

    def answer(self, most: int = 1000) -> None:
        """Answer so many commands at once, in their order."""
        count = min(most, len(self.commands))
        self.say(b"".join(self._server.said(self.commands.popleft()) for _ in range(count)))

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    def end(self) -> None:
        """Say no more."""
        self._writer.close()

    def close(self) -> None:
        self._writer.transport.abort()


class Server:
    """A server with a value under each key."""

    def __init__(self) -> None:
        self.holds: set[bytes] = (
            set()
        )  # what is not answered before the test says so, nor is what follows
        self.run_id = b"1"
        self.takes_writes = OK
        self.held: list[Held] = []
        self.open = 0
        self.port = 0
        self._changed = asyncio.Condition()

    async def until(self, number: int, *, on: int = 0) -> Held:
        """Wait until so many commands are held on a connection; return that."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: len(self.held) > on and len(self.held[on].commands) >= number
            )
        return self.held[on]

    async def until_open(self, number: int) -> None:
        """Wait until so many connections are open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.open == number)

    def said(self, command: list[bytes]) -> bytes:
        """Return the answer to a command."""
        match command[0]:
            case b"MGET":
                values = (value_of(key.partition(b":")[2]) for key in command[1:])
                return b"*%d\r\n" % (len(command) - 1) + b"".join(map(_bulk, values))
            case b"INFO":
                return _bulk(
                    b"run_id:%b\r\n" % self.run_id
                    if command[1] == b"server"
                    else b"role:master\r\nmaster_replid:1\r\n"
                )
            case b"PERSIST":
                return self.takes_writes
        return OK

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one, parser = Held(self, writer), hiredis.Reader()
        self.held.append(one)
        await self._tell(1)
        try:
            while data := await _read(reader):
                parser.feed(data)
                commands: list[Any] = []
                while (command := parser.gets()) is not False:
                    commands.append(command)
                one.heard(commands)
                await self._tell(0)
        finally:
            writer.transport.abort()
            await self._tell(-1)

    async def _tell(self, more: int) -> None:
        self.open += more
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[Server, str]]:
    """Run a server; give it and its URL."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server, f"redis://127.0.0.1:{server.port}/0"
    finally:
        listener.close()
        for held in server.held:
            held.close()
        await server.until_open(0)


def value_of(key: bytes) -> bytes:
    return b"the value of " + key


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)
