"""What a client sends is no key, and no order: numbered cases of stores and operations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis
from django.core.cache.backends import locmem
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

import pagecache
from pagecache import depends_on
from tests.lanes import ALL, Lane, showing, status

LANES = ALL

hello = showing(lambda request: "hello")


def stored_keys(lane: Lane) -> list[str]:
    """Return every key that there is in the store of the lane."""
    if lane.location == "lanes":
        return list(locmem._caches["lanes"])  # type: ignore[attr-defined]
    client = redis.Redis.from_url(lane.location)
    return [key.decode() for key in client.scan_iter()]


def evict(lane: Lane, key: str) -> None:
    """Take what is kept under a key of pagecache's out of the store of the lane."""
    found = [stored for stored in stored_keys(lane) if stored.endswith(key)]
    assert len(found) == 1
    if lane.location == "lanes":
        for kept in (locmem._caches, locmem._expire_info):  # type: ignore[attr-defined]
            del kept["lanes"][found[0]]
    else:
        redis.Redis.from_url(lane.location).delete(found[0])


def test_d99_nothing_of_a_client_is_in_a_key(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        depends_on(f"tag {request.GET.get('q')}")
        return HttpResponse(f"{request.COOKIES.get('theme')} {request.headers.get('X-Own')}")

    lane.configure(KEY_COOKIES=["theme"], KEY_HEADERS=["X-Own"])
    lane.mount(re_path(r"(?s)^.*$", lane.page(view)))
    odd = "secret \x7f\t" + "long" * 100
    asked: dict[str, Any] = {
        "path": f"/secret path/{quote(odd)}?{urlencode({'q': odd})}",
        "cookies": {"theme": "secretcookie"},
        "headers": {"X-Own": odd, "Host": "secret.example"},
    }
    before = set(stored_keys(lane))
    lane.get(**asked)
    told, keys = lane.see(**asked), set(stored_keys(lane)) - before
    assert told.hit
    assert any(str(told.key) in key for key in keys)
    assert all(re.fullmatch("[a-z0-9:]{1,200}", key) for key in keys if "pagecache" in key), keys
    assert not any("secret" in key for key in keys)


ORDERS = {
    "Cache-Control": "no-cache, no-store, max-age=0",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-No-Cache": "1",
    "X-Bypass-Cache": "1",
    "X-Cache-Control": "no-store",
    "X-Refresh": "1",
    "X-Purge": "1",
    "X-Invalidate": "site",
    "Surrogate-Control": "no-store",
    "Surrogate-Key": "site",
    "Surrogate-Capability": 'a="ESI/1.0"',
    "Cache-Status": "pagecache; hit",
    "Cache-Tag": "site",
    "X-Debug": "1",
    "X-Forwarded-For": "127.0.0.1",
    "X-Middleware-Subrequest": "middleware",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    "Pagecache": "purge",
    "X-Pagecache": "purge",
    "X-Pagecache-Segment": "staff",
    "X-Pagecache-Key": "x",
    "X-Segment": "staff",
    "X-Requested-With": "XMLHttpRequest",
    "Purpose": "prefetch",
}


@pytest.mark.parametrize("name", ORDERS)
def test_i135_no_header_of_a_client_is_an_order(lane: Lane, name: str) -> None:
    lane.configure(REVEAL=None)
    lane.show(hello)
    lane.get()
    plain, ordered = lane.get(), lane.get(headers={name: ORDERS[name]})
    assert status(ordered).hit
    assert ordered.content == plain.content
    varying = {"Age", "Cache-Status"}
    assert {k: v for k, v in ordered.items() if k not in varying} == {
        k: v for k, v in plain.items() if k not in varying
    }
    assert "detail" not in ordered["Cache-Status"]
    assert lane.see().hit


# Each means something in HTTP (RFC 9110 to 9112), to Django, or to what overrides methods.
LOOKED_AT = set(
    """
    ACCEPT ACCEPT_ENCODING ACCEPT_LANGUAGE AUTHORIZATION CACHE_CONTROL CONTENT_LENGTH CONTENT_TYPE COOKIE HOST IF_MATCH
    IF_MODIFIED_SINCE IF_NONE_MATCH IF_RANGE IF_UNMODIFIED_SINCE PRAGMA RANGE TRANSFER_ENCODING USER_AGENT
    X_FORWARDED_HOST X_FORWARDED_PORT X_HTTP_METHOD X_HTTP_METHOD_OVERRIDE X_METHOD_OVERRIDE
    """.split()
)


def test_i135_the_code_looks_at_no_header_of_its_own() -> None:
    package = Path(pagecache.__file__).parent
    named = [re.findall(r"HTTP_([A-Z_]+)", file.read_text()) for file in package.rglob("*.py")]
    assert set().union(*named) == LOOKED_AT
