"""Processes beside the tests, on the same site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Self

from django.db import connection


class Worker:
    """Python beside this process, on the same site, that answers each line it is told with a line."""

    def __init__(self, settings: Any, *words: str, **pagecache: Any) -> None:
        self._words, self._environment = words, environment(settings, pagecache)

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        command = [sys.executable, *self._words]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        said = self._process.communicate()[1]
        assert self._process.returncode == 0, said

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str = "") -> None:
        process: Any = self._process
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def hear(self) -> str:
        """Return its next answer."""
        process: Any = self._process
        answer: str = process.stdout.readline()
        assert answer, process.stderr.read()
        return answer

    def ask(self, line: str = "") -> str:
        """Tell it a line; return what it answers."""
        self.tell(line)
        return self.hear()


def process(settings: Any, *words: str, ends: int = 0, **pagecache: Any) -> str:
    """Run Python beside this process, on the same site; return what it printed once it has ended as it should."""
    own = environment(settings, pagecache)
    command = [sys.executable, *words]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout


def environment(settings: Any, pagecache: dict[str, Any]) -> dict[str, str]:
    """Return the environment of such a process."""
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
    return known | own
