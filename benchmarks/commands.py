"""How the servers are started: each with one worker, and as many threads as it needs to be one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.contenders import GRANIAN, GUNICORN, Contender
from tests.servers import HOST

ROOT = Path(__file__).resolve().parent.parent
THREADS = 1  # of each server's one worker; `BENCH_THREADS` says otherwise


def threads() -> int:
    """Return how many threads of a worker answer."""
    return int(os.environ.get("BENCH_THREADS", THREADS))


def command(contender: Contender, port: int) -> tuple[str, ...]:
    """Return the command of a contender's server."""
    if contender.server == GRANIAN:
        options = _granian(contender.interface, port)
    elif contender.server == GUNICORN:
        options = _gunicorn(port)
    else:
        options = _uvicorn(port)
    return (sys.executable, "-m", contender.server, *options, contender.application)


def _granian(interface: str, port: int) -> tuple[str, ...]:
    """On an event loop there is one thread."""
    how = ("--blocking-threads", str(threads())) if interface == "wsgi" else ()
    return (
        *("--interface", interface, "--http", "1", "--no-ws", "--workers", "1", *how),
        *("--working-dir", str(ROOT), "--host", HOST, "--port", str(port)),
    )


def _gunicorn(port: int) -> tuple[str, ...]:
    """The plain worker hangs up after each answer; the one with threads keeps connections, also with one thread."""
    return (
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(threads())),
        *("--keep-alive", "5", "--chdir", str(ROOT), "--bind", f"{HOST}:{port}"),
    )


def _uvicorn(port: int) -> tuple[str, ...]:
    return ("--no-access-log", "--app-dir", str(ROOT), "--host", HOST, "--port", str(port))
