"""Old data that comes back, in every order of steps: an early snapshot, a server restarted from a copy, a replica."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse

from pagecache.announcing import announcer, site_store
from pagecache.bridge import visit
from pagecache.engine.drive import drive
from pagecache.engine.effects import Fetch
from pagecache.engine.flow import look_up_late, page
from pagecache.recording.recorder import Recorder
from pagecache.stores import lines
from tests.engine import orders
from tests.engine.orders import Actor, Search, Steps, cold, current, known
from tests.engine.visits import STORED, answer, data, get, visit_of
from tests.stores.instances import Instance

READER, WRITER = "reads_snapshots", "writes"


# What makes a connection keep a snapshot: SQLite does in this mode; the servers in transactions that are stricter than
# usual, also where a text begins them.
SNAPSHOTS: dict[str, dict[str, Any]] = {
    "sqlite": {"init_command": "PRAGMA journal_mode=WAL"},
    "postgresql": {"options": r"-c default_transaction_isolation=repeatable\ read"},
    "mysql": {"isolation_level": "repeatable read"},
}


@pytest.fixture
def _two_connections(
    tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> Generator[None]:
    """Two connections to one database, whose transactions keep the snapshot that they began with."""
    with django_db_blocker.unblock():
        yield from _connected(tmp_path)


def _connected(tmp_path: Path) -> Generator[None]:
    default = connections["default"]
    own = {**default.settings_dict, "OPTIONS": SNAPSHOTS[default.vendor]}
    if default.vendor == "sqlite":
        own["NAME"] = tmp_path / "snapshots"
    connections.settings.update(dict.fromkeys((READER, WRITER), own))
    run(WRITER, "CREATE TABLE shown (value varchar(9))")
    run(WRITER, "INSERT INTO shown VALUES ('old')")
    yield
    connections[READER].close()
    run(WRITER, "DROP TABLE shown")
    connections[WRITER].close()
    for alias in (READER, WRITER):
        del connections[alias]
        del connections.settings[alias]


def run(alias: str, sql: str) -> list[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def show_row(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(run(READER, "SELECT value FROM shown")[0][0])


def show_row_atomically(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(READER):
        return show_row(request)


def reads_in_a_transaction() -> Steps:
    """A reader whose transaction has run a statement before the look-up."""
    yield None
    with transaction.atomic(READER):
        run(READER, "SELECT value FROM shown")
        yield from orders.reader(fused=True, view=show_row)


def reads_in_a_transaction_of_a_text() -> Steps:
    """Another that nobody ends; the connection is used again."""
    yield None
    run(READER, "BEGIN")
    run(READER, "SELECT value FROM shown")
    yield from orders.reader(fused=True, view=show_row)


def half_read(*, is_closed: bool) -> Steps:
    """A reader on whose connection somebody has read a part of an answer: SQLite keeps a snapshot for the rest."""
    yield None
    cursor = connections[READER].cursor()
    cursor.execute(" UNION ALL ".join(["SELECT value FROM shown"] * 9))
    cursor.fetchone()
    if is_closed:
        cursor.close()
    yield from orders.reader(fused=True, view=show_row)
    cursor.close()


def writes_a_row() -> Steps:
    yield None
    run(WRITER, "UPDATE shown SET value = 'new'")
    data["value"] = "new"


def old_row() -> None:
    connections[READER].close()
    run(WRITER, "UPDATE shown SET value = 'old'")
    announcer.announce()


reads = partial(orders.reader, fused=True, view=show_row)
reads_atomically = partial(orders.reader, fused=True, view=show_row_atomically)


@pytest.mark.usefixtures("_two_connections")
@pytest.mark.parametrize(
    "reader, is_stored",
    [
        (reads, True),
        (reads_atomically, True),
        (reads_in_a_transaction, False),
        (reads_in_a_transaction_of_a_text, False),
        (partial(half_read, is_closed=False), connection.vendor != "sqlite"),
        (partial(half_read, is_closed=True), True),
    ],
)
def test_a_snapshot_from_before_the_look_up_is_never_kept(reader: Actor, is_stored: bool) -> None:
    search = Search(old_row, reader, writes_a_row, view=show_row).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 3
    assert bool(search.stored) is is_stored


def by_moon(request: HttpRequest) -> str | None:
    return request.META.get("MOON")


def change_elsewhere() -> None:
    """Write and announce, as another process does."""
    other: Any = connections[WRITER].copy()
    other.ensure_connection()
    other.connection.cursor().execute("UPDATE shown SET value = 'new'")  # nobody watches
    other.close()
    announcer.announce({"table:shown"})


@pytest.mark.usefixtures("_two_connections")
def test_a_snapshot_from_before_a_late_look_up_is_never_kept(settings: Any) -> None:
    """One that middleware of the site begins, which reads the session in it."""
    settings.PAGECACHE = {"ENABLED": True, "SEGMENT": f"{__name__}.by_moon"}
    run(WRITER, "CREATE TABLE IF NOT EXISTS django_session (id integer)")

    def get_late(*, is_atomic: bool, is_changed: bool = False) -> tuple[str, str]:
        visit = visit_of(MOON="full")

        def view(request: HttpRequest) -> Any:
            with transaction.atomic(READER) if is_atomic else nullcontext():
                run(READER, "SELECT count(*) FROM django_session")
                if is_changed:
                    change_elsewhere()
                return drive(look_up_late(visit)) or show_row(request)

        response = drive(page(visit), answer(visit, view))
        return response.content.decode(), response.headers["Cache-Status"].split("; ", 1)[1]

    assert get_late(is_atomic=False) == ("old", STORED)
    assert get_late(is_atomic=True, is_changed=True) == ("old", "fwd=stale")
    assert get_late(is_atomic=False) == ("new", STORED)


@pytest.mark.usefixtures("_two_connections")
def test_teeth_a_transaction_that_began_before_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = Recorder.__init__

    def without_epoch(self: Recorder) -> None:
        make(self)
        self.epoch = 0

    monkeypatch.setattr(Recorder, "__init__", without_epoch)
    monkeypatch.setattr(visit, "tick", int)
    assert Search(old_row, reads_in_a_transaction, writes_a_row, view=show_row).run().stale


@pytest.fixture(scope="module")
def instance() -> Generator[Instance]:
    with Instance() as instance:
        yield instance


class Restarts:
    """A Redis that is copied at some moment, and restarted from the copy at a later one.

    The restart is made up: another name for the server, the keys of the copy, and no connection that lasts. Real ones
    are in `tests/stores/test_failover.py`; they take too long for every order.
    """

    def __init__(self, instance: Instance) -> None:
        self.admin, self.starts = instance.admin, 0

    def name(self, _answers: Any) -> str:
        return f"{self.starts}:"

    def __call__(self) -> Steps:
        yield "store"
        copy = {key: self.admin.dump(key) for key in self.admin.scan_iter()}
        yield "store"
        self.admin.flushall()
        for key, dumped in copy.items():
            self.admin.restore(key, 0, dumped)
        self.starts += 1
        self.admin.client_kill_filter(_type="normal", skipme=True)


@pytest.fixture
def restarts(
    instance: Instance, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Generator[Restarts]:
    settings.CACHES = {"default": instance.backend}
    settings.PAGECACHE = {**settings.PAGECACHE, "WAIT_SECONDS": 0}
    restarts = Restarts(instance)
    monkeypatch.setattr(lines, "prefix_of", restarts.name)
    yield restarts
    site_store().close()
    announcer.owed.clear()


reader, writer = partial(orders.reader, fused=True), orders.fused_writer


@pytest.mark.parametrize("start", [cold, known, current])
def test_a_restart_from_an_old_copy_leaves_nothing_stale(
    restarts: Restarts, start: Callable[[], None]
) -> None:
    search = Search(start, reader, writer, restarts).run()
    print(f"{search.orders} orders, {search.stored} pages stored")
    assert search.stale == []
    assert search.orders > 30


def test_teeth_a_server_that_has_the_same_name_after_a_restart(
    restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "prefix_of", lambda _answers: "the same:")
    assert Search(current, reader, writer, restarts).run().stale


def test_teeth_versions_from_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer of it is the first that it gave."""
    replica: dict[tuple[str, ...], Any] = {}
    fetch = Fetch.run

    def lagging(self: Fetch, render: Any) -> Any:
        return replica.setdefault(tuple(self.keys), fetch(self, render))

    def start() -> None:
        replica.clear()
        current()
        get()

    monkeypatch.setattr(Fetch, "run", lagging)
    assert Search(start, orders.reader, orders.writer).run().stale
