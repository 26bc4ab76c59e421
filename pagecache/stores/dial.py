"""Makes lines from the parameters of the site's own connection pool: its address, password, TLS and Sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.backoff
import redis.connection
import redis.retry
import redis.sentinel

from pagecache.stores.awaited import AsyncLine
from pagecache.stores.lines import Line

L = TypeVar("L", bound=Line)
# These belong to the site's own pool and clients: what they decode, repeat, watch and notify.
NOT_OURS = {
    "connection_pool",
    "decode_responses",
    "encoding",
    "encoding_errors",
    "event_dispatcher",
    "health_check_interval",
    "himport_registry",
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "orig_host_address",
    "orig_socket_connect_timeout",
    "orig_socket_timeout",
    "oss_cluster_maint_notifications_handler",
    "retry",
    "retry_on_error",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_timeout",
}
SYNC_ONLY = {"command_packer", "parser_class"}  # the asynchronous connection has its own


class Dialer:
    """Opens lines to the server that takes writes; no step of it takes longer than the limit."""

    def __init__(self, pool: Any, limit: float) -> None:
        self._limit = limit
        self._kind, self._async_kind = _kinds(pool.connection_class)
        self._parameters = {**_ours(pool.connection_kwargs), "protocol": 2}
        # What makes the context of awaited connections over TLS, and has it then.
        self._secured: Any = None
        self._sentinels = _Sentinels(pool, limit) if _is_sentinel(pool) else None

    def dial(self, kind: type[L], least: float = 0.0) -> L:
        """Open a line of a kind, whose answers are waited for `least` seconds where that is longer than the limit."""
        where = self._sentinels.find() if self._sentinels else {}
        how = {
            "protocol": kind.protocol,
            "socket_timeout": max(self._limit, least),
            "socket_connect_timeout": self._limit,
        }
        line = kind(self._kind(**self._parameters | where | how))
        try:
            line.open()
        except BaseException:
            line.close()
            raise
        return line

    async def adial(self) -> AsyncLine:
        """Open a line; the caller limits the time of the whole."""
        where = await self._sentinels.afind() if self._sentinels else {}
        timeouts = {"socket_timeout": None, "socket_connect_timeout": None}
        parameters = {k: v for k, v in self._parameters.items() if k not in SYNC_ONLY}
        connection = self._async_kind(**parameters | where | timeouts)
        line = AsyncLine(connection, self._limit)
        try:
            await self._secure(connection)
            await line.open()
        except BaseException:
            await line.close()
            raise
        return line

    async def _secure(self, connection: Any) -> None:
        """Let all connections over TLS share one context: to make it takes longer than a request may wait.

        It is made on a thread, and is there for the next connection if this one did not wait for it.
        """
        own = getattr(connection, "ssl_context", None)
        if own is None:
            return
        shared = self._secured = self._secured or own
        if not shared.context:
            await asyncio.to_thread(shared.get)
        own.context = shared.context


class _Sentinels:
    """The site's Sentinels, asked where the primary is each time that a line is opened."""

    def __init__(self, pool: Any, limit: float) -> None:
        manager = pool.sentinel_manager
        self._service = pool.service_name
        self._addresses = [_address(sentinel) for sentinel in manager.sentinels]
        self._quorum = manager.min_other_sentinels
        self._parameters = {
            **_ours(manager.sentinel_kwargs),
            "socket_timeout": limit,
            "socket_connect_timeout": limit,
        }

    def find(self) -> dict[str, Any]:
        """Return where the primary is."""
        retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        manager = self._manager(redis.sentinel.Sentinel, retry)
        try:
            host, port = manager.discover_master(self._service)
        finally:
            for sentinel in manager.sentinels:
                sentinel.close()
        return {"host": host, "port": port}

    async def afind(self) -> dict[str, Any]:
        """Return where the primary is."""
        retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        manager = self._manager(redis.asyncio.sentinel.Sentinel, retry)
        try:
            host, port = await manager.discover_master(self._service)
        finally:
            for sentinel in manager.sentinels:
                await sentinel.aclose()
        return {"host": host, "port": port}

    def _manager(self, kind: Any, retry: Any) -> Any:
        return kind(self._addresses, self._quorum, {**self._parameters, "retry": retry})


def _address(sentinel: Any) -> tuple[str, int]:
    parameters = sentinel.connection_pool.connection_kwargs
    return parameters["host"], parameters["port"]


def _ours(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in NOT_OURS}


def _is_sentinel(pool: Any) -> bool:
    return isinstance(pool, redis.sentinel.SentinelConnectionPool)


def _kinds(kind: type) -> tuple[Any, Any]:
    """Return the classes of blocking and of awaited connections; a Sentinel's are plain once it has told where."""
    if issubclass(kind, redis.sentinel.SentinelManagedSSLConnection):
        return redis.connection.SSLConnection, redis.asyncio.SSLConnection
    if issubclass(kind, redis.sentinel.SentinelManagedConnection):
        return redis.connection.Connection, redis.asyncio.Connection
    if issubclass(kind, redis.connection.UnixDomainSocketConnection):
        return kind, redis.asyncio.UnixDomainSocketConnection
    if issubclass(kind, redis.connection.SSLConnection):
        return kind, redis.asyncio.SSLConnection
    return kind, redis.asyncio.Connection
