"""Seven pages that show the same articles, each reading them in a way of its own.

Every page shows titles, texts and views, the author and the tags, so that any write to one of them is seen on all.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from tests.site.models import Article


def article_list(request: HttpRequest) -> HttpResponse:
    articles = Article.objects.select_related("author").annotate(tagged=Count("tags"))
    return HttpResponse("\n".join(f"{_line(article)} {article.tagged}" for article in articles))


def article_by_slug(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse(_portrait(get_object_or_404(Article, slug=slug)))


def article_by_pk(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(_portrait(get_object_or_404(Article, pk=pk)))


def prefetched_tags(request: HttpRequest) -> HttpResponse:
    articles = Article.objects.prefetch_related("tags", "author")
    return HttpResponse("\n".join(f"{_line(article)} {_tags(article)}" for article in articles))


def totals(request: HttpRequest) -> HttpResponse:
    numbers = Article.objects.aggregate(
        articles=Count("pk", distinct=True),
        views=Sum("views"),
        countries=Count("author__country", distinct=True),
        tagged=Count("tags"),
    )
    return HttpResponse(" ".join(f"{name}={number}" for name, number in numbers.items()))


def raw_sql(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.title, a.body, a.views, p.name, p.country, "
            "(select count(*) from library_article_tags t where t.article_id = a.id) "
            "from library_article a join library_author p on p.id = a.author_id order by a.id",
        )
        return HttpResponse("\n".join(_spaced(row) for row in cursor.fetchall()))


def template(request: HttpRequest) -> HttpResponse:
    return render(request, "library/articles.html", {"articles": Article.objects.all()})


def _portrait(article: Article) -> str:
    others = article.author.articles.all()
    return "\n".join([_line(article), _tags(article), *map(_line, others)])


def _line(article: Article) -> str:
    author = article.author
    return _spaced((article.title, article.body, article.views, author.name, author.country))


def _tags(article: Article) -> str:
    return ",".join(tag.name for tag in article.tags.all())


def _spaced(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
