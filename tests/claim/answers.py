"""What an answer shows its visitor, and how that of pagecache may differ from the view's own."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.middleware import csrf

from pagecache.core.codings import etag_in
from pagecache.core.headers import cache_control, vary_names
from tests.claim.visitors import Visitor
from tests.claim.ways import TOKEN

unmask: Any = csrf._unmask_cipher_token  # type: ignore[attr-defined]
# Added by pagecache, or compared on their own, or of the moment.
APART = set("age cache-status cache-control etag expires no-vary-search set-cookie vary".split())
# What is said of a page with holes instead of what the site says: it has no validator, and is its visitor's alone.
WITH_HOLES = ({"private", "no-store"}, {"private", "no-cache"})
NONCE = re.compile(r"(nonce(?:-|=\"))([\w-]{16,})")
HASH = re.compile(r"[0-9a-f]{64}")  # of a password, in a session
POLICY = "Content-Security-Policy"


def normalized(text: str, answer: Any, visitor: Visitor, *, hit: bool) -> str:
    """Return a text of an answer without what is made anew for each visitor: of this only the place counts.

    In a page that was stored, what is another visitor's is left as it is, and so differs.
    """
    cookie = answer.cookies.get("csrftoken")
    known = visitor["cookie:csrftoken"] if cookie is None else cookie.value

    def masked(found: re.Match[str]) -> str:
        secret = found[0] if len(found[0]) == 32 else unmask(found[0])
        return found[0] if hit and secret != known else "TOKEN"

    return TOKEN.sub(masked, NONCE.sub(r"\1NONCE", text))


def made_anew(answer: Any) -> set[str]:
    """Return the tokens and nonces of an answer, which nobody else may be given."""
    texts = [*answer.headers.values(), "" if answer.streaming else body(answer)]
    tokens = {token for text in texts for token in TOKEN.findall(text)}
    tokens = {token for token in tokens if len(token) == 64 and not HASH.fullmatch(token)}
    return tokens.union(*map(_nonces, texts))


def disagreeing(answer: Any) -> str:
    """Say which nonces of a body are not those of the policy in the header."""
    policy = answer.get(POLICY)
    if policy is None or answer.streaming:
        return ""
    unknown = _nonces(body(answer)) - _nonces(policy)
    return f"nonces {unknown}, not those of {policy!r}" if unknown else ""


def _nonces(text: str) -> set[str]:
    return {nonce for _, nonce in NONCE.findall(text)}


def body(answer: Any) -> str:
    """Return the body as the visitor sees it."""
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    is_packed = content and answer.get("Content-Encoding") == "gzip"
    return (gzip.decompress(content) if is_packed else content).decode()


def shown(answer: Any, visitor: Visitor, *, hit: bool) -> dict[str, Any]:
    """Return what an answer shows, without what pagecache may add to it."""
    given = {"body": body(answer), **dict(answer.items())}
    if given.pop("Content-Encoding", None):  # a page with holes is left as it is
        given.pop("Content-Length", None)  # there is chance in it
    return {"status": answer.status_code, "cookies": _cookies(answer)} | {
        name: normalized(text, answer, visitor, hit=hit)
        for name, text in given.items()
        if name.lower() not in APART
    }


def _cookies(answer: Any) -> dict[str, str]:
    """Return the cookies that are set; those with a time or a secret in them by name."""
    of_now = {settings.SESSION_COOKIE_NAME, "csrftoken", "messages"}
    return {
        name: "" if name in of_now else cookie.value
        for name, cookie in answer.cookies.items()
        if cookie["max-age"] != 0  # what is deleted is mostly not there
    }


def different(answer: dict[str, Any], own: dict[str, Any]) -> Iterator[str]:
    """Say in what an answer differs from the view's own."""
    for name in sorted(answer.keys() | own.keys()):
        is_packed = name == "Content-Length" and not {name} <= answer.keys() & own.keys()
        if answer.get(name) != own.get(name) and not is_packed:
            yield f"{name} {answer.get(name)!r}, not {own.get(name)!r}"


def lost(answer: Any, own: Any, *, for_one: bool) -> Iterator[str]:
    """Name what pagecache may add to, but not take away; only `private` stands for `public`.

    `for_one`: whether the page holds what is made for its visitor alone, so that no validator of it holds again.
    """
    control = cache_control(answer.get("Cache-Control", ""))
    has_holes = control.keys() in WITH_HOLES
    said = set(control) | {"public"} if "private" in control else set(control)
    gone = set(cache_control(own.get("Cache-Control", ""))) - said
    if gone and not has_holes:
        yield f"Cache-Control without {gone}"
    gone = set(vary_names(own.get("Vary", ""))) - set(vary_names(answer.get("Vary", "")))
    if for_one:
        gone -= {"accept-encoding"}  # it is sent as it is to everybody
    if any(cookie["max-age"] == 0 for cookie in own.cookies.values()):
        gone -= {"cookie"}  # said of a cookie that is deleted
    if gone:
        yield f"Vary without {gone}"
    if own.has_header("ETag") and not (has_holes or for_one):
        coding = answer.get("Content-Encoding", "")
        if answer.get("ETag") not in {own["ETag"], etag_in(own["ETag"], coding)}:
            yield f"ETag {answer.get('ETag')}, not {own['ETag']}"
