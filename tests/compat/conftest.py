"""The site whose settings are at work, in each lane, and the people who visit it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.compat.crawl import Site
from tests.lanes import Lane


@pytest.fixture
def site(lane: Lane) -> Site:
    """The site, in one lane."""
    own: Any = import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    lane.configure(**getattr(own, "PAGECACHE", {}))
    return Site(lane, own.MIDDLEWARE)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.com", "secret of alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", "bob@example.com", "secret of bob")


@pytest.fixture
def editor() -> User:
    return User.objects.create_superuser("editor", "editor@example.com", "secret of editor")
