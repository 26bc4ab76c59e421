"""What is done behind the visitors' backs: on a few threads, or as tasks of an event loop."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from threading import Lock, Thread
from typing import Any

from django.db import connections

from pagecache.events import logger

THREADS = 2  # of a process, at a time
MOST = 16  # jobs that wait or run
NAME = "pagecache"  # of each thread
FAILED = "A page could not be made anew behind its visitors' backs; one of them gets the view's answer, later."

Job = Callable[[], object]
Task = Callable[[], Coroutine[Any, Any, object]]


class Background:
    """Jobs that nobody waits for: so many at a time, each in a context of its own. They end with the process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a process that was forked has none of the threads."""
        self._lock = Lock()
        self._jobs: deque[Job] = deque()
        self._threads = 0
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def has_room(self) -> bool:
        """Whether one more would be done soon."""
        return len(self._jobs) + self._threads + len(self._tasks) < MOST

    def begin(self, job: Job) -> None:
        """Do something on a thread; it is left undone where there is much to do already, or no thread to be had."""
        with self._lock:
            if not self.has_room:
                return
            self._jobs.append(job)
            if self._threads == THREADS:
                return
            self._threads += 1
        try:
            Thread(target=self._work, name=NAME, daemon=True).start()
        except RuntimeError:  # the process ends, or may have no more
            logger.exception(FAILED)
            with self._lock, suppress(ValueError):  # another thread may have it
                self._threads -= 1
                self._jobs.remove(job)

    def begin_on(self, loop: asyncio.AbstractEventLoop, job: Task) -> None:
        """Do something on an event loop; on a thread if that is over, as one is that was begun for a single request."""
        try:
            loop.call_soon_threadsafe(self.begin_task, job)
        except RuntimeError:
            self.begin(lambda: asyncio.run(job()))

    def begin_task(self, job: Task) -> None:
        """Do something on the event loop that runs, likewise."""
        if self.has_room:
            task = asyncio.get_running_loop().create_task(_tried(job), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._threads -= 1
                    break
                job = self._jobs.popleft()
            try:
                Context().run(job)
            except BaseException:  # noqa: BLE001 nobody else would hear of it, and this thread is counted
                logger.exception(FAILED)
        connections.close_all()


async def _tried(job: Task) -> None:
    try:
        await job()
    except Exception:  # noqa: BLE001 the same
        logger.exception(FAILED)


background = Background()
os.register_at_fork(after_in_child=background.forget)
