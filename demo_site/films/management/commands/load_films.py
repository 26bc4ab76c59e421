"""``manage.py load_films``: the catalog and the demo accounts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from demo_site.films.accounts import seed_accounts
from demo_site.films.loading import load
from demo_site.films.source import read_films


class Command(BaseCommand):
    """Load the films and the demo accounts; running it again adds nothing twice."""

    help = __doc__

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load, and say how many films are new."""
        added = load(read_films())
        seed_accounts()
        self.stdout.write(f"{added} films added; accounts: visitor/demo, admin/demo")
