"""What the sites have in common: what `startproject` makes, and pagecache first in line."""

from typing import Any

from tests import settings as suite

SECRET_KEY = suite.SECRET_KEY
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
LANGUAGE_CODE = "en"

INSTALLED_APPS = [
    "pagecache",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = suite.MIDDLEWARE
TEMPLATES: list[Any] = suite.TEMPLATES
DATABASES = {"default": suite.DATABASES["default"]}
CACHES = suite.CACHES
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
