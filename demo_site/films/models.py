"""The catalog's tables."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Named(models.Model):
    """Something with a name that has a page at its slug."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Genre(Named):
    """What kind of film it is."""

    class Meta(Named.Meta):
        verbose_name = _("genre")
        verbose_name_plural = _("genres")

    def get_absolute_url(self) -> str:
        """The genre's list of films."""
        return reverse("genre", args=[self.slug])


class Studio(Named):
    """Who brought the film to the cinemas."""

    class Meta(Named.Meta):
        verbose_name = _("studio")
        verbose_name_plural = _("studios")

    def get_absolute_url(self) -> str:
        """The studio's list of films."""
        return reverse("studio", args=[self.slug])


class Director(Named):
    """Who made the film."""

    class Meta(Named.Meta):
        verbose_name = _("director")
        verbose_name_plural = _("directors")

    def get_absolute_url(self) -> str:
        """The director's page."""
        return reverse("director", args=[self.slug])


class Keyword(Named):
    """What the film is based on, and the world it plays in."""

    class Meta(Named.Meta):
        verbose_name = _("keyword")
        verbose_name_plural = _("keywords")


class FilmQuerySet(models.QuerySet["Film"]):
    """Films by what visitors ask for."""

    def with_names(self) -> Self:
        """Fetch what a list shows of each film in the same statement."""
        return self.select_related("director", "genre", "studio")

    def of_decade(self, decade: int) -> Self:
        """Films of ten years, such as 1990 to 1999."""
        return self.filter(year__gte=decade, year__lt=decade + 10)

    def best(self) -> Self:
        """The best rated first; unrated films last."""
        return self.order_by(models.F("imdb_rating").desc(nulls_last=True), "-imdb_votes", "title")

    def well_known(self) -> Self:
        """Films that enough people rated for the rating to mean something."""
        return self.filter(imdb_votes__gte=50_000)


class Film(models.Model):
    """One film of the catalog."""

    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    director = models.ForeignKey(
        Director,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="films",
        verbose_name=_("director"),
    )
    genre = models.ForeignKey(
        Genre, models.SET_NULL, null=True, blank=True, related_name="films", verbose_name=_("genre")
    )
    studio = models.ForeignKey(
        Studio,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="films",
        verbose_name=_("studio"),
    )
    keywords = models.ManyToManyField(
        Keyword, blank=True, related_name="films", verbose_name=_("keywords")
    )
    release_date = models.DateField(_("release date"), null=True, blank=True)
    year = models.PositiveSmallIntegerField(_("year"), null=True, editable=False, db_index=True)
    certificate = models.CharField(_("certificate"), max_length=12, blank=True)
    running_time = models.PositiveSmallIntegerField(
        _("running time in minutes"), null=True, blank=True
    )
    budget = models.BigIntegerField(_("budget in US dollars"), null=True, blank=True)
    takings = models.BigIntegerField(_("worldwide takings in US dollars"), null=True, blank=True)
    imdb_rating = models.DecimalField(
        _("IMDb rating"), max_digits=3, decimal_places=1, null=True, blank=True
    )
    imdb_votes = models.PositiveIntegerField(_("IMDb votes"), default=0)
    tomatoes = models.PositiveSmallIntegerField(
        _("Rotten Tomatoes, percent"), null=True, blank=True
    )
    note = models.TextField(_("editor's note"), blank=True)

    objects = FilmQuerySet.as_manager()

    class Meta:
        ordering = ["title", "year"]
        verbose_name = _("film")
        verbose_name_plural = _("films")
        indexes = [models.Index(fields=["-imdb_rating", "-imdb_votes"], name="film_best")]

    def __str__(self) -> str:
        return f"{self.title} ({self.year})" if self.year else self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the year in step with the release date."""
        self.year = self.release_date.year if self.release_date else None
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """The film's page."""
        return reverse("film", args=[self.slug])

    @property
    def decade(self) -> int | None:
        """The first year of the film's decade."""
        return self.year // 10 * 10 if self.year else None

    @property
    def hue(self) -> int:
        """The color of the film's poster, in degrees."""
        return self.pk * 47 % 360


class Review(models.Model):
    """What a registered visitor thinks of a film."""

    film = models.ForeignKey(Film, models.CASCADE, related_name="reviews", verbose_name=_("film"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="reviews", verbose_name=_("author")
    )
    stars = models.PositiveSmallIntegerField(
        _("stars"), validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    text = models.TextField(_("review"), max_length=2000)
    written = models.DateTimeField(_("written"), auto_now_add=True)

    class Meta:
        ordering = ["-written", "-pk"]
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        constraints = [
            models.UniqueConstraint(
                fields=["film", "author"], name="one_review_per_film_and_author"
            )
        ]

    def __str__(self) -> str:
        return f"{self.film}: {self.stars}/5"


class WatchListItem(models.Model):
    """A film that somebody means to see."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="watch_list", verbose_name=_("owner")
    )
    film = models.ForeignKey(Film, models.CASCADE, related_name="+", verbose_name=_("film"))
    added = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        ordering = ["-added", "-pk"]
        verbose_name = _("watch list item")
        verbose_name_plural = _("watch list items")
        constraints = [
            models.UniqueConstraint(fields=["owner", "film"], name="each_film_once_per_watch_list")
        ]

    def __str__(self) -> str:
        return f"{self.owner}: {self.film}"


class Feedback(models.Model):
    """A message from a visitor, who need not be registered."""

    name = models.CharField(_("your name"), max_length=80)
    message = models.TextField(_("your message"), max_length=2000)
    sent = models.DateTimeField(_("sent"), auto_now_add=True)

    class Meta:
        ordering = ["-sent", "-pk"]
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")

    def __str__(self) -> str:
        return f"{self.name}, {self.sent:%Y-%m-%d}"
