"""All tables in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from demo_site.films.models import (
    Director,
    Feedback,
    Film,
    Genre,
    Keyword,
    Named,
    Review,
    Studio,
    WatchListItem,
)

if TYPE_CHECKING:  # Django's admin classes take a type parameter only in the stubs
    FilmAdminBase = admin.ModelAdmin[Film]
    NamedAdminBase = admin.ModelAdmin[Named]
    ReviewAdminBase = admin.ModelAdmin[Review]
    WatchListItemAdminBase = admin.ModelAdmin[WatchListItem]
    FeedbackAdminBase = admin.ModelAdmin[Feedback]
else:
    FilmAdminBase = NamedAdminBase = ReviewAdminBase = WatchListItemAdminBase = (
        FeedbackAdminBase
    ) = admin.ModelAdmin


@admin.register(Director, Genre, Keyword, Studio)
class NamedAdmin(NamedAdminBase):
    """Names with slugs."""

    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Film)
class FilmAdmin(FilmAdminBase):
    """Films, found by title."""

    list_display = ["title", "year", "director", "genre", "imdb_rating"]
    list_filter = ["genre", "certificate"]
    list_select_related = ["director", "genre"]
    search_fields = ["title"]
    autocomplete_fields = ["director", "studio", "keywords"]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(Review)
class ReviewAdmin(ReviewAdminBase):
    """What visitors wrote."""

    list_display = ["film", "author", "stars", "written"]
    list_select_related = ["film", "author"]
    autocomplete_fields = ["film"]


@admin.register(WatchListItem)
class WatchListItemAdmin(WatchListItemAdminBase):
    """What visitors mean to see."""

    list_display = ["owner", "film", "added"]
    list_select_related = ["owner", "film"]
    autocomplete_fields = ["film"]


@admin.register(Feedback)
class FeedbackAdmin(FeedbackAdminBase):
    """Messages to the site."""

    list_display = ["name", "sent", "message"]
