"""What the middleware asks of the place where it is put."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler

from pagecache.middleware import PageCacheMiddleware
from tests.lanes import STOCK


class OwnMiddleware(PageCacheMiddleware):
    """A site's own class, derived from ours."""


def by_flag(get_response: Any) -> Any:
    """Make the middleware, or not: so its place is not known to it."""
    return PageCacheMiddleware(get_response)


def test_a_factory_is_refused_at_start_up(settings: Any) -> None:
    settings.MIDDLEWARE = [f"{__name__}.by_flag", *STOCK]
    with pytest.raises(ImproperlyConfigured, match="not itself in MIDDLEWARE"):
        BaseHandler().load_middleware()


def test_a_derived_class_knows_its_place(settings: Any) -> None:
    settings.MIDDLEWARE = [*STOCK[:2], f"{__name__}.OwnMiddleware", *STOCK[2:]]
    BaseHandler().load_middleware()


def test_the_app_must_be_installed(settings: Any) -> None:
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "pagecache"]
    with pytest.raises(ImproperlyConfigured, match="needs 'pagecache' in INSTALLED_APPS"):
        PageCacheMiddleware(lambda _request: None)
