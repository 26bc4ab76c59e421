"""Serves stylesheets and scripts, the admin's too, under any server and without a build step."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse

BROWSER_SECONDS = 300


def asset(request: HttpRequest, path: str) -> HttpResponse:
    """One static file; the finders refuse a path that leaves their folders."""
    found = finders.find(path)
    if not isinstance(found, str) or not Path(found).is_file():
        raise Http404(path)
    kind = mimetypes.guess_type(found)[0] or "application/octet-stream"
    response = HttpResponse(Path(found).read_bytes(), content_type=kind)
    response.headers["Cache-Control"] = f"public, max-age={BROWSER_SECONDS}"
    return response
