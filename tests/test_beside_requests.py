"""Writes of no request: from threads, shells, commands and workers, of this process and of others.

On whatever database this runs; with a cache that processes share.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from tests.beside import process
from tests.lanes import status
from tests.site.factories import make_article
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

WRITE = "Author.objects.update(name='Willy')"
IN_SHELL = f"from tests.site.models import Author; {WRITE}"
WORKER = f"""
import django
from threading import Thread
from django.db import connection, transaction

django.setup()
from tests.site.models import Author

def work():
    with transaction.atomic(), transaction.atomic():
        {WRITE}
    connection.close()

thread = Thread(target=work)
thread.start()
thread.join()
"""
SQL = "UPDATE library_author SET name = 'Willy'"
BY_HAND = f"""
import django
from django.db import connection

django.setup()
connection.set_autocommit(False)
with connection.cursor() as cursor:
    cursor.execute("{SQL}")
connection.commit()
"""


@pytest.fixture(autouse=True)
def _shared(settings: Any, tmp_path: Path) -> None:
    kind = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": kind, "LOCATION": str(tmp_path)}}
    make_article()


@pytest.fixture
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows for `loaddata`."""
    path: Path = tmp_path_factory.mktemp("rows") / "rows.json"
    fields = {"name": "Willy", "country": "fr"}
    pk = Author.objects.get().pk
    path.write_text(json.dumps([{"model": "library.author", "pk": pk, "fields": fields}]))
    return path


def stored(client: Any) -> None:
    """See that the list is stored."""
    client.get("/articles/")
    page = client.get("/articles/")
    assert status(page).hit
    assert "Willy" not in page.content.decode()


def is_fresh(client: Any) -> bool:
    """Whether the list shows what was written, and is stored again."""
    return "Willy" in client.get("/articles/").content.decode() and bool(
        status(client.get("/articles/")).hit
    )


def in_thread(work: Callable[[], object]) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def rename() -> None:
    Author.objects.update(name="Willy")


def rename_at_once() -> None:
    with transaction.atomic(durable=True):
        rename()


def rename_by_hand() -> None:
    transaction.set_autocommit(False)
    rename()
    transaction.commit()


@pytest.mark.parametrize("work", [rename, rename_at_once, rename_by_hand])
def test_a_thread_of_no_request_drops_pages(work: Callable[[], None], client: Any) -> None:
    stored(client)
    in_thread(work)
    assert is_fresh(client)


def test_a_command_drops_pages(client: Any, rows: Path) -> None:
    stored(client)
    call_command("loaddata", str(rows), verbosity=0)
    assert is_fresh(client)


PROCESSES = {
    "the shell": ("-m", "django", "shell", "-c", IN_SHELL),
    "a worker": ("-c", WORKER),
    "a worker with transactions of its own": ("-c", BY_HAND),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_another_process_drops_pages(name: str, client: Any, settings: Any) -> None:
    stored(client)
    process(settings, *PROCESSES[name])
    assert is_fresh(client)


def test_a_command_in_another_process_drops_pages(client: Any, settings: Any, rows: Path) -> None:
    stored(client)
    process(settings, "-m", "django", "loaddata", str(rows))
    assert is_fresh(client)


def test_a_process_with_pagecache_switched_off_drops_pages(client: Any, settings: Any) -> None:
    stored(client)
    process(settings, "-c", WORKER, ENABLED=False)
    assert is_fresh(client)


def test_what_another_process_rolled_back_drops_nothing(client: Any, settings: Any) -> None:
    stored(client)
    process(settings, "-c", BY_HAND.replace("commit()", "rollback()"))
    assert status(client.get("/articles/")).hit
