"""A site with one page and an empty store, for the engine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.core.cache import caches

from pagecache.engine.visit import forget
from pagecache.invalidation import announcer
from tests.caches import BROKEN
from tests.engine.visits import data


@pytest.fixture(autouse=True)
def _site(settings: Any) -> Generator[None]:
    settings.ROOT_URLCONF = "tests.engine.visits"
    settings.CACHES = {"default": BROKEN, "other": {**BROKEN, "LOCATION": "other"}}
    settings.PAGECACHE = {"ENABLED": True, "TIMEOUT": 300}
    for alias in caches:
        caches[alias].clear()
    forget()
    data["value"] = "old"
    yield
    announcer._failed.clear()
    forget()
