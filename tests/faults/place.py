"""Where a fault happens: a site that reaches its cache server through a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pagecache.stores import waiting
from tests.faults.kinds import Place
from tests.faults.proxy import Proxy
from tests.lanes import Lane
from tests.stores.backends import redis_backend
from tests.stores.instances import QUIETLY, Instance


@pytest.fixture
def place(lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A Redis of its own for the lane's site, which asks it again soon after it failed."""
    monkeypatch.setattr(waiting, "PAUSE", 0.05)
    with Instance(*QUIETLY, "--dir", str(tmp_path)) as instance, Proxy(instance.port) as proxy:
        lane.settings.CACHES = {"default": redis_backend(f"redis://127.0.0.1:{proxy.port}/0")}
        yield Place(instance, proxy)
