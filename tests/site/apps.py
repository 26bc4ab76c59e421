"""The site that the suite looks at."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "tests.site"
    label = "library"
