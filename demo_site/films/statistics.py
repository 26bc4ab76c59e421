"""The numbers of the front page."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, F, Sum

from demo_site.films.models import Director, Film, Genre, Review, Studio


def totals() -> dict[str, Any]:
    """How much there is of everything."""
    return {
        **Film.objects.aggregate(
            films=Count("pk"), takings=Sum("takings"), rating=Avg("imdb_rating")
        ),
        "directors": Director.objects.count(),
        "studios": Studio.objects.count(),
        "reviews": Review.objects.count(),
    }


def decades() -> list[dict[str, Any]]:
    """Films and their mean rating by decade, with the bar's length in percent."""
    rows = list(
        Film.objects.filter(year__isnull=False)
        .values(decade=F("year") - F("year") % 10)
        .annotate(films=Count("pk"), rating=Avg("imdb_rating"))
        .order_by("decade")
    )
    most = max((row["films"] for row in rows), default=1)
    return [{**row, "percent": max(1, round(row["films"] * 100 / most))} for row in rows]


def genres() -> list[Genre]:
    """Genres by how many films they have."""
    return list(
        Genre.objects.annotate(count=Count("films"), rating=Avg("films__imdb_rating")).order_by(
            "-count"
        )
    )
