"""A site of one process, on local memory, that says what it does."""

from tests import http_cases
from tests import settings as suite

SECRET_KEY = suite.SECRET_KEY
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.wire.urls"
INSTALLED_APPS = ["pagecache", "django.contrib.sessions"]
MIDDLEWARE = [
    "pagecache.middleware.PageCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
PAGECACHE = {
    "ENABLED": True,
    "TIMEOUT": http_cases.SITE,
    "COMPRESS": True,
    "RANGES": True,
    "OBEY_REQUEST_DIRECTIVES": True,
    "REVEAL": "tests.lanes_site.access.everybody",
    "RULES": [{"match": "^/kept/", "timeout": 300}],
}
