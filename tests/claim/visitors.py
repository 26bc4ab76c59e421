"""Random visitors: each has a value in every dimension that its request may differ by, and most are ordinary."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.signing import get_cookie_signer
from django.test.client import FakePayload

Visitor = Mapping[str, Any]
About = Mapping[str, tuple[Any, ...]]  # dimensions, with the values that matter where most do not

SECRETS = ("a" * 32, "b" * 32)
QUERIES = (
    "", "a=1", "a=2", "a=1&b=x", "b=x&a=1", "a=1&a=2", "a=2&a=1", "a=", "a", "b=2", "q=%E4", "q=%F6", "q=%C3%A4",
    "a=b&b=3", "a=1&utm_source=x", "a=1;b=2", "a=de", "q=a+b", "q=a%20b", "&a=1&", "q=%00", "a[]=1", "A=1", "other=1",
    "%61=1", "a=%31", "u=1", "q=%", "q=%ff%fe1%00",
)  # fmt: skip


@cache  # there is a time in it
def signed(name: str, value: str) -> str:
    """Sign the value of a cookie."""
    return get_cookie_signer(salt=name).sign(value)


@cache
def message() -> str:
    """Return a cookie with a message that waits."""
    from django.contrib.messages import constants  # noqa: PLC0415 Django is set up first
    from django.contrib.messages.storage.base import Message  # noqa: PLC0415 the same
    from django.contrib.messages.storage.cookie import CookieStorage  # noqa: PLC0415 the same
    from django.http import HttpRequest  # noqa: PLC0415 the same

    storage: Any = CookieStorage(HttpRequest())
    return str(storage._encode([Message(constants.INFO, "Welcome.")]))


# The first value of each is the ordinary one; None stands for what is not there.
DIMENSIONS: dict[str, tuple[Any, ...]] = {
    "method": ("GET", "GET", "GET", "HEAD", "POST"),
    "path": (
        "/page/", "/page/x", "/page/X", "/page/%25FF", "/page/%FF", "/page//", "/page/a%2Fb", "/app/page/", "/nothing/",
    ),
    "script": ("", "/app"),
    "query": QUERIES,
    "host": (
        "testserver", "one.example", "one.example:81", "ONE.example", "evil.example", "testserver:80", "testserver.",
        "[::1]", "bad host", None,
    ),
    "scheme": ("http", "https"),
    "server": (("testserver", "80"), ("inner", "8000")),
    "address": (
        {"REMOTE_ADDR": "127.0.0.1"},
        {
            "REMOTE_ADDR": "192.0.2.1", "REMOTE_HOST": "far", "REMOTE_PORT": "1", "REMOTE_USER": "eve",
            "SSL_CLIENT_S_DN": "CN=eve",
        },
    ),
    "session": (None, None, "empty", "basket", "alice", "bob", "boss", "short", "nonsense"),
    "body": (None, None, None, b"a=evil", "unannounced"),
    "language": ("en", "de"),
    "zone": ("UTC", "Asia/Tokyo"),
    "header:X-Fruit": (None, "apple", "pear", "apple,pear", ""),
    "header:HX-Request": (None, "true"),
    "header:User-Agent": (None, "one/1.0", "two/2.0"),
    "header:Accept": (None, "text/html", "application/json", "text/html;q=0.5, application/json"),
    "header:Accept-Language": (None, "de", "en", "fr, de;q=0.5"),
    "header:Origin": (None, "https://evil.example"),
    "header:X-Forwarded-For": (None, "192.0.2.9"),
    "header:X-Forwarded-Host": (None, "evil.example"),
    "header:X-Forwarded-Proto": (None, "https", "http"),
    "header:X-Forwarded-Port": (None, "81"),
    "header:Accept-Encoding": (None, "gzip"),
    "header:X-Country": (None, "no"),
    "header:Authorization": (None, None, "Bearer x"),
    "header:Range": (None, None, "bytes=0-1"),
    "cookie:theme": (None, "light", "dark", ""),
    "cookie:cart": (None, "1", "signed"),
    "cookie:signed": (None, "one", "two"),
    "cookie:_ga": (None, "GA1.1", "GA1.2"),
    "cookie:django_language": (None, "de", "en", "xx"),
    "cookie:csrftoken": (None, *SECRETS),
    "cookie:messages": (None, None, "waiting"),
    "cookies": (
        None, None, "theme=dark; theme=light", "theme", ' theme = "li\\073ght" ; ;=', "$Version=1; th\xe8me=1",
        "theme=\xff",
    ),
    "revalidates": (False, False, True),
}  # fmt: skip
ORDINARY: Visitor = {name: values[0] for name, values in DIMENSIONS.items()}


def drawn(dice: random.Random, about: About) -> dict[str, Any]:
    """Return somebody who is ordinary in most dimensions."""
    few = dice.sample(list(DIMENSIONS), dice.choice([0, 0, 1, 2, 3]))
    visitor = {**ORDINARY, **{name: dice.choice(DIMENSIONS[name]) for name in few}}
    return beside(dice, visitor, about) if dice.random() < 0.5 else visitor


def beside(dice: random.Random, visitor: Visitor, about: About) -> dict[str, Any]:
    """Return somebody who differs in a dimension or two, often in one that a page is about."""
    likely = {
        name: values
        for name in DIMENSIONS
        for prefix, values in about.items()
        if name.startswith(prefix)
    }
    changed = dict(visitor)
    for _ in range(dice.choice([1, 1, 1, 2])):
        name = dice.choice(list(likely if likely and dice.random() < 0.75 else DIMENSIONS))
        values = likely.get(name) or DIMENSIONS[name]
        changed[name] = dice.choice([value for value in values if value != visitor[name]])
    return changed


def described(visitor: Visitor) -> str:
    """Return what is not ordinary about somebody."""
    return str({name: value for name, value in visitor.items() if value != ORDINARY[name]})


def _cookie(name: str, value: str) -> str:
    if name == "messages":
        return message()
    return signed(name, value) if name == "signed" or value == "signed" else value


def headers(visitor: Visitor, more: Mapping[str, str], session: str | None) -> dict[str, str]:
    """Return the header fields of a request, in the order of their sending."""
    said = {
        n.removeprefix("header:"): v
        for n, v in visitor.items()
        if n.startswith("header:") and v is not None
    }
    cookies = {
        name.removeprefix("cookie:"): value
        for name, value in visitor.items()
        if name.startswith("cookie:") and value is not None
    }
    pairs = [f"{name}={_cookie(name, value)}" for name, value in cookies.items()]
    if session is not None:
        pairs.append(f"{settings.SESSION_COOKIE_NAME}={session}")
    if visitor["cookies"] is not None:
        pairs.append(visitor["cookies"])
    if pairs:
        said["Cookie"] = "; ".join(pairs)
    if visitor["host"] is not None:
        said["Host"] = visitor["host"]
    if isinstance(visitor["body"], bytes):
        said |= {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(visitor["body"])),
        }
    return {**said, **more}


def environ(visitor: Visitor, said: Mapping[str, str]) -> dict[str, Any]:
    """Return the request as a WSGI server hands it over (PEP 3333)."""
    name, port = visitor["server"]
    fields = {key.upper().replace("-", "_"): value for key, value in said.items()}
    body = visitor["body"] if isinstance(visitor["body"], bytes) else b""
    return {
        "REQUEST_METHOD": visitor["method"],
        "SCRIPT_NAME": visitor["script"],
        "PATH_INFO": unquote_to_bytes(visitor["path"]).decode("latin-1"),
        "QUERY_STRING": visitor["query"],
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": visitor["scheme"],
        "wsgi.input": FakePayload(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multiprocess": True,
        "wsgi.multithread": False,
        "wsgi.run_once": False,
        **visitor["address"],
        **{
            key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}": value
            for key, value in fields.items()
        },
    }


def scope(visitor: Visitor, said: Mapping[str, str]) -> dict[str, Any]:
    """Return the request as an ASGI server hands it over."""
    name, port = visitor["server"]
    path = unquote_to_bytes(visitor["path"]).decode("utf-8", "replace")
    body = b"a=evil" if visitor["body"] == "unannounced" else visitor["body"] or b""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": visitor["method"],
        "scheme": visitor["scheme"],
        "root_path": visitor["script"],
        "path": path,
        "query_string": visitor["query"].encode("latin-1"),
        "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in said.items()],
        "client": [visitor["address"]["REMOTE_ADDR"], 40_000],
        "server": [name, int(port)],
        "_body_file": FakePayload(body),
    }
