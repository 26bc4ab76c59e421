"""A health check sees how a process stands with the cache server."""

from __future__ import annotations

from typing import Any

import pytest

from pagecache.announcing import announcer, site_store
from pagecache.stats import Health, health
from pagecache.stores import StoreError, waiting
from tests.caches import BROKEN, broken

WELL = Health(can_read=True, can_write=True, owes=False)


@pytest.fixture(autouse=True)
def _asked_again_at_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.0)
    settings.CACHES = {"default": BROKEN}


def test_all_is_well_until_something_fails() -> None:
    assert health() == WELL
    assert health().is_well


def test_a_server_that_cannot_be_read() -> None:
    with broken("get"), pytest.raises(StoreError):
        site_store().fetch(["a"])
    assert health() == Health(can_read=False, can_write=True, owes=False)
    assert not health().is_well
    site_store().fetch(["a"])
    assert health() == WELL


def test_an_announcement_that_is_owed() -> None:
    with broken("set"):
        announcer.announce({"a"})
    assert health() == Health(can_read=True, can_write=False, owes=True)
    announcer.announce()
    assert health() == WELL
