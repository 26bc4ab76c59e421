"""Every way of writing against every way of reading: no page survives a write to what it read."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client, override_settings

from tests import settings
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.site.models import Article, Author, Tag, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = {
    "list with select_related": "/articles/",
    "object by slug": "/articles/gigi/",
    "object by primary key": "/articles/number/1001/",
    "prefetched m2m": "/tags/",
    "aggregate": "/totals/",
    "raw SQL read": "/raw/",
    "template with a queryset": "/template/",
}


class RolledBackError(Exception):
    """Takes a transaction back."""


def gigi() -> Article:
    return Article.objects.get(slug="gigi")


def save() -> None:
    article = gigi()
    article.views = 10
    article.save()


def save_update_fields() -> None:
    article = gigi()
    article.views = 10
    article.save(update_fields=["views"])


def update() -> None:
    Article.objects.filter(slug="gigi").update(views=10)


def f_update() -> None:
    Article.objects.update(views=F("views") + 1)


def create() -> None:
    Article.objects.create(slug="new", title="New", author=gigi().author)


def bulk_create() -> None:
    author = gigi().author
    Article.objects.bulk_create(Article(slug=slug, author=author) for slug in ("new", "newer"))


def bulk_update() -> None:
    article = gigi()
    article.views = 10
    Article.objects.bulk_update([article], ["views"])


def get_or_create() -> None:
    Article.objects.get_or_create(slug="new", defaults={"author": gigi().author})


def update_or_create() -> None:
    Article.objects.update_or_create(slug="gigi", defaults={"views": 10})


def delete() -> None:
    gigi().delete()


def queryset_delete() -> None:
    Article.objects.filter(slug="gigi").delete()


def cascade() -> None:
    gigi().author.delete()


def update_related_row() -> None:
    Author.objects.update(name="Sidonie", country="be")


def m2m_add() -> None:
    gigi().tags.add(Tag.objects.get(name="spare"))


def m2m_clear() -> None:
    gigi().tags.clear()


def m2m_set() -> None:
    gigi().tags.set(Tag.objects.all())


def m2m_reverse_add() -> None:
    Tag.objects.get(name="spare").articles.add(gigi())


def raw_lower_case() -> None:
    with connection.cursor() as cursor:
        cursor.execute("update library_article set views = 10 where slug = 'gigi'")


def raw_quoted() -> None:
    table, views = map(connection.ops.quote_name, ("library_article", "views"))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {views} = %s", [10])


def executemany() -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE library_article SET views = %s WHERE slug = %s",
            [(10, "gigi"), (20, "cheri")],
        )


def cte_update() -> None:
    chosen = "WITH chosen AS (SELECT id FROM library_article WHERE slug = %s)"
    update = "UPDATE library_article SET views = 10 WHERE id IN"
    sql = f"{chosen} {update} (SELECT id FROM chosen)"
    if connection.vendor == "mysql":  # MariaDB takes it in the subquery only
        sql = f"{update} ({chosen} SELECT id FROM chosen)"
    with connection.cursor() as cursor:
        cursor.execute(sql, ["gigi"])


def nested_atomic() -> None:
    with transaction.atomic(), transaction.atomic():
        update()


def rolled_back_savepoint_then_write() -> None:
    with transaction.atomic():
        with suppress(RolledBackError), transaction.atomic():
            Author.objects.update(name="Nobody")
            raise RolledBackError
        update()


def save_inside_iterator() -> None:
    for article in Article.objects.iterator(chunk_size=1):
        article.views += 1
        article.save()


def write_to_unrelated_table() -> None:
    Unrelated.objects.create(note="nothing to do with it")


def rolled_back_write() -> None:
    with suppress(RolledBackError), transaction.atomic():
        update()
        raise RolledBackError


CHANGING: list[Callable[[], None]] = [
    save,
    save_update_fields,
    update,
    f_update,
    create,
    bulk_create,
    bulk_update,
    get_or_create,
    update_or_create,
    delete,
    queryset_delete,
    cascade,
    update_related_row,
    m2m_add,
    m2m_clear,
    m2m_set,
    m2m_reverse_add,
    raw_lower_case,
    raw_quoted,
    executemany,
    cte_update,
    nested_atomic,
    rolled_back_savepoint_then_write,
    save_inside_iterator,
]
HARMLESS: list[Callable[[], None]] = [write_to_unrelated_table, rolled_back_write]


@pytest.fixture(autouse=True)
def _library() -> None:
    """Two authors with an article each; the first has a tag and a comment, one tag is spare."""
    article = make_article("gigi", pk=1001)
    make_article("cheri", author=make_author("Willy", country="ch"))
    article.tags.add(make_tag("novel"))
    make_tag("spare")
    make_comment(article)


@pytest.fixture(scope="module")
def uncached() -> Client:
    """A visitor of the same site without pagecache."""
    without = [name for name in settings.MIDDLEWARE if not name.startswith("pagecache.")]
    client = Client()
    with override_settings(MIDDLEWARE=without):
        client.handler.load_middleware()
    return client


@pytest.fixture
def hits(client: Client, subtests: pytest.Subtests) -> None:
    """All pages are hits before the write."""
    for page, path in PAGES.items():
        client.get(path)
        with subtests.test("before", page=page):
            assert status(client, path).startswith("pagecache; hit")


def status(client: Client, path: str) -> str:
    return client.get(path).headers["Cache-Status"]


def body(client: Client, path: str) -> tuple[int, str]:
    response = client.get(path)
    return response.status_code, response.content.decode()


@pytest.mark.usefixtures("hits")
@pytest.mark.parametrize("write", CHANGING, ids=lambda write: write.__name__)
def test_no_page_is_stale_after(
    write: Callable[[], None], client: Client, uncached: Client, subtests: pytest.Subtests
) -> None:
    before = {page: body(uncached, path) for page, path in PAGES.items()}

    write()

    for page, path in PAGES.items():
        with subtests.test(page=page):
            fresh = body(uncached, path)
            assert fresh != before[page], "the write is seen on this page"
            assert body(client, path) == fresh


@pytest.mark.usefixtures("hits")
@pytest.mark.parametrize("write", HARMLESS, ids=lambda write: write.__name__)
def test_no_page_is_dropped_by(
    write: Callable[[], None], client: Client, uncached: Client, subtests: pytest.Subtests
) -> None:
    write()

    for page, path in PAGES.items():
        with subtests.test(page=page):
            assert status(client, path).startswith("pagecache; hit")
            assert body(client, path) == body(uncached, path)
