"""What answers where a middleware chose it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import re_path


def elsewhere(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer every path."""
    return HttpResponse(f"elsewhere: {request.path}")


urlpatterns = [re_path(r"(?s)^(?P<rest>.*)$", elsewhere, name="page")]
