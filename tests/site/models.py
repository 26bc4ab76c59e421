"""Articles with authors, tags, comments and notes; and a table that has nothing to do with them."""

from uuid import uuid4

import django
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2, default="fr")

    def __str__(self) -> str:
        return self.name


class Writer(models.Model):
    """Swapped: `LIBRARY_WRITER_MODEL` has another in its place."""

    class Meta:
        swappable = "LIBRARY_WRITER_MODEL"

    def __str__(self) -> str:
        return "nobody"


class Note(models.Model):
    """Says something about a row of any table."""

    # No constraint: tables of apps without migrations are made before those of apps with them.
    content_type = models.ForeignKey(ContentType, models.CASCADE, db_constraint=False)
    object_id = models.PositiveIntegerField()
    about = GenericForeignKey()
    text = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return self.text


class Tag(models.Model):
    name = models.CharField(max_length=100)
    notes = GenericRelation(Note, related_query_name="tag")

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


if django.VERSION >= (6, 1):

    class Shelf(models.Model):
        """Falls with the one around it, which is a row of the same table."""

        label = models.CharField(max_length=20)
        around = models.ForeignKey("self", models.DB_CASCADE, null=True)

        def __str__(self) -> str:
            return self.label

    class Book(models.Model):
        """Falls with its shelf by the database itself."""

        title = models.CharField(max_length=20)
        shelf = models.ForeignKey(Shelf, models.DB_CASCADE)

        def __str__(self) -> str:
            return self.title

    class Mark(models.Model):
        """Loses its book by the database itself, also where that fell with its shelf."""

        text = models.CharField(max_length=20)
        book = models.ForeignKey(Book, models.DB_SET_NULL, null=True)

        def __str__(self) -> str:
            return self.text

    class Label(models.Model):
        """Goes to another book by the database itself, where it has that."""

        text = models.CharField(max_length=20)
        book = models.ForeignKey(Book, models.DB_SET_DEFAULT, db_default=1)

        class Meta:
            required_db_features = ["supports_on_delete_db_default"]

        def __str__(self) -> str:
            return self.text
