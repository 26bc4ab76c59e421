"""The accounts, and a page with what a site shows of them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="allauth_site/home.html"), name="home"),
    path("about/", TemplateView.as_view(template_name="allauth_site/about.html"), name="about"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
