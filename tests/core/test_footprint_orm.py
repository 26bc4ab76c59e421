"""What Django's ORM writes is understood, and touches just the tables that it should."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, models, transaction
from django.db.models import functions as fn

from pagecache.core.footprint import Footprint, footprint
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.site.models import Article, Author, Comment, Tag, Unrelated

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
F, Q, OuterRef = models.F, models.Q, models.OuterRef
articles, authors, comments, tags = Article.objects, Author.objects, Comment.objects, Tag.objects


def rank() -> models.Window:
    return models.Window(fn.Rank(), partition_by=F("author"), order_by=F("views").desc())


def last_text() -> models.Subquery:
    return models.Subquery(
        comments.filter(article=OuterRef("pk")).order_by("-pk").values("text")[:1]
    )


def tagged(name: str) -> models.Exists:
    return models.Exists(Tag.objects.filter(articles=OuterRef("pk"), name=name))


def kind() -> models.Case:
    few = models.When(views__lt=3, then=models.Value("few"))
    return models.Case(few, default=fn.Lower("title"), output_field=models.CharField())


READS: dict[str, tuple[Callable[[], Any], str]] = {
    "all": (articles.all, "article"),
    "get": (lambda: articles.filter(slug="gigi").first(), "article"),
    "none": (articles.none, ""),
    "pk__in": (lambda: articles.filter(pk__in=range(1, 50)), "article"),
    "slice": (lambda: articles.order_by("-views")[2:5], "article"),
    "random order": (lambda: articles.order_by("?"), "article"),
    "exists": (lambda: articles.filter(views=1).exists(), "article"),
    "count": (articles.count, "article"),
    "count distinct": (
        lambda: articles.values("author__name").distinct().count(),
        "article author",
    ),
    "in_bulk": (lambda: articles.in_bulk(["gigi"], field_name="slug"), "article"),
    "select_related": (
        lambda: comments.select_related("article__author"),
        "comment article author",
    ),
    "reverse join": (
        lambda: authors.filter(articles__comments__text="x"),
        "author article comment",
    ),
    "exclude": (
        lambda: authors.exclude(articles__tags__name="x"),
        "author article article_tags tag",
    ),
    "m2m": (lambda: articles.filter(tags__name="x"), "article article_tags tag"),
    "m2m twice": (lambda: articles.filter(tags=1).filter(tags=2), "article article_tags"),
    "isnull": (lambda: authors.filter(articles__isnull=True), "author article"),
    "prefetch": (lambda: articles.prefetch_related("tags"), "article article_tags tag"),
    "prefetch to": (
        lambda: authors.prefetch_related(
            models.Prefetch("articles", articles.filter(views=0).select_related("author"), "unseen")
        ),
        "author article",
    ),
    "aggregate": (
        lambda: articles.aggregate(
            models.Sum("views"), models.Avg("views"), models.StdDev("views")
        ),
        "article",
    ),
    "aggregate over annotate": (
        lambda: authors.annotate(n=models.Count("articles")).aggregate(models.Max("n")),
        "author article",
    ),
    "filtered count": (
        lambda: authors.annotate(
            n=models.Count("articles", Q(articles__views__gt=1), distinct=True)
        ),
        "author article",
    ),
    "having": (
        lambda: authors.annotate(n=models.Count("articles__tags")).filter(n__gt=0),
        "author article article_tags",
    ),
    "group by": (
        lambda: articles.values("author__country").annotate(n=models.Count("pk")),
        "article author",
    ),
    "filtered relation": (
        lambda: authors.annotate(
            new=models.FilteredRelation("articles", condition=Q(articles__views=0))
        ).filter(new__slug="x"),
        "author article",
    ),
    "subquery": (lambda: articles.annotate(last=last_text()), "article comment"),
    "exists subquery": (lambda: articles.filter(tagged("x")), "article article_tags tag"),
    "not exists": (lambda: articles.filter(~tagged("x") | Q(views=1)), "article article_tags tag"),
    "queryset in": (
        lambda: articles.filter(author__in=authors.filter(country="fr")),
        "article author",
    ),
    "window": (lambda: articles.annotate(rank=rank()), "article"),
    "window filtered": (lambda: articles.annotate(rank=rank()).filter(rank=1), "article"),
    "window frame": (
        lambda: articles.annotate(
            total=models.Window(
                models.Sum("views"), order_by="pk", frame=models.RowRange(start=-1, end=None)
            )
        ),
        "article",
    ),
    "case": (lambda: articles.annotate(kind=kind()).order_by("kind"), "article"),
    "union": (
        lambda: (
            articles.order_by()
            .values_list("slug")
            .union(tags.values_list("name"), all=True)
            .order_by("slug")
        ),
        "article tag",
    ),
    "difference": (
        lambda: tags.values_list("pk").difference(comments.values_list("pk")),
        "tag comment",
    ),
    "intersection": (
        lambda: tags.values_list("pk").intersection(authors.values_list("pk")),
        "tag author",
    ),
    "distinct": (lambda: articles.values("author__name").distinct(), "article author"),
    "dates": (lambda: articles.dates("published", "month"), "article"),
    "datetimes": (lambda: articles.datetimes("published", "hour"), "article"),
    "extract": (lambda: articles.filter(published__year=2020, published__week_day=2), "article"),
    "truncate": (lambda: articles.annotate(day=fn.TruncDay("published")).values("day"), "article"),
    "now": (lambda: articles.filter(published__lte=fn.Now()), "article"),
    "duration": (lambda: articles.annotate(age=NOW - F("published")), "article"),
    "text": (
        lambda: articles.annotate(
            x=fn.Concat(fn.Upper("title"), fn.LPad("slug", 9), fn.Left("body", 2)),
            y=fn.Length(fn.Trim("body")),
            z=fn.StrIndex("title", models.Value("x")),
            m=fn.MD5("slug"),
        ),
        "article",
    ),
    "math": (
        lambda: articles.annotate(
            x=fn.Sqrt(fn.Abs("views")), y=F("views") % 3, z=fn.Round("views")
        ),
        "article",
    ),
    "coalesce": (
        lambda: articles.annotate(
            x=fn.Coalesce(fn.NullIf("views", 0), F("pk"), output_field=models.IntegerField())
        ),
        "article",
    ),
    "cast": (
        lambda: articles.annotate(x=fn.Cast("views", models.CharField(max_length=9))),
        "article",
    ),
    "like": (
        lambda: articles.filter(title__icontains="50%", body__startswith=F("title")),
        "article",
    ),
    "regex": (lambda: articles.filter(slug__iregex=r"^g.*i$"), "article"),
    "raw": (lambda: articles.raw("SELECT a.* FROM library_article a, library_tag"), "article tag"),
    "reverse manager": (
        lambda: Author(pk=1).articles.filter(tags__name="x"),
        "article article_tags tag",
    ),
    "earliest": (
        lambda: articles.filter(author__name="x").order_by("pk").first(),
        "article author",
    ),
    "iterator": (articles.iterator, "article"),
    "values on join": (lambda: comments.values("article__author__name"), "comment article author"),
}


def named(tables: str) -> set[str]:
    return {f"library_{name}" for name in tables.split()}


def footprints(work: Callable[[], Any]) -> list[Footprint]:
    """Of each statement that the work sends; rows are fetched."""
    seen: list[Footprint] = []
    with connection.execute_wrapper(partial(note, seen)):
        result = work()
        if isinstance(result, Iterable):
            list(result)
    return seen


def note(seen: list[Footprint], execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    found = footprint(sql, connection.vendor)
    assert not found.opaque, sql
    seen.append(found)
    return execute(sql, *rest)


def tables(found: list[Footprint], side: str) -> set[str]:
    return set().union(*(getattr(one, side) for one in found))


@pytest.fixture
def article() -> Article:
    article = make_article("gigi", published=NOW)
    article.tags.add(make_tag())
    make_comment(article)
    return article


@pytest.mark.parametrize("name", READS)
def test_a_queryset_reads_just_its_tables(name: str, article: Article) -> None:
    work, expected = READS[name]
    found = footprints(work)
    assert tables(found, "reads") == named(expected)
    assert tables(found, "writes") == set()


def again(article: Article) -> Article:
    return Article(slug=article.slug, title="again", author=article.author)


def upsert(article: Article) -> Any:
    by: dict[str, Any] = {} if connection.vendor == "mysql" else {"unique_fields": ["slug"]}
    return articles.bulk_create(
        [again(article)], update_conflicts=True, update_fields=["title"], **by
    )


def locked(_: Article) -> Any:
    with transaction.atomic():
        return list(articles.select_for_update().filter(views=0))


def nested(_: Article) -> None:
    with transaction.atomic():
        make_tag("outer")
        with transaction.atomic():
            Unrelated.objects.create(note="inner")


def sql(text: str, params: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def sql_many(text: str, rows: Any) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(text, rows)


WRITES: dict[str, tuple[Callable[[Article], Any], str, str]] = {
    "create": (lambda _: make_author("Sido"), "", "author"),
    "save": (lambda one: one.save(), "article", "article"),
    "save new key": (lambda _: Author(pk=900, name="x").save(), "author", "author"),
    "save fields": (lambda one: one.save(update_fields=["title"]), "article", "article"),
    "update": (lambda _: articles.update(views=F("views") + 1), "article", "article"),
    "update across": (
        lambda _: articles.filter(author__name="x").update(views=1),
        "article author",
        "article",
    ),
    "update subquery": (
        lambda _: articles.update(body=last_text()),
        "article comment",
        "article",
    ),
    "update case": (lambda _: articles.update(slug=kind()), "article", "article"),
    "bulk_create": (lambda _: tags.bulk_create([Tag(name=str(n)) for n in range(30)]), "", "tag"),
    "bulk_create ignoring": (
        lambda one: articles.bulk_create([again(one)], ignore_conflicts=True),
        "",
        "article",
    ),
    "upsert": (upsert, "", "article"),
    "bulk_update": (
        lambda one: articles.bulk_update([one], ["title", "views"]),
        "article",
        "article",
    ),
    "get_or_create": (lambda _: tags.get_or_create(name="new"), "tag", "tag"),
    "update_or_create": (
        lambda _: tags.update_or_create({"name": "x"}, name="novel"),
        "tag",
        "tag",
    ),
    "delete": (
        lambda one: one.delete(),
        "article article_tags comment feature",
        "article article_tags comment",
    ),
    "delete many": (lambda _: comments.filter(text="x").delete(), "comment", "comment"),
    "delete across": (
        lambda _: comments.filter(article__author__name="x").delete(),
        "article author comment",
        "comment",
    ),
    "cascade": (
        lambda one: one.author.delete(),
        "article article_tags author badge comment feature note",
        "article article_tags author badge comment note",
    ),
    "m2m add": (
        lambda one: one.tags.add(Tag.objects.latest("pk")),
        "article_tags tag",
        "article_tags",
    ),
    "m2m clear": (lambda one: one.tags.clear(), "article_tags", "article_tags"),
    "m2m set": (lambda one: one.tags.set([]), "article_tags tag", "article_tags"),
    "m2m create": (lambda one: one.tags.create(name="y"), "article_tags", "article_tags tag"),
    "reverse add": (lambda one: one.author.articles.add(one, bulk=True), "article", "article"),
    "select_for_update": (locked, "article", ""),
    "raw update": (lambda _: sql("UPDATE library_tag SET name = %s", ["x"]), "tag", "tag"),
    "raw CTE": (
        lambda _: sql(
            "WITH x AS (SELECT article_id AS n FROM library_comment) "
            "DELETE FROM library_unrelated WHERE id IN (SELECT n FROM x)"
        ),
        "comment unrelated",
        "unrelated",
    ),
    "many": (
        lambda _: sql_many("INSERT INTO library_tag (name) VALUES (%s)", [["a"], ["b"]]),
        "",
        "tag",
    ),
    "nested atomic": (nested, "", "tag unrelated"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_writes_just_its_tables(name: str, article: Article) -> None:
    work, reads, writes = WRITES[name]
    found = footprints(lambda: work(article))
    assert tables(found, "writes") == named(writes)
    assert tables(found, "reads") - tables(found, "writes") == named(reads) - named(writes)


def test_a_save_tells_the_columns_that_it_sets(article: Article) -> None:
    whole, few = footprints(article.save), footprints(lambda: article.save(update_fields=["title"]))
    assert few[-1].columns == frozenset({"title"})
    assert whole[-1].columns == frozenset(
        {"title", "slug", "body", "author_id", "published", "views"}
    )


def test_permissions_are_read_through_both_ways_to_have_them() -> None:
    user = User.objects.create(username="colette")
    user.groups.add(Group.objects.create(name="editors"))
    found = footprints(user.get_all_permissions)
    assert tables(found, "reads") >= {
        "auth_permission",
        "auth_user_user_permissions",
        "auth_group_permissions",
    }
    assert tables(found, "writes") == set()
    assert footprints(lambda: Permission.objects.select_related("content_type"))[0].reads == {
        "auth_permission",
        "django_content_type",
    }
