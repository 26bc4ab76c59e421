"""What `wagtail start` writes."""

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    "tests.compat.wagtail_site",
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    *INSTALLED_APPS,
]
MIDDLEWARE = [*MIDDLEWARE, "wagtail.contrib.redirects.middleware.RedirectMiddleware"]
ROOT_URLCONF = "tests.compat.wagtail_site.urls"

WAGTAIL_SITE_NAME = "Compat"
WAGTAILADMIN_BASE_URL = "http://testserver"
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
WAGTAILDOCS_EXTENSIONS = ["txt"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
