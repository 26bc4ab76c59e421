"""Fixtures of real servers, started once for a session; on CI a missing one is a failure, else a named skip."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests import servers, sql_servers
from tests.servers import MissingServerError, Server


@contextmanager
def present(server: Callable[[], AbstractContextManager[Server]]) -> Generator[Server]:
    context = server()
    try:
        found = context.__enter__()
    except MissingServerError as missing:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(str(missing))
    try:
        yield found
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def redis_server() -> Generator[Server]:
    """A Redis."""
    with present(servers.redis) as server:
        yield server


@pytest.fixture(scope="session")
def memcached_server() -> Generator[Server]:
    """A Memcached."""
    with present(servers.memcached) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Generator[Server]:
    """A PostgreSQL with an empty database."""
    with present(sql_servers.postgresql) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Generator[Server]:
    """A MariaDB with an empty database."""
    with present(sql_servers.mariadb) as server:
        yield server
