"""`manage.py pagecache_purge`: drop stored pages."""

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from pagecache.announcing import announcer, site_store
from pagecache.invalidation import parted
from pagecache.rows import ROWS
from pagecache.segments import ANONYMOUS
from pagecache.tags import SITE, segment_tag, tags_of_paths, tags_to_drop


class Command(BaseCommand):
    """Drop pages by URL path, tag, model or segment, or all of them."""

    help = "Drop stored pages by URL path, tag, model or segment, or all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name what to drop."""
        parser.add_argument(
            "paths",
            nargs="*",
            metavar="PATH",
            help="drop the pages of this URL path, such as /news/",
        )
        parser.add_argument(
            "--tag", action="append", default=[], help="drop the pages that depend on this tag"
        )
        parser.add_argument(
            "--model", action="append", default=[], help="drop the pages that read app.Model"
        )
        parser.add_argument(
            "--segment",
            action="append",
            default=[],
            metavar="NAME",
            help="drop the pages of this class of visitors, such as user:42",
        )
        parser.add_argument("--all", action="store_true", help="drop every page of the site")
        parser.add_argument(
            "--soft",
            action="store_true",
            help="let pages be served while they are made anew, where they may (stale-while-revalidate)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be dropped, and drop nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Announce the tags that stand for what was named."""
        tags = self._tags(options)
        verb = "Would drop" if options["dry_run"] else "Dropped"
        if not options["dry_run"]:
            if not site_store().shared:
                message = f"The cache {site_store().alias!r} lives in each process: only they can drop their pages."
                raise CommandError(message)
            hard, softly = parted(tags, soft=options["soft"])
            announcer.announce(hard, soft=softly)
            if announcer.owed:
                message = "The cache server could not be reached: nothing was dropped. Start it and try again."
                raise CommandError(message)
        for tag in sorted(tag for tag in tags if tag.removesuffix(ROWS) not in tags - {tag}):
            self.stdout.write(
                f"{verb} every page that depends on {'the site' if tag == SITE else tag}."
            )

    def _tags(self, options: dict[str, Any]) -> frozenset[str]:
        tags = tags_to_drop(options["tag"])
        for label in options["model"]:
            try:
                tags |= tags_to_drop([apps.get_model(label)])
            except (LookupError, ValueError) as error:
                message = f"There is no model {label!r}: {error}. Write it as app_label.ModelName."
                raise CommandError(message) from error
        if options["paths"]:
            try:
                tags |= tags_of_paths(options["paths"])
            except ValueError as error:
                raise CommandError(str(error)) from error
        if ANONYMOUS in options["segment"]:
            message = f"Pages of {ANONYMOUS!r} are for everybody: drop them by path, or all pages."
            raise CommandError(message)
        tags |= set(map(segment_tag, options["segment"]))
        if options["all"]:
            tags |= {SITE}
        if not tags:
            message = "Say what to drop: a URL path, --tag, --model, --segment or --all."
            raise CommandError(message)
        return tags
