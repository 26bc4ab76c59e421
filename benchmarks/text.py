"""The page: 12 kB, unless told otherwise, that say in their first line for which time they were made."""

from __future__ import annotations

import os

BYTES = int(os.environ.get("BENCH_BYTES", "12000"))
MARK = "made for the time 00000000\n"
LINE = "A page of a site, as long as pages are, read by many and written by few.\n"
TEXT = (LINE * (BYTES // len(LINE) + 1))[: BYTES - len(MARK)]


def marked(time: int) -> str:
    """Return the first line of the page."""
    return f"made for the time {time:08}\n"
