"""The app: it lets pagecache see what every process of the site writes."""

import re
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.views.debug import SafeExceptionReporterFilter

from pagecache import conf, database
from pagecache.recording import (
    backends,
    exceptions,
    handlers,
    holes,
    messages,
    observers,
    signatures,
    stock,
    tokens,
)
from pagecache.recording.recorder import begin_request, end_request
from pagecache.recording.sql import Reads
from pagecache.stores import waiting
from pagecache.writes import writes


class PageCacheConfig(AppConfig):
    """Watches database connections, cache backends, stock middleware and exceptions from start-up on."""

    name = "pagecache"
    verbose_name = "Page cache"

    def ready(self) -> None:
        """Install what records reads and announces writes; raises ImproperlyConfigured for wrong settings."""
        from pagecache import checks  # noqa: F401, PLC0415 registers the system checks

        conf.get()
        database.install(Reads(), writes)
        backends.install()
        exceptions.install()
        handlers.install()
        stock.install((*settings.MIDDLEWARE, stock.CSRF, stock.GZIP))  # which decorators bring too
        messages.install()
        signatures.install()
        tokens.install()
        holes.install()
        observers.install(conf.get().options.OBSERVERS)
        _hide_secrets()
        request_started.connect(_begin_request, dispatch_uid="pagecache.apps")
        request_finished.connect(_end_request, dispatch_uid="pagecache.apps")


def _hide_secrets() -> None:
    """Keep `ENCRYPT` out of Django's error pages and mails, which hide settings that are named like a secret."""
    hidden = SafeExceptionReporterFilter.hidden_settings
    if not hidden.search("ENCRYPT"):
        wider = re.compile(f"{hidden.pattern}|ENCRYPT", hidden.flags)
        SafeExceptionReporterFilter.hidden_settings = wider


def _begin_request(**_kwargs: Any) -> None:
    begin_request()
    waiting.begin_request()


def _end_request(**_kwargs: Any) -> None:
    waiting.end_request()
    end_request()
