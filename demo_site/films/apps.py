"""The film catalog as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilmsConfig(AppConfig):
    """Films, the people and studios behind them, and what visitors say about them."""

    name = "demo_site.films"
    label = "films"
    verbose_name = _("Film catalog")
    default_auto_field = "django.db.models.BigAutoField"
