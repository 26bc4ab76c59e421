"""Where a fault happens: a site, and what it keeps its pages in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pagecache.stores import waiting
from tests.faults.elsewhere import FAULTS
from tests.lanes import Lane


@pytest.fixture
def place(lane: Lane, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What the lane's site keeps its pages in, which it asks again soon after it failed."""
    monkeypatch.setattr(waiting, "PAUSE", 0.05)
    with FAULTS[name].at(lane, tmp_path) as made:
        yield made
