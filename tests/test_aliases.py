"""What the database does by itself: views show other tables, triggers fill them, keys let rows fall with others."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import django
import pytest
from django.apps import apps
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.test.utils import isolate_apps

from pagecache.core.footprint import footprint
from pagecache.events import settings_reloaded
from pagecache.tags import tags_changed, tags_read, tags_told
from tests.lanes import Lane
from tests.site.factories import make_author
from tests.site.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

VIEWS = {
    "french": "SELECT id, name FROM library_author WHERE country = 'fr'",
    "initials": "SELECT substr(name, 1, 1) AS initial FROM french",
}


@pytest.fixture
def views() -> Generator[None]:
    with connection.cursor() as cursor:
        for name, query in VIEWS.items():
            cursor.execute(f"CREATE VIEW {name} AS {query}")
        yield
        for name in reversed(VIEWS):
            cursor.execute(f"DROP VIEW {name}")


def initials(_request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT initial FROM initials ORDER BY initial")
        return HttpResponse("".join(initial for (initial,) in cursor))


@pytest.mark.usefixtures("views")
def test_a_page_that_read_a_view_depends_on_what_it_is_made_of(lane: Lane) -> None:
    lane.configure(ALIASES={"initials": ["french"], "French": ["library_author"]})
    lane.show(initials)
    make_author("Colette")
    assert lane.read() == "C"
    assert lane.see().hit
    make_author("Gigi")
    assert lane.read() == "CG"
    Author.objects.filter(name="Gigi").update(country="be")
    assert lane.read() == "C"


@pytest.mark.usefixtures("views")
def test_a_write_to_a_view_is_one_to_what_it_is_made_of(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ALIASES": {"french": ["library_author"]}}
    found = footprint("UPDATE french SET name = 'x' WHERE id = 1", connection.vendor)
    assert tags_changed(found, [None]) == {
        "table:french",
        "table:french:*",
        "library.author",
        "library.author:*",
    }


def test_rows_that_triggers_change_are_not_told_apart(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ALIASES": {"library_author": ["library_article"]}}
    read = footprint("SELECT id FROM library_author WHERE id = 1", connection.vendor)
    write = footprint("UPDATE library_article SET views = 1 WHERE id = 7", connection.vendor)
    assert tags_read(read) == {"library.author", "library.article"}
    assert tags_changed(write, [None]) == {"library.article", "library.article:7"}


if django.VERSION >= (6, 1):

    @isolate_apps("tests.site")
    def test_rows_that_fall_by_the_database_are_changed(
        monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        class Shelf(models.Model):  # noqa: DJ008 nobody prints it
            class Meta:
                app_label = "site"

        class Book(models.Model):  # noqa: DJ008 nobody prints it
            shelf = models.ForeignKey(Shelf, models.DB_CASCADE)

            class Meta:
                app_label = "site"

        class Page(models.Model):  # noqa: DJ008 nobody prints it
            book = models.ForeignKey(Book, models.DB_SET_NULL, null=True)

            class Meta:
                app_label = "site"

        class Room(models.Model):  # noqa: DJ008 nobody prints it
            around = models.ForeignKey("self", models.DB_CASCADE, null=True)

            class Meta:
                app_label = "site"

        every = [Shelf, Book, Page, Room]
        monkeypatch.setattr(apps, "get_models", lambda **_: every)
        settings_reloaded.send(None)
        try:
            delete = footprint("DELETE FROM site_shelf WHERE id IN (4)", connection.vendor)
            assert tags_changed(delete, [None]) == {
                "site.shelf", "site.shelf:4", "site.book", "site.book:*", "site.page", "site.page:*"
            }  # fmt: skip
            delete = footprint("DELETE FROM site_room WHERE id = 4", connection.vendor)
            assert tags_changed(delete, [None]) == {"site.room", "site.room:*"}
            update = footprint("UPDATE site_shelf SET x = 1 WHERE id = 4", connection.vendor)
            assert tags_changed(update, [None]) == {"site.shelf", "site.shelf:4"}
            told = tags_told("site_shelf", ["4"], deleted=False)
            assert told == tags_changed(update, [None])
            delete = footprint("DELETE FROM site_shelf WHERE id = 4", connection.vendor)
            told = tags_told("site_shelf", ["4"], deleted=True)
            assert told == tags_changed(delete, [None])
            assert tags_told("site_room", ["4"], deleted=True) == {"site.room", "site.room:*"}
            settings.PAGECACHE = {"ENABLED": True, "IGNORE": ["site_shelf", "site_page"]}
            delete = footprint("DELETE FROM site_shelf", connection.vendor)
            assert tags_changed(delete, [None]) == {"site.book", "site.book:*"}
            assert tags_told("site_shelf", [], deleted=True) == {"site.book", "site.book:*"}
        finally:
            monkeypatch.undo()
            settings_reloaded.send(None)
