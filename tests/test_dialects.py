"""What each database has of its own is seen: `dialects.py` has the cases.

On whatever database this runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.test.utils import isolate_apps

from pagecache.events import settings_reloaded
from pagecache.recording.recorder import Recorder, recording
from pagecache.tags import SITE
from tests.announced import noting
from tests.dialects import BESIDE, DIALECTS, EVERYWHERE, Case
from tests.site.factories import make_article, make_author
from tests.site.models import Unrelated

pytestmark = pytest.mark.django_db(transaction=True)

CASES = EVERYWHERE | DIALECTS[connection.vendor]


ODD_NAMES = ["select", "Two Words", "dotted.name", "T\u00e4ble", "a:b", "sqlitely", "x" * 60]
IN_A_SCHEMA = {
    "sqlite": [],
    "postgresql": ['other"."shelf', 'Other"."Shelf'],
    "mysql": [f"{BESIDE}`.`shelf"],
}
MADE_SCHEMA = {
    "sqlite": [],
    "postgresql": ["CREATE SCHEMA other", 'CREATE SCHEMA "Other"'],
    "mysql": [f"CREATE DATABASE {BESIDE}"],
}
UNMADE_SCHEMA = {
    "sqlite": [],
    "postgresql": ["DROP SCHEMA other", 'DROP SCHEMA "Other"'],
    "mysql": [f"DROP DATABASE {BESIDE}"],
}


def run(*texts: str) -> list[Any]:
    """Return the rows of the last text, with the names of their columns."""
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
        if cursor.description is None:
            return []
        return [[column[0] for column in cursor.description], *cursor.fetchall()]


@pytest.fixture
def case(request: pytest.FixtureRequest, settings: Any) -> Iterator[Case]:
    case: Case = CASES[request.param]
    settings.PAGECACHE = {"ENABLED": True, "ALIASES": case.aliases}
    make_article("gigi", author=make_author("Colette"))
    run(*case.unmade, *case.made)
    yield case
    connection.close()
    run(*case.unmade)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_write_announces_what_the_answer_depends_on(case: Case) -> None:
    render = Recorder()
    with recording(render):
        before = run(*case.read.split("; "))
    assert not render.refusals, "a page with it is stored"
    with noting() as announced:
        run(*case.write)
    try:
        after = run(*case.read.split("; "))
    finally:
        connection.close()
    assert after != before, "the write changes the answer"
    assert (SITE in announced) is case.drops_site
    assert case.drops_site or not announced.isdisjoint(render.tags)


if connection.vendor == "mysql":

    def test_a_file_that_is_loaded_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """From where the site runs, which the driver must allow."""
        file, render = tmp_path / "authors", Recorder()
        file.write_text("Willy,ch\n")
        options = connection.settings_dict["OPTIONS"]
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {**options, "local_infile": True})
        connection.close()
        with recording(render):
            before = run("SELECT name FROM library_author")
        with noting() as announced:
            run(
                f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE library_author"
                " FIELDS TERMINATED BY ',' (name, country)"
            )
        assert run("SELECT name FROM library_author") != before
        assert announced >= render.tags
        assert SITE not in announced
        connection.close()


@pytest.mark.parametrize("name", ODD_NAMES + IN_A_SCHEMA[connection.vendor])
@isolate_apps("tests.site")
def test_a_table_is_its_models_however_it_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(models.Model):
        number = models.IntegerField(default=0)
        objects: Any = models.Manager()

        class Meta:
            app_label = "library"
            db_table = name

        def __str__(self) -> str:
            return str(self.number)

    monkeypatch.setattr(apps, "get_models", lambda **_: [Odd])
    settings_reloaded.send(None)
    run(*MADE_SCHEMA[connection.vendor])
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Odd)
        odd, render = Odd.objects.create(), Recorder()
        with recording(render):
            Odd.objects.get(pk=odd.pk)
        assert render.tags == {"library.odd:*", f"library.odd:{odd.pk}"}
        with recording(render):
            Odd.objects.count()
        assert render.tags == {"library.odd"}
        with noting() as announced:
            Odd.objects.filter(number=0).update(number=1)
        assert announced == {"library.odd", "library.odd:*"}
    finally:
        run(f"DROP TABLE {connection.ops.quote_name(name)}", *UNMADE_SCHEMA[connection.vendor])
        monkeypatch.undo()
        settings_reloaded.send(None)


def test_a_column_that_the_schema_editor_adds_is_seen() -> None:
    column = models.IntegerField(default=7)
    column.set_attributes_from_name("stars")
    Unrelated.objects.create(note="x")
    render = Recorder()
    with recording(render):
        before = run("SELECT * FROM library_unrelated")
    with noting() as announced, connection.schema_editor() as editor:
        editor.add_field(Unrelated, column)
    try:
        assert run("SELECT * FROM library_unrelated") != before
        assert not announced.isdisjoint(render.tags)
    finally:
        with connection.schema_editor() as editor:
            editor.remove_field(Unrelated, column)
