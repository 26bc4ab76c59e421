"""Counts how often views are asked, behind whatever caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

COUNTED = "benchmarks.renders.Counted"


class Counted:
    """The last middleware before the view; it counts for all sites of the process."""

    made = 0

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Pass it on."""
        return self._get_response(request)

    def process_view(self, *_call: object) -> None:
        """Count: a cache that waits for who the visitor is answers no earlier than here, before this is called."""
        Counted.made += 1
