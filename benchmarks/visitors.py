"""How often pages are made for many visitors: `python -m benchmarks.visitors`.

Each of 300 visitors of the demo site has a User-Agent, analytics cookies and campaign parameters of its own and looks
at one of five pages, with Django's cache middleware in place of pagecache, and with pagecache.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, override_settings
from django.test.utils import setup_test_environment

from benchmarks.contenders import PAGECACHE
from benchmarks.renders import COUNTED, Counted

VISITORS = 300
PAGES = ("/en/", "/en/films/", "/en/genres/", "/en/directors/", "/en/studios/")
OURS = PAGECACHE[0]
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"


def main() -> None:
    """Print a line for each site, on a database of our own."""
    with tempfile.TemporaryDirectory(prefix="pagecache-bench-") as folder:
        os.environ["DEMO_DB"] = str(Path(folder) / "films.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "demo_site.settings"
        os.environ.pop("REDIS_URL", None)
        django.setup()
        setup_test_environment(debug=False)
        call_command("migrate", verbosity=0)
        call_command("load_films", stdout=io.StringIO())
        for label, middleware in sites().items():
            print(f"{label}: {VISITORS} visitors, {renders(middleware)} pages made")


def sites() -> dict[str, list[str]]:
    """Return the middleware of each site: that of the demo site with the cache in the same place."""
    stock = [
        name for name in settings.MIDDLEWARE if not name.startswith(("pagecache.", "demo_site."))
    ]
    return {
        "Django's cache middleware": [UPDATE, *stock, FETCH, COUNTED],
        "pagecache": [OURS, *stock, COUNTED],
    }


def renders(middleware: list[str]) -> int:
    """Return how many pages are made for all visitors."""
    cache.clear()
    Counted.made = 0
    visitor = Client()
    with override_settings(MIDDLEWARE=middleware):
        visitor.handler.load_middleware()
        for number in range(VISITORS):
            look(visitor, number)
    return Counted.made


def look(visitor: Client, number: int) -> None:
    """Look at a page as a person who came through a campaign."""
    visitor.cookies.clear()
    visitor.cookies.load({"_ga": f"GA1.1.{number}.170", "_fbp": f"fb.1.17.{number}"})
    campaign = {"utm_source": f"letter-{number % 7}", "utm_campaign": "x", "fbclid": f"Iw{number}"}
    agent = f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0)"
    response = visitor.get(PAGES[number % len(PAGES)], campaign, headers={"user-agent": agent})
    if response.status_code != 200:  # noqa: PLR2004 a status code
        message = f"{response.status_code} for {response.request['PATH_INFO']}"
        raise AssertionError(message)


if __name__ == "__main__":
    main()
