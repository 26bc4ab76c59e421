"""What each visitor sees of their own on pages that everybody shares."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


def who(request: HttpRequest) -> SafeString:
    """The corner of the header: a greeting for somebody who is logged in, the way to log in for others."""
    return render_to_string("films/_who.html", {"user": request.user})
