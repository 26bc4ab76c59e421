"""The app: it lets pagecache see what every process of the site writes."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_finished, request_started

from pagecache import conf, database
from pagecache.invalidation import writes
from pagecache.recording import backends, stock
from pagecache.recording.recorder import begin_request, end_request
from pagecache.recording.sql import Reads


class PageCacheConfig(AppConfig):
    """Watches database connections, cache backends and stock middleware from start-up on."""

    name = "pagecache"
    verbose_name = "Page cache"

    def ready(self) -> None:
        """Install what records reads and announces writes; raises ImproperlyConfigured for wrong settings."""
        from pagecache import checks  # noqa: F401, PLC0415 registers the system checks

        conf.get()
        database.install(Reads(), writes)
        backends.install()
        stock.install(settings.MIDDLEWARE)
        request_started.connect(_begin_request, dispatch_uid="pagecache.apps")
        request_finished.connect(_end_request, dispatch_uid="pagecache.apps")


def _begin_request(**_kwargs: Any) -> None:
    begin_request()


def _end_request(**_kwargs: Any) -> None:
    end_request()
