"""The demo's accounts. Their passwords are public: the site is for a person's own machine."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from demo_site.films.models import Film, Review

PASSWORD = "demo"
OPINIONS = {
    "the-godfather": (
        5,
        "Every frame could hang on a wall. Three hours, and I looked at the clock once.",
    ),
    "groundhog-day": (5, "I saw it again, and again, and again."),
    "waterworld": (2, "A lot of water. The map was the best part."),
}


def seed_accounts() -> None:
    """Make "visitor" and "admin" if missing, and what the visitor has written."""
    users = get_user_model()._default_manager  # noqa: SLF001 - Django's public name for it
    if not users.filter(username="admin").exists():
        get_user_model().objects.create_superuser("admin", "admin@example.com", PASSWORD)
    if not users.filter(username="visitor").exists():
        get_user_model().objects.create_user("visitor", "visitor@example.com", PASSWORD)
    seed_reviews()


def seed_reviews() -> None:
    """Give the visitor's three opinions, so that the pages do not start empty."""
    visitor = get_user_model().objects.get(username="visitor")
    for film in Film.objects.filter(slug__in=OPINIONS):
        stars, text = OPINIONS[film.slug]
        Review.objects.get_or_create(
            film=film, author=visitor, defaults={"stars": stars, "text": text}
        )
