"""The one table that the page is read from."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Text(models.Model):
    """What the page shows."""

    body = models.TextField()

    objects: ClassVar[models.Manager[Text]] = models.Manager()

    def __str__(self) -> str:
        return self.body[:20]
