"""Waiting for what other threads, processes and servers do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds, for the machine may be busy


def until(is_so: Callable[[], object], what: str) -> None:
    """Wait until something is so; fail with what was waited for."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.002)
