"""A site with one page and an empty store, for the engine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.core.cache import caches

from pagecache.announcing import announcer
from pagecache.engine.leasing import turns
from pagecache.engine.visit import forget
from tests.caches import BROKEN
from tests.engine.visits import data


@pytest.fixture(autouse=True)
def _site(settings: Any) -> Generator[None]:
    settings.ROOT_URLCONF = "tests.engine.visits"
    settings.CACHES = {"default": BROKEN, "other": {**BROKEN, "LOCATION": "other"}}
    settings.PAGECACHE = {"ENABLED": True, "TIMEOUT": 300, "STORE_BUDGET": 10}
    for alias in caches:
        caches[alias].clear()
    forget()
    data["value"] = "old"
    turns._turns.clear()
    yield
    assert not turns._turns, "whoever was to make a page has given that up"
    announcer.owed.clear()
    forget()
