"""The suite's site with the packages on top."""

import os

from tests.settings import *  # noqa: F403 all of it
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.sites",
    "constance",
    "waffle",
    "wagtail",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.users",
    "wagtail.admin",
    "taggit",
]
SITE_ID = 1
WAGTAIL_SITE_NAME = "Packages"
WAGTAILADMIN_BASE_URL = "http://testserver"

CONSTANCE_BACKEND = os.environ.get("CONSTANCE", "constance.backends.database.DatabaseBackend")
CONSTANCE_DATABASE_CACHE_BACKEND = "constance"
CONSTANCE_CONFIG = {"THEME": ("light", "How pages look.")}
