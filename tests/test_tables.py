"""Pages and versions in a table of the site's own database (DatabaseCache), on whatever database this runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from pagecache import invalidate
from pagecache.announcing import announcer, site_names, site_store
from pagecache.engine.visit import forget
from pagecache.stores import waiting
from tests.lanes import status
from tests.site.factories import make_article
from tests.site.models import Article

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "kept_pages"
MANAGED = connection.vendor != "sqlite"  # what one connection rolls back, another may have written


@pytest.fixture(autouse=True)
def _in_a_table(settings: Any, client: Any) -> Any:
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": TABLE}}
    call_command("createcachetable", verbosity=0)
    forget()
    make_article(title="old")
    yield
    announcer.owed.clear()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def titles(client: Any) -> list[str]:
    """Return what the list shows, and see that the next visitor gets the stored page."""
    response: Any = client.get("/articles/")
    assert status(client.get("/articles/")).hit
    shown: list[str] = response.content.decode().split()
    return shown


def version() -> list[bytes | None]:
    return site_store().fetch(site_names().versions(("library.article",)))


def test_a_commit_drops_pages_and_leaves_the_connection_as_it_was(client: Any) -> None:
    before = titles(client)
    with transaction.atomic():
        with transaction.atomic():
            Article.objects.update(title="new")
        Article.objects.update(title="newer")
    assert connection.get_autocommit()
    assert not announcer.owed
    assert titles(client) != before
    assert titles(client) == titles(client)


def test_a_rolled_back_transaction_drops_nothing(client: Any) -> None:
    titles(client)
    with transaction.atomic():
        Article.objects.update(title="new")
        transaction.set_rollback(True)
    assert connection.get_autocommit()
    assert status(client.get("/articles/")).hit


def test_what_is_invalidated_in_a_transaction_is_rolled_back_by_sqlite_only() -> None:
    """An SQLite has one writer: the commit announces it again."""
    version()
    before = version()
    with transaction.atomic():
        invalidate("library.article")
        transaction.set_rollback(True)
    assert (version() != before) is MANAGED


def test_a_missing_table_breaks_no_transaction_of_the_site(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.0)  # it is asked again at once
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")
    with transaction.atomic():
        make_article("second")
        if MANAGED:
            invalidate("library.article")
        make_article("third")
    assert Article.objects.count() == 3
    assert announcer.owed
    call_command("createcachetable", verbosity=0)
    client.get("/articles/")
    assert not announcer.owed


def test_pages_are_looked_up_again_after_a_statement_that_failed(client: Any) -> None:
    titles(client)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")
    assert titles(client)
