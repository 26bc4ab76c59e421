"""What no cache can be faster than: one trip to Redis under Django, and no Django at all."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import redis
from django.http import HttpRequest, HttpResponse

from benchmarks.contenders import LIFE
from benchmarks.text import TEXT, marked

PAGE = (marked(0) + TEXT).encode()
VERSIONS = 4  # `*`, the site, the page's path, the table


def keys() -> list[str]:
    """Return as many keys as a hit of pagecache asks for: an entry and versions."""
    run = os.environ.get("BENCH_RUN", "")
    return [f"{run}floor:{number}" for number in range(1 + VERSIONS)]


def values() -> dict[str, bytes]:
    """Return what stands under the keys: a page, and versions of 16 bytes."""
    return {key: bytes(16) if number else PAGE for number, key in enumerate(keys())}


class OneTrip:
    """Answers with what one MGET brings, and does nothing else."""

    def __init__(self, _get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._client = redis.Redis.from_url(os.environ["REDIS_URL"])
        self._keys = keys()
        for key, value in values().items():
            self._client.set(key, value, ex=LIFE)

    def __call__(self, _request: HttpRequest) -> HttpResponse:
        """Answer with the page that the trip brings."""
        answers: Any = self._client.mget(self._keys)
        return HttpResponse(answers[0], headers={"Content-Length": str(len(answers[0]))})


HEAD = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(PAGE)))]
HEAD_OF_HIT = [
    *HEAD,
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("No-Vary-Search", "key-order, params"),
    ("ETag", '"5f51f36f3b93424120e60ef9"'),
    ("Cache-Control", "max-age=0, must-revalidate"),
    ("Cache-Status", "pagecache; hit; ttl=3600"),
    ("Age", "1"),
]
RAW_HEAD = [(name.lower().encode(), value.encode()) for name, value in HEAD]


def bare(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer at once, with a page of the same length."""
    start_response("200 OK", HEAD)
    return [PAGE]


def with_head(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer at once, with as many headers as a hit has: servers look at each."""
    start_response("200 OK", HEAD_OF_HIT)
    return [PAGE]


async def bare_asgi(
    scope: dict[str, Any], _receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Answer at once, likewise."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": RAW_HEAD})
        await send({"type": "http.response.body", "body": PAGE})
