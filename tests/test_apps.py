"""The app: what it does to a site when that starts."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.apps import apps
from django.test import RequestFactory
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter


@pytest.mark.parametrize("form", ["html", "text"])
def test_error_reports_hide_the_secrets(settings: Any, form: str) -> None:
    secret = secrets.token_urlsafe()
    settings.PAGECACHE = {"ENCRYPT": [secret], "TIMEOUT": 4321}
    reporter = ExceptionReporter(RequestFactory().get("/"), RuntimeError, RuntimeError(), None)
    report = getattr(reporter, f"get_traceback_{form}")()
    assert "4321" in report, "the other settings are shown"
    assert "ENCRYPT" in report
    assert secret not in report


def test_what_error_reports_hid_before_they_hide_still() -> None:
    hidden = SafeExceptionReporterFilter.hidden_settings
    assert all(hidden.search(name) for name in ("SECRET_KEY", "password", "api", "ENCRYPT"))
    assert not hidden.search("TIMEOUT")


def test_starting_twice_changes_nothing() -> None:
    hidden = SafeExceptionReporterFilter.hidden_settings
    apps.get_app_config("pagecache").ready()
    assert SafeExceptionReporterFilter.hidden_settings is hidden
