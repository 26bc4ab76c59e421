"""The command `pagecache_listen` as a process of its own; `tests/contrib/test_triggers.py` runs these."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse

from pagecache.announcing import announcer
from pagecache.contrib.triggers import listening
from pagecache.contrib.triggers.listening import OUTDATED, listen
from pagecache.contrib.triggers.sql import CREATE_FUNCTION
from tests.caches import BROKEN, broken
from tests.contrib.watching import connect, watched
from tests.lanes import MEMORY, MIDDLEWARE_SYNC, Lane
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = (MIDDLEWARE_SYNC,), (MEMORY,)
PATIENCE = 30.0  # seconds that a busy machine may take for what is not under test
BOUND = 1.0  # seconds after which a write has dropped its pages
LISTENING = "Listening to what is written to library_author."

Run = Callable[..., Any]


def names(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(", ".join(Author.objects.values_list("name", flat=True)))


@pytest.fixture
def site(lane: Lane, tmp_path: Path) -> Generator[Lane]:
    files = "django.core.cache.backends.filebased.FileBasedCache"
    lane.settings.CACHES = {"default": {"BACKEND": files, "LOCATION": str(tmp_path / "cache")}}
    lane.show(names)
    make_author("Colette")
    with watched("Author"):
        yield lane


@pytest.fixture
def psql() -> Generator[Run]:
    with closing(connect()) as other:
        yield other.execute


class Process:
    """The command, started with the database and the cache of the test."""

    def __init__(self, **database: Any) -> None:
        stated = {**site_settings.DATABASES["default"], **database}
        stated["NAME"] = connection.settings_dict["NAME"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "django", "pagecache_listen"],
            env=os.environ
            | {
                "TEST_DB": "",
                "DJANGO_SETTINGS_MODULE": "tests.contrib.listening_site",
                "LISTEN_DATABASE": json.dumps(stated),
                "LISTEN_CACHES": json.dumps(site_settings.CACHES),
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it says; none once it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def process(site: Lane) -> Generator[Process]:
    with closing(Process()) as started:
        assert started.line() == LISTENING
        yield started


def keep(site: Lane) -> str:
    """Have the page in the cache; return it."""
    site.get()
    assert site.see().hit
    return site.read()


def time_until(fact: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not fact():
        assert time.monotonic() - started < PATIENCE
        time.sleep(0.005)
    return time.monotonic() - started


def test_a_write_of_another_program_drops_its_pages_within_a_second(
    site: Lane, psql: Run, process: Process
) -> None:
    """Each of several drops them; not all in time where others keep the machine busy."""
    took = []
    for name in ("Gigi", "Sido", "Claudine"):
        assert name not in keep(site)
        psql("UPDATE library_author SET name = %s", [name])
        took.append(time_until(lambda name=name: site.read() == name))  # type: ignore[misc]
    assert min(took) < BOUND


def test_what_was_written_while_nobody_listened_drops_pages(
    site: Lane, psql: Run, process: Process
) -> None:
    keep(site)
    psql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'pagecache_listen'"
    )
    psql("UPDATE library_author SET name = 'Gigi'")
    assert time_until(lambda: site.read() == "Gigi") < PATIENCE
    assert process.line().startswith("The database 'default' is lost: ")
    assert process.line() == LISTENING
    keep(site)
    psql("UPDATE library_author SET name = 'Sido'")
    assert time_until(lambda: site.read() == "Sido") < PATIENCE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_which_is_no_failure(process: Process, number: signal.Signals) -> None:
    assert process.end(number) == 0
    assert process.line() == ""


def test_a_database_that_is_away_is_tried_again_and_again(site: Lane) -> None:
    with closing(Process(HOST="127.0.0.1", PORT="1")) as process:
        for delay in ("0.1", "0.2", "0.4"):
            assert process.line().endswith(f"Trying again in {delay} s.")
        assert process.end(signal.SIGTERM) == 0


class EnoughError(Exception):
    """Nothing more is to be said."""


def test_what_is_owed_is_paid_while_the_database_is_away(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And asked for more often than the database is."""
    settings.CACHES = {"default": BROKEN}
    away = {**site_settings.DATABASES["default"], "HOST": "127.0.0.1", "PORT": "1"}
    monkeypatch.setitem(connections.settings, "away", away)
    monkeypatch.setattr(listening, "RETRY", 0.01)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line.rpartition("Trying again in ")[2])
        if len(said) == 2:
            outage.close()
        if len(said) == 3:
            raise EnoughError

    with ExitStack() as outage:
        outage.enter_context(broken("set"))
        announcer.announce({"library.author"})
        with pytest.raises(EnoughError):
            listen("away", say)
    del connections["away"]
    assert said == ["0.01 s.", "0.01 s.", "0.4 s."]
    assert not announcer.owed


def test_it_says_that_the_function_is_of_another_version(site: Lane, psql: Run) -> None:
    psql(CREATE_FUNCTION.replace("'table'", "'of'"))
    with closing(Process()) as process:
        assert process.line() == LISTENING
        assert process.line() == OUTDATED


def test_it_says_that_nothing_is_watched(lane: Lane, tmp_path: Path) -> None:
    files = "django.core.cache.backends.filebased.FileBasedCache"
    lane.settings.CACHES = {"default": {"BACKEND": files, "LOCATION": str(tmp_path)}}
    with closing(Process()) as process:
        assert process.line().endswith("nothing: no migration has a Watch.")
