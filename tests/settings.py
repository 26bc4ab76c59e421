"""Settings of the test suite: stock Django with pagecache first in line."""

import atexit
import os
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests import sql_servers

SECRET_KEY = "a key that protects nothing"
ALLOWED_HOSTS = ["*"]
DEBUG = False
USE_TZ = True
ROOT_URLCONF = "tests.site.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
LIBRARY_WRITER_MODEL = "library.Author"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "pagecache",
    "pagecache.contrib.triggers",
    "tests.site",
    *(["demo_site.films"] if find_spec("demo_site") else []),
]

MIDDLEWARE = [
    "pagecache.middleware.PageCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _sqlite() -> dict[str, Any]:
    """Return a file, not memory: threads have connections of their own, as on a real site."""
    name = Path(tempfile.gettempdir()) / f"pagecache-tests-{os.getpid()}.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        # Nothing here has to survive a power cut.
        "OPTIONS": {"timeout": 20, "init_command": "PRAGMA synchronous=OFF;"},
        "TEST": {"NAME": name},
    }


def _database() -> dict[str, Any]:
    """Return what TEST_DB names: postgresql, mariadb, or else SQLite."""
    server = {"postgresql": sql_servers.postgresql, "mariadb": sql_servers.mariadb}.get(
        os.environ.get("TEST_DB", "")
    )
    if server is None:
        return _sqlite()
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(server()).database


def _beside(database: dict[str, Any]) -> dict[str, Any]:
    """Return another database of the same server, or one in memory beside a file."""
    if database["ENGINE"].endswith("sqlite3"):
        return {"ENGINE": database["ENGINE"], "NAME": ":memory:"}
    return {**database, "NAME": f"{database['NAME']}_beside"}


_DEFAULT = _database()
DATABASES = {"default": _DEFAULT, "replica": _beside(_DEFAULT)}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pagecache-tests",
    },
}

PAGECACHE = {"ENABLED": True, "TIMEOUT": 300, "STORE_BUDGET": 10}
