"""What editors put on pages."""

from __future__ import annotations

from cms.models import CMSPlugin
from django.db import models


class Note(CMSPlugin):
    """A text."""

    text = models.CharField(max_length=100)
