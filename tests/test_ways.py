"""Ways of writing beside those of `test_writes.py`: each changes an answer, and so what the answer depends on.

On whatever database this runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import F, Max, Model
from django.test.utils import CaptureQueriesContext

from pagecache import depends_on
from pagecache.recording.recorder import Recorder, recording
from tests.announced import noting
from tests.site import models as site
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.site.models import (
    Article,
    Author,
    Badge,
    Comment,
    Feature,
    Note,
    Tag,
    Unrelated,
    Writer,
)

pytestmark = pytest.mark.django_db(transaction=True)

Work = Callable[[], object]
ODD = 'Odd "name" of a täble'


class French(Author):
    """A proxy: another name for the same rows."""

    class Meta:
        app_label = "library"
        proxy = True


@pytest.fixture
def announced() -> Iterator[set[str]]:
    """What was announced."""
    with noting() as tags:
        yield tags


@pytest.fixture(autouse=True)
def _library() -> None:
    author = make_author("Colette")
    article = make_article("gigi", author=author)
    article.tags.add(make_tag("novel"))
    make_comment(article)
    Badge.objects.create(kind="gold", number=1, author=author)
    Feature.objects.create(slug="feature", author=author, picture="a")
    group = Group.objects.create(name="editors")
    User.objects.create(username="ann").groups.add(group)
    Note.objects.create(about=Tag.objects.get(), text="short", author=author)


def author() -> Author:
    return Author.objects.get(name="Colette")


def tags_of_gigi() -> int:
    return Article.objects.get(slug="gigi").tags.count()


def emptied() -> None:
    how = "DELETE FROM" if connection.vendor == "sqlite" else "TRUNCATE TABLE"
    sql(f"{how} library_unrelated")


def sql(text: str, params: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def in_loop(work: Callable[[], Any]) -> None:
    async def run() -> None:
        await work()
        await sync_to_async(connections.close_all)()  # those of the thread that works for the loop

    asyncio.run(run())


def first(model: Any, field: str) -> Callable[[], Any]:
    return lambda: model.objects.order_by("pk").values_list(field, flat=True).first()


WAYS: dict[str, tuple[Work, Work]] = {
    "bulk create that ignores conflicts": (
        Badge.objects.count,
        lambda: Badge.objects.bulk_create(
            [Badge(kind="gold", number=1), Badge(kind="new", number=1)], ignore_conflicts=True
        ),
    ),
    "bulk create in batches": (
        Author.objects.count,
        lambda: Author.objects.bulk_create([Author(name=str(n)) for n in range(30)], batch_size=7),
    ),
    "bulk create that updates what conflicts": (
        lambda: Badge.objects.get(kind="gold", number=1).author_id,
        lambda: _upserted("gold"),
    ),
    "bulk create that updates one of the rows": (
        first(Badge, "author"),
        lambda: _upserted("silver", "gold"),
    ),
    "a foreign key that is set to null when its row goes": (
        lambda: Note.objects.get(text="short").author_id,
        lambda: author().delete(),
    ),
    "a foreign key set to null": (
        lambda: Badge.objects.get(kind="gold").author_id,
        lambda: Badge.objects.update(author=None),
    ),
    "a fast delete": (Comment.objects.count, lambda: Comment.objects.all().delete()),
    "a delete that cascades over two tables": (
        Comment.objects.count,
        lambda: author().delete(),
    ),
    "a delete of what a child table holds": (
        Feature.objects.count,
        lambda: Article.objects.get(slug="feature").delete(),
    ),
    "a parent's column through its child": (
        lambda: Article.objects.get(slug="feature").title,
        lambda: Feature.objects.filter(slug="feature").update(title="new"),
    ),
    "a child's column": (
        lambda: Feature.objects.get(slug="feature").picture,
        lambda: Feature.objects.update(picture="b"),
    ),
    "a proxy": (
        lambda: author().country,
        lambda: French.objects.filter(name="Colette").update(country="be"),
    ),
    "a row of a many-to-many's own table": (
        lambda: list(Article.objects.get(slug="gigi").tags.all()),
        lambda: Article.tags.through.objects.all().delete(),
    ),
    "the other side of a many-to-many": (
        lambda: list(User.objects.get(username="ann").groups.all()),
        lambda: Group.objects.get().user_set.set([]),
    ),
    "a set of a many-to-many with objects that are new": (
        tags_of_gigi,
        lambda: Article.objects.get(slug="gigi").tags.set([make_tag("a"), make_tag("b")]),
    ),
    "what a generic foreign key points to": (
        lambda: [str(note.about) for note in Note.objects.all()],
        lambda: Tag.objects.update(name="essay"),
    ),
    "what a generic foreign key points to, prefetched": (
        lambda: [str(note.about) for note in Note.objects.prefetch_related("about")],
        lambda: Tag.objects.update(name="essay"),
    ),
    "a generic foreign key that points elsewhere": (
        lambda: str(Note.objects.get(text="short").about),
        lambda: _pointed(author()),
    ),
    "the other side of a generic foreign key": (
        lambda: Note.objects.filter(tag__name="novel").count(),
        lambda: Tag.objects.get(name="novel").notes.add(Note(text="long"), bulk=False),
    ),
    "rows that fall with what they point to generically": (
        Note.objects.count,
        lambda: Tag.objects.all().delete(),
    ),
    "rows that a server-side cursor fetches": (
        lambda: [one.country for one in Author.objects.iterator(chunk_size=1)],
        lambda: Author.objects.update(country="be"),
    ),
    "a row that another app points to": (
        lambda: Permission.objects.filter(content_type__app_label="library").count(),
        lambda: ContentType.objects.get_for_model(Tag).delete(),
    ),
    "select for update, then save": (
        lambda: author().country,
        lambda: _locked("be"),
    ),
    "in_bulk, then bulk_update": (
        first(Author, "country"),
        lambda: _in_bulk("be"),
    ),
    "an expression of another table": (
        lambda: Article.objects.aggregate(Max("views")),
        lambda: Article.objects.update(views=F("views") + F("pk")),
    ),
    "aupdate": (
        first(Author, "country"),
        lambda: in_loop(lambda: Author.objects.all().aupdate(country="be")),
    ),
    "asave": (first(Author, "country"), lambda: in_loop(_asaved)),
    "acreate": (Tag.objects.count, lambda: in_loop(lambda: Tag.objects.acreate(name="x"))),
    "abulk_create": (
        Tag.objects.count,
        lambda: in_loop(lambda: Tag.objects.abulk_create([Tag(name="x")])),
    ),
    "adelete": (Comment.objects.count, lambda: in_loop(lambda: Comment.objects.all().adelete())),
    "many-to-many aset": (
        tags_of_gigi,
        lambda: in_loop(_aset),
    ),
    "a durable transaction": (first(Author, "country"), lambda: _durable("be")),
    "a management command": (Comment.objects.count, lambda: call_command("flush", verbosity=0, interactive=False)),
    "emptying a table": (
        Unrelated.objects.count,
        emptied,
    ),
    "insert from a select": (
        Tag.objects.count,
        lambda: sql("INSERT INTO library_tag (name) SELECT name FROM library_author"),
    ),
    "delete by a subquery": (
        Comment.objects.count,
        lambda: sql(
            "DELETE FROM library_comment WHERE article_id IN (SELECT id FROM library_article)"
        ),
    ),
    "a comment before the statement": (
        first(Author, "country"),
        lambda: sql("/* who */ -- and why\nUPDATE library_author SET country = 'be'"),
    ),
}  # fmt: skip


if django.VERSION >= (6, 1):
    Book: Any = site.Book
    Mark: Any = site.Mark
    Shelf: Any = site.Shelf
    OUTER, INNER, ODES = 1, 2, 3
    WAYS |= {
        "rows that the database deletes with others": (
            Book.objects.count,
            lambda: Shelf.objects.filter(label="poems").delete(),
        ),
        "a row that the database deletes with its own": (
            lambda: Book.objects.get(pk=ODES).title,
            lambda: Shelf.objects.get(label="poems").delete(),
        ),
        "a row that the database deletes with another of its table": (
            lambda: Shelf.objects.get(pk=INNER).label,
            lambda: Shelf.objects.filter(pk=OUTER).delete(),
        ),
        "a foreign key that the database sets to null": (
            lambda: Mark.objects.get(text="here").book_id,
            lambda: Book.objects.all().delete(),
        ),
        "a foreign key that the database sets to null two tables away": (
            lambda: Mark.objects.get(text="here").book_id,
            lambda: sql("DELETE FROM library_shelf"),
        ),
    }

    @pytest.fixture(autouse=True)
    def _shelf() -> None:
        Shelf.objects.create(pk=OUTER, label="all")
        shelf = Shelf.objects.create(pk=INNER, label="poems", around_id=OUTER)
        Mark.objects.create(
            text="here", book=Book.objects.create(pk=ODES, title="Odes", shelf=shelf)
        )


if getattr(connection.features, "supports_on_delete_db_default", False):

    def test_a_foreign_key_that_the_database_sets_to_its_default(announced: set[str]) -> None:
        label: Any = site.Label
        Book.objects.create(pk=1, title="Epodes", shelf_id=OUTER)
        label.objects.create(text="here", book_id=ODES)
        render = Recorder()
        with recording(render):
            assert label.objects.get(text="here").book_id == ODES
        announced.clear()
        Book.objects.filter(pk=ODES).delete()
        assert label.objects.get(text="here").book_id == 1
        assert not announced.isdisjoint(render.tags)


def _upserted(*kinds: str) -> None:
    to = ["kind", "number"] if connection.features.supports_update_conflicts_with_target else None
    Badge.objects.bulk_create(
        [Badge(kind=kind, number=1) for kind in kinds],
        update_conflicts=True,
        update_fields=["author"],
        unique_fields=to,
    )


def _pointed(to: Model) -> None:
    note = Note.objects.get(text="short")
    note.about = to
    note.save()


def _locked(country: str) -> None:
    with transaction.atomic():
        found = Author.objects.select_for_update().get(name="Colette")
        found.country = country
        found.save()


def _in_bulk(country: str) -> None:
    found = list(Author.objects.in_bulk().values())
    for one in found:
        one.country = country
    Author.objects.bulk_update(found, ["country"])


async def _asaved() -> None:
    found = await Author.objects.aget(name="Colette")
    found.country = "be"
    await found.asave()


async def _aset() -> None:
    await (await Article.objects.aget(slug="gigi")).tags.aset([])


def _durable(country: str) -> None:
    with transaction.atomic(durable=True):
        Author.objects.update(country=country)


@pytest.mark.parametrize("way", WAYS)
def test_a_write_announces_what_the_answer_depends_on(way: str, announced: set[str]) -> None:
    read, write = WAYS[way]
    if way == "emptying a table":
        Unrelated.objects.create(note="x")
    render = Recorder()
    with recording(render):
        before = read()
    announced.clear()
    try:
        write()
        after = _answer(read)
    finally:
        connections.close_all()
    assert after != before, "the write changes the answer"
    assert not announced.isdisjoint(render.tags)


def _answer(read: Work) -> object:
    try:
        return read()
    except ObjectDoesNotExist:
        return None


@pytest.mark.parametrize("swapped", [Writer, "library.Writer"])
def test_a_page_that_names_a_swapped_model_is_dropped_by_the_one_in_its_place(
    announced: set[str], swapped: Any
) -> None:
    render = Recorder()
    with recording(render):
        depends_on(swapped)
    announced.clear()
    Author.objects.create(name="Willy")
    assert not announced.isdisjoint(render.tags)


def test_a_table_of_an_odd_name_is_named_in_one_way(announced: set[str]) -> None:
    quoted = connection.ops.quote_name(ODD.replace('"', ""))
    sql(f"CREATE TABLE {quoted} (x integer)")
    try:
        render = Recorder()
        with recording(render), CaptureQueriesContext(connection):
            sql(f"SELECT x FROM {quoted}")
        announced.clear()
        sql(f"INSERT INTO {quoted} (x) VALUES (1)")
        assert render.tags
        assert render.tags <= announced
    finally:
        sql(f"DROP TABLE {quoted}")
