"""Lines to a Redis: commands as bytes, packed here and sent at once, answers as they come.

A line is a connection and the prefix of all keys that go through it. The prefix names the server process and the
history that it continues: a restart from a snapshot, a failover or a return to an earlier server starts afresh. A
connection may outlive all these but the first, so that a line that was not used for a while asks again who answers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

from pagecache.stores.base import Pausing, Refused, Steps
from pagecache.stores.talk import PlainTalk, Talk, talk_of

T = TypeVar("T")

# What the command is, its keys, what follows them.
Command = tuple[tuple[str, ...], Sequence[str], tuple[bytes, ...]]


class Questions(tuple[Command, ...]):
    """Commands that are asked again and again: with keys in a tuple, and no values."""

    __slots__ = ()


QUIET = 1.0  # seconds without use in which a server does not fail over and back, nor closes a line
ELSEWHERE = "another server answers than before"
IDENTITY: tuple[Command, ...] = (
    (("INFO", "server"), (), ()),
    (("INFO", "replication"), (), ()),
)

# A write that changes nothing, which only the node that takes writes answers: one that became a replica refuses it, and
# so does one that lost its replicas where `min-replicas-to-write` says so.
TAKES_WRITES: Command = (("PERSIST",), ("nothing",), ())
WHO: Any = object()  # a step that asks nobody: for the prefix of the line


class Origin:
    """The server that is known to answer now; lines of an earlier one are closed, not used."""

    __slots__ = ("prefix",)

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


class Line:
    """A connection whose exchanges block."""

    __slots__ = ("_connection", "_talk", "_used", "origin", "prefix")
    protocol = 2
    _talk: Talk | PlainTalk

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._used = 0.0
        self.origin: Origin | None = None
        self.prefix = ""

    def open(self) -> None:
        """Connect, and learn who answers."""
        self._connection.connect()
        self._used = time.monotonic()
        self._begin()
        self.prefix = prefix_of(self.exchange(IDENTITY))

    def _begin(self) -> None:
        self._talk = talk_of(self._connection)

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands at once and return the answers; an error that the server answers is a value."""
        return self.answers(self.send(commands), len(commands))

    def send(self, commands: Sequence[Command]) -> int:
        """Send the commands, after a while behind the question who answers; return how many answers come before."""
        asked = IDENTITY if time.monotonic() - self._used >= QUIET else ()
        self._talk.send(packed(self.prefix, (*asked, *commands) if asked else commands))
        return len(asked)

    def answers(self, before: int, count: int) -> list[Any]:
        """Return so many answers, behind those that say who answers; who does not tell is asked again."""
        answers = self._talk.answers(before + count)
        if before:
            hold_to(self.prefix, answers[:before])
        self._used = time.monotonic()
        return answers[before:]

    def drive(self, steps: Steps[T], *, alone: bool = False) -> Pausing[T]:
        """Perform the steps of a verb, for the only thread of the process that performs any, or for one of many.

        It pauses whenever something is asked.
        """
        self._talk.looks = alone
        answers: Any = None
        while True:
            try:
                commands = steps.send(answers)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if commands is WHO:
                answers = self.prefix
            else:
                before = self.send(commands)
                yield
                answers = self.answers(before, len(commands))

    def is_closed(self) -> bool:
        """Whether the server has closed it meanwhile."""
        return time.monotonic() - self._used >= QUIET and self._talk.is_closed()

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()


def hold_to(prefix: str, said: Sequence[Any]) -> None:
    """Refuse where a server that was asked says that it is not the one of the prefix any more."""
    if prefix_of(said) != prefix:
        raise Refused(ELSEWHERE)


def packed(prefix: str, commands: Sequence[Command]) -> bytes:
    """Return the commands as they are sent, with the prefix before each key."""
    if type(commands) is Questions:
        return _packed_questions(prefix, commands)
    parts: list[bytes] = []
    for words, keys, rest in commands:
        parts.append(_head(prefix, words, tuple(keys), len(rest)))
        for value in rest:
            parts += (b"$%d\r\n" % len(value), value, b"\r\n")
    return b"".join(parts)


@lru_cache(4096)
def _packed_questions(prefix: str, questions: Questions) -> bytes:
    """Return questions as they are sent; remembered, for a page that is asked for again needs the same."""
    return b"".join(_begin(prefix, words, tuple(keys), 0) for words, keys, _ in questions)


def _begin(prefix: str, words: tuple[str, ...], keys: tuple[str, ...], more: int) -> bytes:
    """Return the beginning of a command."""
    head = [f"${len(word)}\r\n{word}\r\n" for word in words]
    named = [f"${len(prefix) + len(key)}\r\n{prefix}{key}\r\n" for key in keys]
    return "".join((f"*{len(words) + len(keys) + more}\r\n", *head, *named)).encode("ascii")


_head = lru_cache(4096)(_begin)  # for a page that is made anew needs the same keys


def checked(answers: Sequence[Any]) -> Sequence[Any]:
    """Return the answers unless one is an error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def prefix_of(answers: Sequence[Any]) -> str:
    """Return the prefix from what the server says of itself."""
    facts = dict(
        line.split(b":", 1)
        for text in checked(answers)
        for line in text.splitlines()
        if b":" in line
    )
    if facts.get(b"role") == b"slave":
        raise Refused("the server is a replica, and versions are read where they are written")
    if not facts.get(b"run_id"):
        raise Refused("the server does not tell its run_id")
    identity = facts[b"run_id"] + b" " + facts.get(b"master_replid", b"")
    return blake2b(identity, digest_size=8).hexdigest() + ":"
