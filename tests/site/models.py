"""Articles with authors, tags and comments; and a table that has nothing to do with them."""

from uuid import uuid4

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2, default="fr")

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    title = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)
    body = models.TextField(default="")
    author = models.ForeignKey(Author, models.CASCADE, related_name="articles")
    tags = models.ManyToManyField(Tag, related_name="articles")
    published = models.DateTimeField(null=True)
    views = models.IntegerField(default=0)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title


class Comment(models.Model):
    article = models.ForeignKey(Article, models.CASCADE, related_name="comments")
    text = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.text


class Feature(Article):
    """Multi-table inheritance: a row in two tables."""

    picture = models.CharField(max_length=100, default="")


class Badge(models.Model):
    """A key that is no number, and a pair of columns that no two rows share."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    author = models.OneToOneField(Author, models.CASCADE, null=True)
    kind = models.CharField(max_length=20)
    number = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number"], name="badge_number")]

    def __str__(self) -> str:
        return self.kind


class Unrelated(models.Model):
    note = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.note
