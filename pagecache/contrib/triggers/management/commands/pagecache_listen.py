"""`manage.py pagecache_listen`: announce what others write to the database."""

import signal
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from pagecache.announcing import site_store


class Command(BaseCommand):
    """Run beside the site for as long as it runs."""

    help = "Drop pages when others write to tables of PostgreSQL that migrations Watch; runs until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the database."""
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="the alias of the database, as a direct connection to the node that takes writes",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Listen until a signal ends it, which is no failure."""
        alias = options["database"]
        if connections[alias].vendor != "postgresql":
            message = f"The database {alias!r} is not PostgreSQL. Whoever writes there calls pagecache_purge --model."
            raise CommandError(message)
        if not site_store().shared:
            message = f"The cache {site_store().alias!r} lives in each process: only they can drop their pages."
            raise CommandError(message)
        try:
            from pagecache.contrib.triggers.listening import listen  # noqa: PLC0415 needs the driver
        except ImportError as error:
            message = "pagecache_listen needs psycopg 3: pip install 'psycopg[binary]'."
            raise CommandError(message) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        listen(alias, self._say)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
