"""The rules, each a small predicate that names its reason; the first reason wins."""

from collections.abc import Callable, Container, Iterable
from typing import TypeVar

from pagecache.core.headers import cache_control, vary_names
from pagecache.core.holes import IN_HEADER
from pagecache.core.ranges import is_range
from pagecache.core.reasons import Reason
from pagecache.core.types import Answered, Asked

T = TypeVar("T")
Rule = Callable[[T], Reason | None]

# Statuses whose requirements for caches are met (RFC 9111 5.2.2.3).
UNDERSTOOD = frozenset(
    {200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 500, 501, 502, 503, 504}
)
POLICIES = ("content-security-policy", "content-security-policy-report-only")
OVERRIDES = frozenset(
    {"HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"}
)
# Django takes the last two for Content-Type and Content-Length, where a server lets `Content_Type` through.
BODY_FIELDS = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"})


def disabled(asked: Asked) -> Reason | None:
    """The site is without cache for now."""
    return None if asked.is_enabled else Reason.DISABLED


def method(asked: Asked) -> Reason | None:
    """Only GET and HEAD have answers that are shared (RFC 9110 9.2.3)."""
    return None if asked.method in {"GET", "HEAD"} else Reason.METHOD


def body(asked: Asked) -> Reason | None:
    """A GET with a body means whatever the view makes of it; a charset changes how the query is read."""
    meta = asked.meta
    length = meta.get("CONTENT_LENGTH")
    has_body = length not in {None, "", "0"} or any(map(meta.__contains__, BODY_FIELDS))
    return Reason.BODY if has_body or meta.get("CONTENT_TYPE") else None


def authorization(asked: Asked) -> Reason | None:
    """Credentials make the answer private (RFC 9111 3.5)."""
    return Reason.AUTHORIZATION if "HTTP_AUTHORIZATION" in asked.meta else None


def method_override(asked: Asked) -> Reason | None:
    """Middleware may turn this GET into another method."""
    return Reason.METHOD_OVERRIDE if any(map(asked.meta.__contains__, OVERRIDES)) else None


def ranges(asked: Asked) -> Reason | None:
    """A range is the view's to answer, unless it is cut out of stored pages."""
    is_ours = "HTTP_RANGE" not in asked.meta or asked.serves_ranges
    return None if is_ours else Reason.RANGE


def precondition(asked: Asked) -> Reason | None:
    """If-Match and If-Unmodified-Since speak to the origin (RFC 9111 4.3.2)."""
    named = "HTTP_IF_MATCH" in asked.meta or "HTTP_IF_UNMODIFIED_SINCE" in asked.meta
    return Reason.PRECONDITION if named else None


def route(asked: Asked) -> Reason | None:
    """The path or its view is excluded."""
    return asked.route.reason


def session_cookie(asked: Asked) -> Reason | None:
    """Whoever has a session gets pages of their own, unless the site, a rule or the view says otherwise."""
    bypasses = asked.authenticated == "bypass" and asked.route.segment is None
    return Reason.SESSION_COOKIE if bypasses and asked.has_session_cookie else None


def sensitive_param(asked: Asked) -> Reason | None:
    """A token in the query is a credential."""
    return Reason.SENSITIVE_PARAM if asked.has_sensitive_param else None


def host(asked: Asked) -> Reason | None:
    """A host that Django refuses has no pages."""
    return Reason.HOST if asked.host is None else None


def user_agent(asked: Asked) -> Reason | None:
    """CommonMiddleware turns this client away."""
    return Reason.USER_AGENT if asked.is_refused_agent else None


REQUEST_RULES: tuple[Rule[Asked], ...] = (
    disabled,
    method,
    body,
    authorization,
    method_override,
    ranges,
    precondition,
    host,
    user_agent,
    route,
    session_cookie,
    sensitive_param,
)


def head(answered: Answered) -> Reason | None:
    """A response to HEAD is never stored as a GET."""
    return Reason.HEAD if answered.method == "HEAD" else None


def challenge(answered: Answered) -> Reason | None:
    """A refusal concerns one client."""
    refused = answered.status in {401, 403, 407} or "www-authenticate" in answered.headers
    return Reason.CHALLENGE if refused else None


def partial(answered: Answered) -> Reason | None:
    """A part is never stored as the whole (RFC 9111 3.3)."""
    length = answered.headers.get("content-length")
    differs = length is not None and length != str(answered.size) and not answered.streaming
    is_part = answered.status == 206 or is_range(answered.headers.get("content-range", ""))  # noqa: PLR2004 a status code
    return Reason.PARTIAL if is_part or differs else None


def status(answered: Answered) -> Reason | None:
    """Only statuses that the site named are stored, and none that is to be understood and is not."""
    is_unknown = "must-understand" in _directives(answered) and answered.status not in UNDERSTOOD
    return Reason.STATUS if is_unknown or answered.status not in answered.statuses else None


def streaming(answered: Answered) -> Reason | None:
    """A stream has no body to store."""
    return Reason.STREAMING if answered.streaming else None


def set_cookie(answered: Answered) -> Reason | None:
    """A cookie is for one client."""
    return Reason.SET_COOKIE if answered.sets_cookie or "set-cookie" in answered.headers else None


def no_store(answered: Answered) -> Reason | None:
    """RFC 9111 5.2.2.5; beside must-understand it is for caches that do not know the status (5.2.2.3)."""
    directives = _directives(answered)
    is_meant = "must-understand" not in directives or answered.status not in UNDERSTOOD
    return Reason.NO_STORE if is_meant and "no-store" in directives else None


def private(answered: Answered) -> Reason | None:
    """RFC 9111 5.2.2.7; with field names too, which is stricter than the RFC asks."""
    return Reason.PRIVATE if "private" in _directives(answered) else None


def no_cache(answered: Answered) -> Reason | None:
    """RFC 9111 5.2.2.4: not to be reused without asking the view, so not stored unless that is asked each time."""
    is_said = "no-cache" in _directives(answered)
    return Reason.NO_CACHE if is_said and not answered.asks else None


def vary_star(answered: Answered) -> Reason | None:
    """RFC 9110 12.5.5: depends on something that no header names."""
    return Reason.VARY_STAR if "*" in vary_names(answered.headers.get("vary", "")) else None


def nonce(answered: Answered) -> Reason | None:
    """A nonce that is used twice protects nobody; one that was cut out is filled anew."""
    headers = answered.headers
    policies = [headers[name].lower() for name in POLICIES if name in headers]
    parts = [part for policy in policies for part in policy.split("'nonce-")[1:]]
    return None if all(part.startswith(IN_HEADER) for part in parts) else Reason.NONCE


def recorded(answered: Answered) -> Reason | None:
    """What the recording of the render says."""
    return answered.refusals[0] if answered.refusals else None


def no_lifetime(answered: Answered) -> Reason | None:
    """Nothing is stored that is stale at once, unless the view is asked each time."""
    is_over = answered.lifetime is not None and answered.lifetime <= 0
    return Reason.NO_LIFETIME if is_over and not answered.asks else None


def too_large(answered: Answered) -> Reason | None:
    """One page does not crowd out the others."""
    return Reason.TOO_LARGE if answered.size > answered.max_bytes else None


RESPONSE_RULES: tuple[Rule[Answered], ...] = (
    head,
    challenge,
    partial,
    status,
    streaming,
    set_cookie,
    no_store,
    private,
    no_cache,
    vary_star,
    nonce,
    recorded,
    no_lifetime,
    too_large,
)


def first(rules: Iterable[Rule[T]], subject: T) -> Reason | None:
    """Return the first reason that a rule gives, None where all are content."""
    for rule in rules:
        if (reason := rule(subject)) is not None:
            return reason
    return None


def _directives(answered: Answered) -> Container[str]:
    return cache_control(answered.headers.get("cache-control", ""))
