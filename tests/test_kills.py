"""Workers that are killed for real, at each point of a write: with two phases nothing is stale afterwards.

On whatever database this runs, with a real Redis.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import transaction
from django.test import Client

from pagecache.announcing import announcer, site_names, site_store
from pagecache.tags import SITE
from tests.beside import process
from tests.servers import Server
from tests.site.factories import make_article
from tests.site.models import Author
from tests.stores.instances import let_marks_lapse

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/articles/"
TABLES = (SITE, "library.article", "library.author", "library.tag", "library.article_tags")

# A worker that writes, and is killed when it comes to a point: `where.what`, called for the nth time.
WORKER = """
import os, signal
import django
django.setup()
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pagecache.announcing import announcer
from tests.site.models import Author

def kill(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def before(where, what):
    setattr(where, what, kill)

def after(where, what):
    method = getattr(where, what)
    def called(*args, **kwargs):
        method(*args, **kwargs)
        kill()
    setattr(where, what, called)

connection.ensure_connection()
{point}
{write}
"""
AUTOCOMMIT = "Author.objects.update(name='Willy')"
ATOMIC = f"with transaction.atomic():\n    {AUTOCOMMIT}"
NESTED = f"with transaction.atomic(), transaction.atomic():\n    {AUTOCOMMIT}"
BY_HAND = f"connection.set_autocommit(False)\n{AUTOCOMMIT}\nconnection.commit()"
WRITES = {"autocommit": AUTOCOMMIT, "atomic": ATOMIC, "nested": NESTED, "by hand": BY_HAND}
BETWEEN = "before(announcer, 'announce')"  # COMMIT and the announcement
POINTS = {
    "before the mark": "before(announcer, 'mark')",
    "before the statement": "after(announcer, 'mark')",
    "before COMMIT": "before(BaseDatabaseWrapper, '_commit')",
    "before the announcement": BETWEEN,
    "after the announcement": "after(announcer, 'announce')",
}


@pytest.fixture(autouse=True)
def _site(settings: Any, redis_server: Server) -> Generator[None]:
    backend = "django.core.cache.backends.redis.RedisCache"
    prefix = uuid4().hex
    settings.CACHES = {
        "default": {"BACKEND": backend, "LOCATION": redis_server.url, "KEY_PREFIX": prefix}
    }
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 10, "TWO_PHASE": True}
    make_article()
    names = site_names()
    keys = names.versions(("*", *TABLES))
    site_store().announce(names.version("*"), {key: uuid4().bytes for key in keys}, 3600.0)
    yield
    site_store().close()
    announcer.owed.clear()


def see() -> tuple[str, str]:
    response = Client().get(LIST)
    return response.content.decode(), response.headers["Cache-Status"].split("; ")[1]


def stored() -> None:
    """See that the list is stored."""
    see()
    assert see()[1] == "hit"


def killed(settings: Any, point: str, write: str) -> None:
    text = WORKER.format(point=point, write=write)
    process(settings, "-c", text, ends=-signal.SIGKILL)


def is_shown_as_it_is(settings: Any) -> bool:
    """Whether the list is what the database says, now and when all marks have lapsed, and is stored again then."""
    (name,) = Author.objects.values_list("name", flat=True)
    pages = [see() for _ in range(3)]
    with redis.Redis.from_url(settings.CACHES["default"]["LOCATION"]) as admin:
        let_marks_lapse(admin)
    pages += [see() for _ in range(3)]
    return all(name in body for body, _ in pages) and pages[-1][1] == "hit"


# In autocommit the database commits by itself.
KILLS = [
    (write, point)
    for write in ("autocommit", "atomic")
    for point in POINTS
    if (write, point) != ("autocommit", "before COMMIT")
]


@pytest.mark.parametrize("write, point", KILLS)
def test_a_worker_that_is_killed_leaves_nothing_stale(
    settings: Any, write: str, point: str
) -> None:
    stored()
    killed(settings, POINTS[point], WRITES[write])
    assert is_shown_as_it_is(settings)


@pytest.mark.parametrize("write", WRITES)
def test_a_worker_that_is_killed_between_commit_and_announcement(settings: Any, write: str) -> None:
    stored()
    killed(settings, BETWEEN, WRITES[write])
    assert Author.objects.get().name == "Willy", "it is committed"
    assert is_shown_as_it_is(settings)


def test_who_writes_after_a_worker_was_killed_settles_only_what_is_its_own(settings: Any) -> None:
    stored()
    killed(settings, BETWEEN, ATOMIC)
    with transaction.atomic():
        Author.objects.create(name="Another").delete()
    assert see()[1] != "hit"
    assert see()[1] != "hit", "the mark of the other stands"
    assert is_shown_as_it_is(settings)


def test_teeth_without_two_phases_the_page_is_stale(settings: Any) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "TWO_PHASE": False}
    stored()
    killed(settings, BETWEEN, ATOMIC)
    body, status = see()
    assert status == "hit"
    assert Author.objects.get().name not in body
