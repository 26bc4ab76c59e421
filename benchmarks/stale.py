"""How many pages are stale after a write: `python -m benchmarks.stale`.

The writes and pages of the test suite, with Django's cache middleware in place of pagecache, and with pagecache. A page
is stale if after the write a visitor who had seen it before gets another answer than the site without a cache gives.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, override_settings
from django.test.utils import get_runner, setup_test_environment

from benchmarks.contenders import DJANGO_CACHE, PAGECACHE, STOCK
from benchmarks.renders import COUNTED, Counted
from tests.site.factories import make_article, make_author, make_comment, make_tag
from tests.test_writes import CHANGING, HARMLESS, PAGES

SITES = {"Django's cache middleware": DJANGO_CACHE, "pagecache": PAGECACHE}
WRITES = (*CHANGING, *HARMLESS)


def main() -> None:
    """Print a line for each site, on a database of our own."""
    setup_test_environment(debug=False)
    runner = get_runner(settings)(verbosity=0, interactive=False)
    made = runner.setup_databases()
    try:
        for label, middleware in SITES.items():
            pairs = len(WRITES) * len(PAGES)
            print(f"{label}: {stale(middleware)} of {pairs} pairs of a write and a page are stale")
    finally:
        runner.teardown_databases(made)


def stale(middleware: tuple[str, ...]) -> int:
    """Return how many pairs of a write and a page are stale."""
    visitor, uncached = client(middleware), client(STOCK)
    found = 0
    for write in WRITES:
        renew()
        made = look_twice(visitor)
        if made > len(PAGES):
            message = f"{made} renders before {write.__name__}: the second look was no hit"
            raise AssertionError(message)
        write()
        found += sum(answer(visitor, path) != answer(uncached, path) for path in PAGES.values())
    return found


def look_twice(visitor: Client) -> int:
    """Look at every page twice; return how often one was made."""
    Counted.made = 0
    for path in (*PAGES.values(), *PAGES.values()):
        visitor.get(path)
    return Counted.made


def client(middleware: tuple[str, ...]) -> Client:
    """Return a visitor of the site with that middleware."""
    made = Client()
    with override_settings(MIDDLEWARE=[*middleware, COUNTED]):
        made.handler.load_middleware()
    return made


def renew() -> None:
    """Empty the caches and the tables, and fill the tables as the suite does."""
    cache.clear()
    call_command("flush", verbosity=0, interactive=False)
    article = make_article("gigi", pk=1001)
    make_article("cheri", author=make_author("Willy", country="ch"))
    article.tags.add(make_tag("novel"))
    make_tag("spare")
    make_comment(article)


def answer(visitor: Client, path: str) -> tuple[int, bytes]:
    """Return what the visitor gets."""
    response = visitor.get(path)
    return response.status_code, response.content


if __name__ == "__main__":
    main()
