"""Pages that processes hold, with writes in another one: how old they can be, whatever happens to the process."""

from __future__ import annotations

import json
import os
import signal
import statistics
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import pytest

from pagecache import invalidate
from pagecache.stores.heard import clock
from tests.beside import Worker
from tests.stores.instances import Instance
from tests.until import until

pytestmark = pytest.mark.django_db
BOUND = 0.4


@pytest.fixture(scope="module")
def server() -> Generator[Instance]:
    with Instance() as instance:
        yield instance


class Other:
    """A process of the site that holds a page."""

    def __init__(self, worker: Worker) -> None:
        self.pid = worker.pid
        self.ask = worker.tell
        self._hear = worker.hear

    def answer(self) -> tuple[int, bool]:
        """Return the value that the page shows, and whether no trip was made for it."""
        value, stands = json.loads(self._hear())
        return int(value), stands

    def get(self) -> tuple[int, bool]:
        self.ask()
        return self.answer()

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture(params=["validate", "push"])
def other(request: pytest.FixtureRequest, settings: Any, server: Instance) -> Generator[Other]:
    server.admin.flushall()
    server.admin.set("data", 0)
    settings.CACHES = {"default": {**server.backend, "KEY_PREFIX": uuid4().hex}}
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 20, "WAIT_SECONDS": 0}
    url = server.backend["LOCATION"]
    how = {"LOCAL": request.param, "PUSH_BOUND": BOUND}
    with Worker(settings, "-u", "-m", "tests.holding", url, **how) as worker:
        yield (other := Other(worker))
        other.go_on()  # so that it can end


def hold(other: Other) -> None:
    """Let it be asked until it holds the page, and makes no trip for it."""
    until(lambda: other.get()[1], "it does not hold the page")


def write(server: Instance, value: int) -> float:
    """Write and announce it; return when the call was over."""
    server.admin.set("data", value)
    invalidate("data")
    return clock()


@pytest.mark.parametrize("other", ["push"], indirect=True)
def test_nothing_older_than_the_bound_is_served(server: Instance, other: Other) -> None:
    windows = []
    for value in range(1, 60):
        hold(other)
        written = last_old = write(server, value)
        while True:
            asked = clock()
            if other.get()[0] == value:
                break
            last_old = asked
            assert asked - written < BOUND
        windows.append((last_old - written) * 1000)
    p99 = statistics.quantiles(windows, n=100)[98]
    print(f"old answers came until {statistics.median(windows):.2f} ms later, p99 {p99:.2f} ms")


@pytest.mark.parametrize("other", ["push"], indirect=True)
def test_a_process_that_was_stopped_serves_nothing_old_when_it_goes_on(
    server: Instance, other: Other
) -> None:
    for value in range(1, 12):
        hold(other)
        other.stop()
        written = write(server, value)
        other.ask()
        until(lambda end=written + BOUND: clock() > end, "time goes on")  # type: ignore[misc]
        other.go_on()
        assert other.answer()[0] == value


@pytest.mark.parametrize("other", ["validate"], indirect=True)
def test_nothing_old_is_served_at_all_where_the_store_is_asked(
    server: Instance, other: Other
) -> None:
    for value in range(1, 50):
        other.get()
        other.get()
        write(server, value)
        assert other.get() == (value, False)


@pytest.mark.parametrize("other", ["push"], indirect=True)
def test_a_server_that_forgot_all_leaves_nothing_to_serve(server: Instance, other: Other) -> None:
    hold(other)
    server.admin.flushall()
    server.admin.set("data", 5)
    emptied = clock()
    until(lambda: other.get()[0] == 5 or clock() > emptied + BOUND, "time goes on")
    assert other.get()[0] == 5
