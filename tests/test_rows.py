"""A page that fetched single rows depends on these; a write drops the pages of the rows that it changed.

In any doubt both mean the whole table. On whatever database this runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Count, F, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.test.utils import isolate_apps
from django.urls import path

from pagecache import depends_on, invalidate
from pagecache.core.footprint import footprint
from pagecache.events import settings_reloaded
from pagecache.recording.recorder import Recorder, recording
from pagecache.recording.sql import _record_rows
from pagecache.rows import MOST_WRITTEN, lookup_of
from pagecache.tags import tags_changed
from pagecache.writes import writes
from tests.announced import noting
from tests.lanes import Lane
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.site.models import Article, Author, Badge, Comment, Feature

pytestmark = pytest.mark.django_db(transaction=True)

ARTICLE, AUTHOR, BADGE, FEATURE = (
    "library.article",
    "library.author",
    "library.badge",
    "library.feature",
)


def read(view: Callable[[], object]) -> set[str]:
    """Return what a page depends on."""
    render = Recorder()
    with recording(render):
        view()
    assert not render.refusals
    return render.tags


def changed(write: Callable[[], object]) -> set[str]:
    """Return what a write announces when it commits."""
    with transaction.atomic():
        write()
        return set(writes.unannounced())


def row(label: str, *keys: object) -> set[str]:
    """Return the tags of a page that found these rows."""
    return {f"{label}:*", *(f"{label}:{key}" for key in keys)}


# What a page read


def test_an_object_by_its_primary_key_is_a_row() -> None:
    article = make_article()
    assert read(lambda: Article.objects.get(pk=article.pk)) == row(ARTICLE, article.pk)


def test_an_object_by_a_unique_field_is_a_row() -> None:
    article = make_article("gigi")
    assert read(lambda: Article.objects.get(slug="gigi")) == row(ARTICLE, article.pk)


def test_an_object_by_fields_that_are_unique_together_is_a_row() -> None:
    badge = Badge.objects.create(kind="gold", number=3)
    found = read(lambda: Badge.objects.get(kind="gold", number=3))
    assert found == row(BADGE, badge.pk)
    assert read(lambda: Badge.objects.filter(kind="gold").first()) == {BADGE}


@pytest.fixture
def seats(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A model whose constraint has some options; databases that do not know these leave it out."""
    with isolate_apps("tests.site"):

        class Seat(models.Model):
            row = models.IntegerField()
            number = models.IntegerField()

            class Meta:
                app_label = "library"
                constraints = [
                    models.UniqueConstraint(
                        fields=["row", "number"], name="seat_once", **request.param
                    )
                ]

            def __str__(self) -> str:
                return f"{self.row}/{self.number}"

    with monkeypatch.context() as site:
        site.setattr(apps, "get_models", lambda **_: [Seat])
        settings_reloaded.send(None)
        with connection.schema_editor() as editor:
            editor.create_model(Seat)
        yield cast(Any, Seat).objects
        with connection.schema_editor() as editor:
            editor.delete_model(Seat)
    settings_reloaded.send(None)


WHERE_POSSIBLE: list[dict[str, Any]] = [
    {"deferrable": models.Deferrable.DEFERRED},
    {"include": ["id"]},
    {"nulls_distinct": False},
    {"condition": models.Q(row__gt=0)},
]


@pytest.mark.parametrize("seats", WHERE_POSSIBLE, indirect=True)
def test_a_constraint_that_some_databases_leave_out_tells_no_rows_apart(seats: Any) -> None:
    seats.create(row=1, number=2)
    assert read(lambda: list(seats.filter(row=1, number=2))) == {"library.seat"}


@pytest.mark.parametrize("seats", [{}, {"violation_error_message": "Taken."}], indirect=True)
def test_a_constraint_that_every_database_has_tells_rows_apart(seats: Any) -> None:
    seat = seats.create(row=1, number=2)
    assert read(lambda: list(seats.filter(row=1, number=2))) == row("library.seat", seat.pk)


def test_a_key_that_is_a_uuid_is_spelled_in_one_way() -> None:
    badge = Badge.objects.create(kind="gold")
    assert isinstance(badge.pk, UUID)
    for key in (badge.pk, str(badge.pk), badge.pk.hex):
        assert read(lambda: Badge.objects.get(pk=key)) == row(BADGE, badge.pk)  # noqa: B023 called at once
    assert changed(badge.save) == {BADGE, f"{BADGE}:{badge.pk}"}


def test_what_else_is_asked_of_a_row_that_was_found_changes_nothing() -> None:
    article = make_article("gigi", published=datetime(2026, 7, 1, tzinfo=UTC))
    visible = Article.objects.filter(published__year=2026, views__lt=5).exclude(body="x")
    assert read(lambda: visible.get(slug="gigi")) == row(ARTICLE, article.pk)


def test_a_lookup_that_found_nothing_depends_on_the_table() -> None:
    make_article("gigi")
    assert read(lambda: Article.objects.filter(slug="cheri").first()) == {ARTICLE}
    assert read(lambda: Article.objects.filter(slug="gigi", views=9).first()) == {ARTICLE}


def test_the_object_of_a_foreign_key_is_a_row() -> None:
    article = make_article()
    found = read(lambda: Article.objects.get(pk=article.pk).author)
    assert found == row(ARTICLE, article.pk) | row(AUTHOR, article.author_id)


def test_objects_selected_with_an_object_are_rows() -> None:
    comment = make_comment(make_article())
    together = Comment.objects.select_related("article__author")
    found = read(lambda: together.get(pk=comment.pk))
    assert found == row("library.comment", comment.pk) | row(ARTICLE, comment.article_id) | row(
        AUTHOR, comment.article.author_id
    )


def test_a_related_object_that_is_missing_by_right_is_no_dependency() -> None:
    badge = Badge.objects.create(kind="gold")
    found = read(lambda: Badge.objects.select_related("author").get(pk=badge.pk))
    assert found == row(BADGE, badge.pk)


def test_a_related_object_that_could_still_come_is_a_dependency_on_its_table() -> None:
    author = make_author()
    together = Author.objects.select_related("badge")
    assert read(lambda: together.get(pk=author.pk)) == row(AUTHOR, author.pk) | {BADGE}
    badge = Badge.objects.create(kind="gold", author=author)
    found = read(lambda: together.get(pk=author.pk))
    assert found == row(AUTHOR, author.pk) | row(BADGE, badge.pk)


def test_the_other_side_of_a_one_to_one_is_a_row() -> None:
    author = make_author()
    badge = Badge.objects.create(kind="gold", author=author)
    found = read(lambda: Author.objects.get(pk=author.pk).badge)
    assert found == row(AUTHOR, author.pk) | row(BADGE, badge.pk)


def test_prefetched_objects_of_a_foreign_key_are_rows() -> None:
    articles = [make_article(slug, author=make_author()) for slug in ("a", "b", "c")]
    found = read(lambda: list(Article.objects.prefetch_related("author")))
    assert found == {ARTICLE} | row(AUTHOR, *(article.author_id for article in articles))


def test_a_list_with_an_object_missing_depends_on_the_table() -> None:
    keys = [make_author().pk, make_author().pk]
    assert read(lambda: list(Author.objects.filter(pk__in=keys))) == row(AUTHOR, *keys)
    assert read(lambda: list(Author.objects.filter(pk__in=[*keys, 999_999]))) == {AUTHOR}
    assert read(lambda: list(Author.objects.filter(pk__in=keys)[:1])) == {AUTHOR}


def test_objects_of_a_many_to_many_depend_on_its_tables() -> None:
    article = make_article()
    article.tags.add(make_tag())
    found = read(lambda: list(Article.objects.get(pk=article.pk).tags.all()))
    assert found == row(ARTICLE, article.pk) | {"library.tag", "library.article_tags"}


def test_a_row_of_two_tables_is_a_row_in_each() -> None:
    feature = Feature.objects.create(slug="x", author=make_author())
    found = read(lambda: Feature.objects.get(slug="x"))
    assert found == row(ARTICLE, feature.pk) | row(FEATURE, feature.pk)


@pytest.mark.parametrize(
    "view",
    [
        lambda: list(Author.objects.all()),
        Author.objects.count,
        lambda: Author.objects.filter(name="Colette").first(),
        lambda: Author.objects.filter(pk=Author.objects.values("pk")[:1]).first(),
        lambda: Author.objects.filter(pk__gt=0).first(),
        lambda: Author.objects.filter(pk=1).exists(),
        lambda: Author.objects.filter(pk=1).values("name").first(),
        lambda: list(Author.objects.filter(pk=1) | Author.objects.filter(name="x")),
        lambda: Author.objects.annotate(count=Value(1)).aggregate(Count("pk")),
        lambda: list(Author.objects.raw("SELECT * FROM library_author WHERE id = 1")),
        lambda: list(
            Author.objects.raw("SELECT id, name FROM library_author WHERE id = %(a)s", {"a": 1})
        ),
    ],
)
def test_anything_else_depends_on_the_table(view: Callable[[], object]) -> None:
    make_author()
    assert read(view) == {AUTHOR}


def test_sql_of_the_site_is_read_too() -> None:
    author = make_author()
    text = "SELECT name, id AS i FROM library_author WHERE id = %s"

    def view() -> None:
        with connection.cursor() as cursor:
            cursor.execute(text, [author.pk])
            assert cursor.rowcount in {1, -1}
            assert cursor.fetchone() == ("Colette", author.pk)
            assert cursor.fetchone() is None
            cursor.execute(text, [author.pk])
            assert [tuple(found) for found in cursor] == [("Colette", author.pk)]
            cursor.execute(text, (author.pk,))
            assert len(cursor.fetchmany(5)) == 1
            assert len(cursor.fetchmany(5)) == 0
            cursor.execute(text, [str(author.pk)])
            assert len(cursor.fetchall()) == 1

    assert read(view) == {AUTHOR}, "the last one's value is no number"


def test_the_place_of_a_key_behind_a_star_is_not_guessed() -> None:
    comment = Comment.objects.create(pk=4711, article=make_article(), text="Fine.")

    def view() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT c.*, c.id FROM library_comment c WHERE c.id = %s", [comment.pk])

    assert read(view) == {"library.comment"}


def test_rows_come_as_the_driver_gives_them() -> None:
    author = make_author()
    found: list[Any] = []

    def view() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, name FROM library_author WHERE id = %s", [author.pk])
            found.append(cursor.fetchall())

    view()
    assert read(view) == row(AUTHOR, author.pk)
    plain, watched = found
    assert plain == watched
    assert type(plain) is type(watched)


def test_executemany_of_a_query_answers_as_ever() -> None:
    """SQLite refuses it, and psycopg has no rows of it to look at."""
    author = make_author()
    answers: list[str] = []

    def view() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.executemany("SELECT id FROM library_author WHERE id = %s", [[author.pk]])
        except DatabaseError as error:
            answers.append(str(error))

    view()
    assert read(view) == {AUTHOR}
    assert len(set(answers)) == len(answers) / 2


def test_a_few_rows_are_rows_and_many_are_the_table(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "MAX_ROWS": 3}
    authors = [make_author().pk for _ in range(4)]
    article = make_article(author=Author(pk=authors[0]))

    def each(keys: list[int]) -> set[str]:
        return read(lambda: [Author.objects.get(pk=key) for key in keys])

    assert each(authors[:3]) == row(AUTHOR, *authors[:3])
    assert each(authors) == {AUTHOR}
    assert read(lambda: list(Author.objects.filter(pk__in=authors))) == {AUTHOR}
    assert read(
        lambda: [Article.objects.get(pk=article.pk), *map(Author.objects.in_bulk, [authors[:3]])]
    ) == row(ARTICLE, article.pk) | {AUTHOR}


def test_a_list_and_a_row_of_a_table_are_the_table() -> None:
    author = make_author()
    assert read(lambda: [Author.objects.get(pk=author.pk), Author.objects.count()]) == {AUTHOR}


# What a write changed


def one(label: str, *keys: object) -> set[str]:
    """Return the tags of a change to these rows."""
    return {label, *(f"{label}:{key}" for key in keys)}


def rows_of(label: str) -> set[str]:
    """Return the tags of a change to rows that are not known."""
    return {label, f"{label}:*"}


def test_an_insert_changes_no_row() -> None:
    assert changed(make_author) == {AUTHOR}
    assert changed(lambda: Author.objects.bulk_create([Author(name="a"), Author(name="b")])) == {
        AUTHOR
    }


def test_saving_changes_one_row() -> None:
    author = make_author()
    assert changed(author.save) == one(AUTHOR, author.pk)
    assert changed(lambda: author.save(update_fields=["name"])) == one(AUTHOR, author.pk)
    by_key = Author.objects.filter(pk=author.pk)
    assert changed(lambda: by_key.update(name=Concat(F("name"), Value("!")))) == one(
        AUTHOR, author.pk
    )


def test_updating_several_by_key_changes_these() -> None:
    authors = [make_author() for _ in range(3)]
    keys = [author.pk for author in authors]
    assert changed(lambda: Author.objects.filter(pk__in=keys).update(name="x")) == one(
        AUTHOR, *keys
    )
    assert changed(lambda: Author.objects.bulk_update(authors, ["name"])) == one(AUTHOR, *keys)


def test_deleting_changes_the_rows_and_those_that_fall_with_them() -> None:
    article = make_article()
    keep = make_article("keep")
    comment = make_comment(article)
    found = changed(article.delete)
    assert one(ARTICLE, comment.article_id) <= found
    assert f"{ARTICLE}:{keep.pk}" not in found
    assert f"{ARTICLE}:*" not in found
    assert "library.comment" in found


def test_a_row_of_two_tables_is_changed_in_both() -> None:
    feature = Feature.objects.create(slug="x", author=make_author())
    feature.picture = "y"
    assert changed(feature.save) == one(ARTICLE, feature.pk) | one(FEATURE, feature.pk)


def test_executemany_changes_the_rows_of_all_its_runs() -> None:
    keys = [make_author().pk for _ in range(3)]

    def write(keys: list[int]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE library_author SET name = 'x' WHERE id = %s", [[key] for key in keys]
            )

    assert changed(lambda: write(keys)) == one(AUTHOR, *keys)
    assert changed(lambda: write([*range(10_000, 10_001 + MOST_WRITTEN)])) == rows_of(AUTHOR)
    assert changed(lambda: write([keys[0]] * MOST_WRITTEN)) == one(AUTHOR, keys[0])
    assert changed(lambda: write([keys[0]] * MOST_WRITTEN + keys[1:])) == rows_of(AUTHOR)


def test_executemany_that_stops_midway_changes_all_rows() -> None:
    """The driver has consumed some runs of an iterator, and the database may keep what they did."""
    articles = [make_article(slug) for slug in "abc"]
    runs: Any = ([slug, article.pk] for slug, article in zip("dcf", articles, strict=True))
    with noting() as announced, connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.executemany("UPDATE library_article SET slug = %s WHERE id = %s", runs)
    assert announced == rows_of(ARTICLE)


@pytest.mark.parametrize(
    "sql, params",
    [
        ("UPDATE library_author SET name = 'x' WHERE name = %s", ["y"]),
        ("UPDATE library_author SET name = 'x' WHERE id > %s", [1]),
        ("UPDATE library_author SET name = 'x' WHERE id = %s OR name = 'y'", [1]),
        ("UPDATE library_author SET name = 'x' WHERE id = %s", ["1"]),
        ("UPDATE library_author SET name = 'x' WHERE id = '1'", None),
        ("UPDATE library_author SET id = 4711 WHERE id = %s", [4712]),
        ("UPDATE library_author SET name = 'x' WHERE id IN (SELECT 1)", None),
        ("UPDATE library_author SET name = 'x'", None),
        ("DELETE FROM library_author WHERE country = 'xx'", None),
    ],
)
def test_a_write_that_does_not_name_its_rows_changes_all(sql: str, params: Any) -> None:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    assert changed(write) == rows_of(AUTHOR)


def test_a_number_in_the_text_names_a_row() -> None:
    author = make_author()

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE library_author SET name = 'x' WHERE id = {author.pk}")

    assert changed(write) == one(AUTHOR, author.pk)


def test_parameters_that_are_not_those_of_the_text_change_all() -> None:
    found = footprint("DELETE FROM library_author WHERE id = %s", connection.vendor)
    assert tags_changed(found, [[1]]) == one(AUTHOR, 1)
    assert tags_changed(found, []) == {AUTHOR}
    assert tags_changed(found, [[1, 2]]) == tags_changed(found, [{"a": 1}]) == rows_of(AUTHOR)


def test_an_upsert_may_change_any_row() -> None:
    badge = Badge(pk=uuid4(), kind="gold", number=1)
    unique = None if connection.vendor == "mysql" else ["id"]

    def write() -> None:
        Badge.objects.bulk_create(
            [badge], update_conflicts=True, update_fields=["kind"], unique_fields=unique
        )

    assert changed(write) == rows_of(BADGE)


def test_a_rolled_back_write_changes_nothing() -> None:
    author = make_author()

    def write() -> None:
        with suppress(ZeroDivisionError), transaction.atomic():
            author.save()
            1 / 0  # noqa: B018 rolls back

    assert changed(write) == set()


def test_rows_that_this_process_does_not_tell_apart_change_together(settings: Any) -> None:
    """Another process may: one of an earlier release, or with an app that this one lacks."""
    author = make_author()
    settings.PAGECACHE = {"ENABLED": True, "ALIASES": {"library_author": ["library_author"]}}
    assert read(lambda: Author.objects.get(pk=author.pk)) == {AUTHOR}
    assert changed(author.save) == rows_of(AUTHOR)
    assert changed(make_author) == {AUTHOR}
    assert changed(lambda: invalidate(author)) == changed(lambda: invalidate(Author))
    assert changed(lambda: invalidate(author)) == rows_of(AUTHOR)


def test_rows_of_tables_without_a_model_change_together() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE elsewhere (id integer)")
        cursor.execute("DELETE FROM elsewhere WHERE id = 1")
        assert writes.unannounced() == rows_of("table:elsewhere")
        cursor.execute("DROP TABLE elsewhere")


def test_rows_of_tables_of_other_apps_are_told_apart_too() -> None:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_content_type WHERE id = 4711")

    assert changed(write) == one("contenttypes.contenttype", 4711)


def test_rows_in_a_form_of_the_drivers_own_count_as_the_table() -> None:
    class Named(dict[str, object]):
        """A row that has no places."""

    sql = "SELECT id FROM library_author WHERE id = %s"
    rows = footprint(sql, connection.vendor).rows
    assert rows is not None
    lookup, render = lookup_of(rows), Recorder()
    assert lookup is not None
    assert lookup.most([1]) == 1
    _record_rows(render, lookup, 1, [Named(id=1)])  # type: ignore[list-item]
    assert render.tags == {AUTHOR}


# Through a whole request


def film_page(request: HttpRequest, slug: str) -> HttpResponse:
    article = get_object_or_404(Article.objects.select_related("author"), slug=slug)
    return HttpResponse(f"{article.title} by {article.author.name}")


def test_a_write_drops_the_page_of_its_row_and_no_other(lane: Lane) -> None:
    lane.mount(path("<slug:slug>/", lane.page(film_page)))
    first, second = make_article("a"), make_article("b")
    for slug in ("a", "b"):
        assert lane.see(f"/{slug}/").stored
        assert lane.see(f"/{slug}/").hit
    second.title = "New"
    second.save()
    assert lane.see("/a/").hit
    assert lane.read("/b/") == "New by Colette"
    first.author.name = "Sidonie"
    first.author.save()
    assert lane.read("/a/") == "A by Sidonie"
    assert lane.see("/b/").hit
    Author.objects.update(name="Willy")
    assert [lane.read("/a/"), lane.read("/b/")] == ["A by Willy", "New by Willy"]
    first.delete()
    assert lane.get("/a/").status_code == 404
    assert lane.see("/b/").hit


@pytest.mark.parametrize(
    "tell", [lambda: Author.objects.update(country="be"), lambda: invalidate(Author)]
)
def test_a_release_that_tells_no_rows_apart_drops_pages_of_one_that_does(
    lane: Lane, tell: Callable[[], object]
) -> None:
    author = make_author()
    lane.show(lambda request: HttpResponse(Author.objects.get(pk=author.pk).name))
    assert lane.see().stored
    assert lane.see().hit
    lane.configure(ALIASES={"library_author": ["library_author"]})
    tell()
    lane.configure(ALIASES=None)
    assert not lane.see().hit


def test_a_page_that_depends_on_an_instance_is_dropped_with_it(lane: Lane) -> None:
    author, other = make_author(), make_author()

    def view(request: HttpRequest) -> HttpResponse:
        depends_on(author)
        return HttpResponse("x")

    lane.show(view)
    assert lane.see().stored
    other.save()
    invalidate(other)
    assert lane.see().hit
    invalidate(author)
    assert not lane.see().hit
    assert lane.see().hit
    invalidate(Author)
    assert not lane.see().hit
