"""Rows for tests, made by plain functions."""

from typing import Any

from tests.site.models import Article, Author, Comment, Tag


def make_author(name: str = "Colette", **fields: Any) -> Author:
    return Author.objects.create(name=name, **fields)


def make_tag(name: str = "novel") -> Tag:
    return Tag.objects.create(name=name)


def make_article(slug: str = "gigi", *, author: Author | None = None, **fields: Any) -> Article:
    fields.setdefault("title", slug.capitalize())
    return Article.objects.create(slug=slug, author=author or make_author(), **fields)


def make_comment(article: Article, text: str = "Fine.") -> Comment:
    return Comment.objects.create(article=article, text=text)
