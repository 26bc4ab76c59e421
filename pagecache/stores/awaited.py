"""Lines on an event loop: those who ask at the same moment share one, and each gets the answers to its own commands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as ClosedError

from pagecache.stores.base import Steps
from pagecache.stores.lines import IDENTITY, QUIET, WHO, Command, Origin, hold_to, packed, prefix_of
from pagecache.stores.reader import reader_of

T = TypeVar("T")

PIECE = 16384  # bytes that are read at once: of more, what is read would be moved about in memory
TURNS = 2  # of a loop, in which it sees what has come meanwhile


class Waiter:
    """Commands, and who awaits their answers; nobody, where the line itself asks."""

    __slots__ = ("count", "data", "future", "sent")

    def __init__(self, data: bytes, count: int, future: asyncio.Future[list[Any]] | None) -> None:
        self.data = data
        self.count = count  # of answers
        self.future = future
        self.sent = 0.0  # by the monotonic clock

    @property
    def is_over(self) -> bool:
        """Whether nobody awaits the answers."""
        return self.future is None or self.future.done()

    def fail(self, error: Exception) -> None:
        """Raise an error instead of answers."""
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


class AsyncLine(asyncio.Protocol):
    """A connection whose exchanges are awaited, many at a time: answers come in the order of the commands.

    Who asks while others wait is sent along with all who do so in the same turn of the loop. Answers to one that waits
    no more are read and dropped; where the line breaks, all fail who wait. Nobody waits longer than
    `limit` seconds, unless answers are coming.
    """

    origin: Origin | None
    prefix: str

    def __init__(self, connection: Any, limit: float) -> None:
        self._connection = connection
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._reader: Any = None
        self._nothing: object = None  # what the reader gives as long as no answer is whole
        self._pieces = 0  # that came
        self._unsent: list[Waiter] = []
        self._sent: deque[Waiter] = deque()
        self._answers: list[Any] = []  # to the first of them
        self._timer: asyncio.Handle | None = None
        self._used = 0.0
        self._users = 0
        self._is_left = False
        self._error: Exception | None = None  # that broke it
        self.origin = None
        self.prefix = ""

    async def open(self) -> None:
        """Connect, and learn who answers."""
        connection = self._connection
        await connection.connect()
        self._reader = reader_of(connection)
        self._nothing = self._reader.gets()
        if connection._reader.at_eof():  # noqa: SLF001 it would not be told again
            raise ClosedError
        self._transport = connection._writer.transport  # noqa: SLF001 redis-py gives no other way
        self._transport.set_protocol(self)
        self._used = monotonic()
        self.prefix = prefix_of(await self.exchange(IDENTITY))

    def exchange(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """Send the commands and return what their answers come in; an error that the server answers is a value."""
        if self._is_lost():
            raise self._error or ClosedError("closed")
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._unsent.append(Waiter(packed(self.prefix, commands), len(commands), future))
        if len(self._unsent) == 1:
            if self._sent:
                self._loop.call_soon(self._send)
            else:
                self._send()
        return future

    def _send(self) -> None:
        """Send what those want to know who wait; on a line that was quiet also who answers, of which all depend."""
        waiters = [waiter for waiter in self._unsent if not waiter.is_over]
        self._unsent.clear()
        if not waiters:
            return
        now = monotonic()
        if now - self._used >= QUIET:
            waiters.insert(0, Waiter(packed(self.prefix, IDENTITY), len(IDENTITY), None))
        for waiter in waiters:
            waiter.sent = now
        self._sent += waiters
        if self._timer is None:
            self._timer = self._loop.call_later(self._limit, self._look)
        self._transport.write(b"".join([waiter.data for waiter in waiters]))

    def data_received(self, data: bytes) -> None:
        """Give the answers that came to whoever waits for them."""
        self._pieces += 1
        try:
            for at in range(0, len(data), PIECE):
                self._reader.feed(data[at : at + PIECE])
                self._take()
        except Exception as error:  # noqa: BLE001 whatever it is, nobody knows whose answer comes next
            self._break(error)

    def _take(self) -> None:
        """Take the answers that are whole, each for the first who still waits for some."""
        answers, sent = self._answers, self._sent
        while (answer := self._reader.gets()) is not self._nothing:
            if isinstance(answer, ClosedError):  # it is loading its data, or wants to know who asks
                raise answer
            if not sent:
                raise ClosedError("an answer that nobody asked for")
            answers.append(answer)
            if len(answers) == sent[0].count:
                self._give(sent.popleft(), answers.copy())
                answers.clear()

    def _give(self, waiter: Waiter, answers: list[Any]) -> None:
        self._used = waiter.sent
        if waiter.future is None:
            hold_to(self.prefix, answers)
        elif not waiter.future.done():
            waiter.future.set_result(answers)

    def connection_lost(self, error: Exception | None) -> None:
        """Take note that it is closed."""
        self._break(ClosedError("closed") if error is None else ClosedError(type(error).__name__))

    def _break(self, error: Exception) -> None:
        """Let all fail who wait, and nobody else be answered."""
        if self._error is not None:
            return
        self._error = error
        if self._timer is not None:
            self._timer.cancel()
        for waiter in (*self._sent, *self._unsent):
            waiter.fail(error)
        self._sent.clear()
        self._unsent.clear()
        self._transport.abort()  # TLS would wait for the other side, and the loop may end before

    def _look(self) -> None:
        """Look for those who have waited for too long; come again while somebody waits, and not else."""
        self._timer = None
        first = next((waiter for waiter in self._sent if not waiter.is_over), None)
        if first is None:
            return
        left = first.sent + self._limit - monotonic()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._timer = self._loop.call_soon(self._let_come, TURNS, self._pieces)

    def _let_come(self, turns: int, pieces: int) -> None:
        """Give up on those who have waited for too long, once no more comes: the loop may have been busy."""
        if self._pieces != pieces:
            turns = TURNS
        if turns:
            self._timer = self._loop.call_soon(self._let_come, turns - 1, self._pieces)
            return
        until, error = monotonic() - self._limit, TimeoutError()  # one and the same for all
        for waiter in self._sent:
            if waiter.sent <= until:
                waiter.fail(error)
        self._look()

    async def drive(self, steps: Steps[T]) -> T:
        """Perform the steps of a verb."""
        answers: Any = None
        self._users += 1
        try:
            while True:
                try:
                    commands = steps.send(answers)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                answers = self.prefix if commands is WHO else await self.exchange(commands)
        finally:
            self._users -= 1
            if self._is_left and not self._users:
                await self._close()

    def is_ready(self) -> bool:
        """Whether it is open and was in use a moment ago."""
        return not self._is_lost() and monotonic() - self._used < QUIET

    def _is_lost(self) -> bool:
        return self._error is not None or self._transport.is_closing()

    async def is_closed(self) -> bool:
        """Whether the server has closed it meanwhile."""
        if not self.is_ready():
            # The loop may have paused as well: let it see the end of the stream.
            for _ in range(TURNS):
                await asyncio.sleep(0)
        return self._is_lost()

    async def close(self) -> None:
        """Close the connection once nobody waits for an answer any more."""
        self._is_left = True
        if not self._users:
            await self._close()

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        writer = getattr(self._connection, "_writer", None)
        await self._connection.disconnect(nowait=True)
        if writer is not None:  # which an opening that was given up may have, too
            writer.transport.abort()


@asynccontextmanager
async def patiently(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError once what is awaited inside takes longer; an answer that has come meanwhile counts.

    A loop that is busy with something else looks at both when it is back: at the time first, if it were asked to.
    """
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def over() -> None:
        timers.append(loop.call_later(0, lambda: limit.reschedule(loop.time())))

    async with asyncio.timeout(None) as limit:
        timers.append(loop.call_later(seconds, over))
        try:
            yield
        finally:
            timers[-1].cancel()
