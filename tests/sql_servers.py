"""Finds or starts PostgreSQL and MariaDB for the tests, each with an empty database of this session's own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.servers import HOST, PATIENCE, MissingServerError, Server, free_port, running, wait_until

MARIADB_SOCKET = "/run/mysqld/mysqld.sock"  # as Debian has it


@contextmanager
def postgresql() -> Generator[Server]:
    """Yield a database of our own: on `POSTGRES_URL`, on the server that is running, or on one that is started."""
    psycopg = _driver("psycopg", "postgresql")
    with ExitStack() as stack:
        login = _first_that_connects(psycopg, _postgresql_logins())
        if login is None:
            login = stack.enter_context(_start_postgresql(psycopg))
        name = f"pagecache_{os.getpid()}"
        with psycopg.connect(**login, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            try:
                yield _sql_server("postgresql", login | {"database": name}, 5432)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _postgresql_logins() -> list[dict[str, Any]]:
    if url := os.environ.get("POSTGRES_URL"):
        return [_login(url, 5432) | {"dbname": urlsplit(url).path.strip("/") or "postgres"}]
    user = {"user": "postgres", "dbname": "postgres"}
    sockets = ("/var/run/postgresql", "/tmp")  # noqa: S108 where servers put them
    return [user | {"host": host, "port": 5432} for host in (*sockets, HOST)]


@contextmanager
def _start_postgresql(psycopg: Any) -> Generator[dict[str, Any]]:
    programs = _postgresql_programs()
    if programs is None:
        raise MissingServerError("needs postgresql: install Debian's package postgresql")
    port = free_port()
    login = {"user": "postgres", "dbname": "postgres", "host": HOST, "port": port}
    with _folder_of("postgres") as (folder, as_user):
        data = folder / "data"
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        _run([*as_user, *initdb])
        server = [programs / "postgres", "-D", data, "-p", port, "-h", HOST, "-k", folder, "-F"]
        with running([*as_user, *server]) as process:
            wait_until(lambda: _first_that_connects(psycopg, [login]), process, "postgresql")
            yield login


def _postgresql_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    candidates = [*found, *([Path(on_path).resolve()] if on_path else [])]
    return candidates[-1].parent if candidates else None


@contextmanager
def mariadb() -> Generator[Server]:
    """Yield a database of our own: on `MARIADB_URL`, on the server that is running, or on one that is started."""
    pymysql = _driver("pymysql", "mariadb")
    pymysql.install_as_MySQLdb()
    with ExitStack() as stack:
        login = _first_that_connects(pymysql, _mariadb_logins())
        if login is None:
            login = stack.enter_context(_start_mariadb(pymysql))
        name = f"pagecache_{os.getpid()}"
        with pymysql.connect(**login, autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            try:
                yield _sql_server("mysql", login | {"database": name}, 3306)
            finally:
                cursor.execute(f"DROP DATABASE {name}")


def _mariadb_logins() -> list[dict[str, Any]]:
    if url := os.environ.get("MARIADB_URL"):
        return [_login(url, 3306)]
    root = {"user": "root", "password": ""}
    logins: list[dict[str, Any]] = [root | {"host": HOST, "port": 3306}]
    if _is_listened_at(MARIADB_SOCKET):
        logins.append(root | {"unix_socket": MARIADB_SOCKET})
    return logins


def _is_listened_at(path: str) -> bool:
    """Whether a server is there; where none is, the driver leaves its socket open."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.settimeout(PATIENCE)
        return ours.connect_ex(path) == 0


@contextmanager
def _start_mariadb(pymysql: Any) -> Generator[dict[str, Any]]:
    program, install = shutil.which("mariadbd", path=_system_path()), _which_install()
    if program is None or install is None:
        raise MissingServerError("needs mariadb: install Debian's package mariadb-server")
    port = free_port()
    login = {"user": "root", "password": "", "host": HOST, "port": port}
    with _folder_of("mysql") as (folder, as_user):
        data = f"--datadir={folder / 'data'}"
        _run([*as_user, install, "--no-defaults", data, "--auth-root-authentication-method=normal"])
        listen = [f"--bind-address={HOST}", f"--port={port}", f"--socket={folder / 'socket'}"]
        with running([*as_user, program, "--no-defaults", data, *listen]) as process:
            wait_until(lambda: _first_that_connects(pymysql, [login]), process, "mariadb")
            yield login


def _which_install() -> str | None:
    names = ("mariadb-install-db", "mysql_install_db")
    return next(filter(None, (shutil.which(name, path=_system_path()) for name in names)), None)


def _system_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


def _login(url: str, port: int) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.hostname or HOST,
        "port": parts.port or port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }


def _sql_server(engine: str, login: dict[str, Any], port: int) -> Server:
    host = login.get("unix_socket") or login["host"]
    database = {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": login["database"],
        "USER": login["user"],
        "PASSWORD": login.get("password", ""),
        "HOST": host,
        "PORT": str(login.get("port", "")),
    }
    return Server(host, login.get("port", port), f"{engine}://{host}", database)


def _driver(name: str, server: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingServerError(f"needs {server}: install its driver {name}") from error


def _first_that_connects(driver: Any, logins: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    for login in logins:
        with suppress(driver.Error):
            driver.connect(**login, connect_timeout=3).close()
            return login
    return None


@contextmanager
def _folder_of(user: str) -> Generator[tuple[Path, list[str]]]:
    """Yield an empty folder and how to run as its owner: some servers refuse to run as root."""
    with tempfile.TemporaryDirectory(prefix=f"pagecache-{user}-") as name:
        as_user: list[str] = []
        if os.geteuid() == 0:
            with suppress(KeyError):
                owner = pwd.getpwnam(user)
                os.chown(name, owner.pw_uid, owner.pw_gid)
                as_user = ["runuser", "-u", user, "--"]
        yield Path(name), as_user


def _run(command: Sequence[object]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise MissingServerError(f"{words[0]} failed: {done.stderr}")
