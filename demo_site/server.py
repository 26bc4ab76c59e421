"""Starts and stops the site on a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PATIENCE_SECONDS = 30


class CannotStartError(Exception):
    """The site did not come up; the message is the server's own."""


def environment(database: Path, release: str) -> dict[str, str]:
    """What the site's processes are told."""
    own = {"DEMO_DB": str(database), "DEMO_RELEASE": release}
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "demo_site.settings", **own}


def prepare(env: dict[str, str]) -> None:
    """Make the tables and load the films and accounts; a second time this adds nothing."""
    for command in (["migrate", "--verbosity=0"], ["load_films"]):
        manage = [sys.executable, "-m", "demo_site.manage", *command]
        subprocess.run(manage, cwd=ROOT, env=env, check=True)


def workers() -> int:
    """Several processes when they can share Redis; local memory belongs to one."""
    return max(2, min(4, os.cpu_count() or 1)) if os.environ.get("REDIS_URL") else 1


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(
    env: dict[str, str], port: int, number: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The site, answering on the port with a number of workers, until the block ends."""
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
        command += ["--host", HOST, "--port", str(port), "--workers", str(number or workers())]
        command += ["demo_site.wsgi:application"]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not answers(process, port):
                log.seek(0)
                raise CannotStartError(log.read().decode(errors="replace").strip())
            yield process
        finally:
            stop(process)


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the site answers; false when it ended or takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if is_up(port):
            return True
        time.sleep(0.1)
    return False


def is_up(port: int) -> bool:
    """Whether a request gets an answer."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("HEAD", "/static/films/icon.svg")
        return connection.getresponse().status < 500  # noqa: PLR2004 - the site itself speaks
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server politely, then firmly."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
