"""The app: it brings the command `pagecache_listen`."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """Has no models; its label leaves `triggers` to the site."""

    name = "pagecache.contrib.triggers"
    label = "pagecache_triggers"
    verbose_name = "Page cache triggers"
