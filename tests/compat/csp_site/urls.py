"""A page without scripts, and pages with one, let in by each way that is documented."""

from __future__ import annotations

from csp.decorators import csp_exempt, csp_update
from django.urls import path
from django.views.generic import TemplateView

page = TemplateView.as_view(template_name="page.html")

urlpatterns = [
    path("", page),
    path("exempt/", csp_exempt()(page)),
    path("update/", csp_update({"img-src": ["images.test"]})(page)),
    *(path(f"{way}/", page, {"way": way}) for way in ("attribute", "tag", "processor", "django")),
]
