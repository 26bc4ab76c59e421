"""Processes beside the tests, on the same site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from django.db import connection


def process(settings: Any, *words: str, ends: int = 0, **pagecache: Any) -> str:
    """Run Python beside this process, on the same site; return what it printed once it has ended as it should."""
    given = {
        "database": {**connection.settings_dict, "NAME": str(connection.settings_dict["NAME"])},
        "caches": settings.CACHES,
        "pagecache": settings.PAGECACHE | pagecache,
    }
    known = {name: value for name, value in os.environ.items() if name != "TEST_DB"}
    own = {
        "BESIDE": json.dumps(given, default=str),
        "DJANGO_SETTINGS_MODULE": "tests.beside_settings",
    }
    done = subprocess.run(
        [sys.executable, *words], env=known | own, capture_output=True, text=True, check=False
    )
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout
