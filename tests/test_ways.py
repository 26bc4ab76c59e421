"""Ways of writing beside those of `test_writes.py`: each changes an answer, and so what the answer depends on.

On whatever database this runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import F, Max
from django.test.utils import CaptureQueriesContext

from pagecache.invalidation import announcer
from pagecache.recording.recorder import Recorder, recording
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.site.models import Article, Author, Badge, Comment, Feature, Tag, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)

Work = Callable[[], object]
ODD = 'Odd "name" of a täble'


class French(Author):
    """A proxy: another name for the same rows."""

    class Meta:
        app_label = "library"
        proxy = True


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What was announced."""
    tags: set[str] = set()
    announce = announcer.announce

    def noted(some: Any = ()) -> None:
        tags.update(some)
        announce(some)

    monkeypatch.setattr(announcer, "announce", noted)
    return tags


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
    except Article.DoesNotExist:
        return None


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
