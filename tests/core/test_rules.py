"""One rule, one reason: what speaks against looking up, and against storing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pagecache.core.reasons import Reason
from pagecache.core.rules import REQUEST_RULES, RESPONSE_RULES, first
from pagecache.core.types import Answered, Route

ROUTE = Route(None)


@dataclass(frozen=True)
class Request:
    """A request that nothing speaks against."""

    method: str = "GET"
    meta: dict[str, Any] = field(default_factory=dict)
    host: str | None = "example.org"
    is_enabled: bool = True
    has_session_cookie: bool = False
    keeps_session: bool = False
    has_sensitive_param: bool = False
    directives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    serves_ranges: bool = False
    is_refused_agent: bool = False
    authenticated: str = "bypass"
    route: Route = ROUTE


GOOD_REQUESTS = [
    Request(),
    Request(method="HEAD"),
    Request(meta={"CONTENT_LENGTH": "", "CONTENT_TYPE": ""}),
    Request(meta={"CONTENT_LENGTH": "0"}),
    Request(meta={"HTTP_IF_NONE_MATCH": '"x"', "HTTP_IF_MODIFIED_SINCE": "x"}),
    Request(meta={"HTTP_RANGE": "bytes=0-1"}, serves_ranges=True),
    Request(has_session_cookie=True, authenticated="unread"),
    Request(has_session_cookie=True, authenticated="segment"),
]
REFUSED_REQUESTS = [
    (Request(is_enabled=False), Reason.DISABLED),
    (Request(method="POST"), Reason.METHOD),
    (Request(method="get"), Reason.METHOD),
    (Request(method=""), Reason.METHOD),
    (Request(meta={"CONTENT_LENGTH": "1"}), Reason.BODY),
    (Request(meta={"CONTENT_LENGTH": "junk"}), Reason.BODY),
    (Request(meta={"HTTP_TRANSFER_ENCODING": "chunked"}), Reason.BODY),
    (Request(meta={"HTTP_CONTENT_TYPE": "text/plain"}), Reason.BODY),
    (Request(meta={"HTTP_CONTENT_LENGTH": "1"}), Reason.BODY),
    (Request(meta={"CONTENT_TYPE": "text/plain; charset=x"}), Reason.BODY),
    (Request(meta={"HTTP_AUTHORIZATION": ""}), Reason.AUTHORIZATION),
    (Request(meta={"HTTP_X_HTTP_METHOD_OVERRIDE": "PUT"}), Reason.METHOD_OVERRIDE),
    (Request(meta={"HTTP_X_HTTP_METHOD": "PUT"}), Reason.METHOD_OVERRIDE),
    (Request(meta={"HTTP_X_METHOD_OVERRIDE": "PUT"}), Reason.METHOD_OVERRIDE),
    (Request(meta={"HTTP_RANGE": "bytes=0-1"}), Reason.RANGE),
    (Request(meta={"HTTP_IF_MATCH": "*"}), Reason.PRECONDITION),
    (Request(meta={"HTTP_IF_UNMODIFIED_SINCE": "x"}), Reason.PRECONDITION),
    (Request(host=None), Reason.HOST),
    (Request(is_refused_agent=True), Reason.USER_AGENT),
    (Request(route=Route(Reason.EXCLUDED)), Reason.EXCLUDED),
    (Request(has_session_cookie=True), Reason.SESSION_COOKIE),
    (Request(has_sensitive_param=True), Reason.SENSITIVE_PARAM),
    (Request(method="POST", host=None), Reason.METHOD),
]


@pytest.mark.parametrize("request_", GOOD_REQUESTS)
def test_nothing_speaks_against_a_plain_request(request_: Request) -> None:
    assert first(REQUEST_RULES, request_) is None


@pytest.mark.parametrize("request_, reason", REFUSED_REQUESTS)
def test_a_request_is_answered_by_the_view(request_: Request, reason: Reason) -> None:
    assert first(REQUEST_RULES, request_) is reason


PAGE = Answered(
    method="GET",
    status=200,
    statuses=frozenset({200, 404}),
    headers={},
    streaming=False,
    size=10,
    max_bytes=10,
    sets_cookie=False,
    lifetime=60.0,
)
NONCE = "script-src 'nonce-abc'"

GOOD_PAGES: list[dict[str, Any]] = [
    {},
    {"status": 404},
    {"lifetime": None},
    {"lifetime": 0.1},
    {"headers": {"content-length": "10"}},
    {"headers": {"cache-control": "public, max-age=9"}},
    {"headers": {"vary": "Cookie, Accept"}},
    {"headers": {"content-security-policy": "script-src 'self'"}},
    {"headers": {"content-range": "bytes"}},
    {"headers": {"cache-control": "must-understand, no-store"}},
]
REFUSED_PAGES: list[tuple[dict[str, Any], Reason]] = [
    ({"method": "HEAD"}, Reason.HEAD),
    ({"status": 401}, Reason.CHALLENGE),
    ({"status": 403}, Reason.CHALLENGE),
    ({"status": 407}, Reason.CHALLENGE),
    ({"headers": {"www-authenticate": "Basic"}}, Reason.CHALLENGE),
    ({"status": 206}, Reason.PARTIAL),
    ({"headers": {"content-range": "bytes 0-1/2"}}, Reason.PARTIAL),
    ({"headers": {"content-range": "bytes 0-1/*"}}, Reason.PARTIAL),
    (
        {"status": 599, "statuses": {599}, "headers": {"cache-control": "must-understand"}},
        Reason.STATUS,
    ),
    ({"headers": {"content-length": "9"}}, Reason.PARTIAL),
    ({"status": 500}, Reason.STATUS),
    ({"status": 302}, Reason.STATUS),
    ({"streaming": True, "size": 0}, Reason.STREAMING),
    ({"streaming": True, "size": 0, "headers": {"content-length": "9"}}, Reason.STREAMING),
    ({"sets_cookie": True}, Reason.SET_COOKIE),
    ({"headers": {"set-cookie": "a=b"}}, Reason.SET_COOKIE),
    ({"headers": {"cache-control": "max-age=9, No-Store"}}, Reason.NO_STORE),
    ({"headers": {"cache-control": "private"}}, Reason.PRIVATE),
    ({"headers": {"cache-control": 'private="x"'}}, Reason.PRIVATE),
    ({"headers": {"cache-control": "no-cache"}}, Reason.NO_CACHE),
    ({"headers": {"vary": "Accept, *"}}, Reason.VARY_STAR),
    ({"headers": {"vary": "Accept Cookie"}}, Reason.VARY_STAR),
    ({"headers": {"content-security-policy": NONCE}}, Reason.NONCE),
    ({"headers": {"content-security-policy-report-only": NONCE.upper()}}, Reason.NONCE),
    ({"refusals": (Reason.WROTE, Reason.CSRF)}, Reason.WROTE),
    ({"lifetime": 0.0}, Reason.NO_LIFETIME),
    ({"lifetime": 0, "size": 11}, Reason.NO_LIFETIME),
    ({"size": 11}, Reason.TOO_LARGE),
]


@pytest.mark.parametrize("changes", GOOD_PAGES)
def test_nothing_speaks_against_storing_a_plain_page(changes: dict[str, Any]) -> None:
    assert first(RESPONSE_RULES, PAGE._replace(**changes)) is None


@pytest.mark.parametrize("changes, reason", REFUSED_PAGES)
def test_a_page_is_not_stored(changes: dict[str, Any], reason: Reason) -> None:
    assert first(RESPONSE_RULES, PAGE._replace(**changes)) is reason


def test_every_rule_says_in_a_sentence_what_it_asks() -> None:
    rules = (*REQUEST_RULES, *RESPONSE_RULES)
    assert len({rule.__name__ for rule in rules}) == len(rules)
    assert all((rule.__doc__ or "").rstrip().endswith(".") for rule in rules)
