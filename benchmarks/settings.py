"""The site of one contender, as `startproject` makes it, told by the environment."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.contenders import BY_NAME, LIFE

_contender = BY_NAME[os.environ.get("BENCH_CONTENDER", "no-cache")]

SECRET_KEY = "a key that protects nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
USE_TZ = True
ROOT_URLCONF = _contender.urls
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    *_contender.apps,
    "benchmarks",
]
MIDDLEWARE = list(_contender.middleware)
STATIC_URL = "static/"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("BENCH_DB", ":memory:"),
        # As Django's deployment checklist advises, and its page on databases advises against under ASGI.
        "CONN_MAX_AGE": 60 if _contender.interface == "wsgi" else 0,
        # So that nobody who reads waits for somebody who writes.
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"},
    }
}

CACHES = {
    "default": {
        "BACKEND": _contender.backend,
        "LOCATION": os.environ.get("REDIS_URL"),
        "KEY_PREFIX": os.environ.get("BENCH_RUN", "") + _contender.name,
        "TIMEOUT": LIFE,
    }
}
CACHEOPS_REDIS = os.environ.get("REDIS_URL")
CACHEOPS_DEFAULTS = {"timeout": LIFE}
CACHEOPS: dict[str, dict[str, str]] = {"benchmarks.*": {}}
CACHE_MIDDLEWARE_SECONDS = LIFE
CACHE_MIDDLEWARE_KEY_PREFIX = ""
PAGECACHE: dict[str, Any] = {
    "ENABLED": True,
    "TIMEOUT": LIFE,
    "KEY_PREFIX": os.environ.get("BENCH_RUN", "") + _contender.name,
    "RELEASE": "bench",
    # The machine may be busy with the others.
    "STORE_BUDGET": float(os.environ.get("BENCH_BUDGET", "10")),
    "LOCAL": _contender.local,
    "MODE": "decorated" if _contender.name == "pagecache-page" else "all",
}


def CACHEOPS_PREFIX(_query: object) -> str:  # noqa: N802 the name of the setting
    """Keep this run apart from others on the same Redis."""
    return os.environ.get("BENCH_RUN", "")
