"""The Cache-Status response field (RFC 9211)."""

import re

from pagecache.core.reasons import Reason

NAME = "pagecache"
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
MAX_TTL = 10**15 - 1  # the largest integer of a structured field (RFC 9651 3.3.1)


def hit(ttl: float | None, *, key: str | None = None) -> str:
    """Return the member for a response that came from the store; `ttl` in seconds."""
    return f"{NAME}; hit{_ttl(ttl)}{_key(key)}"


def forwarded(  # noqa: PLR0913 one for each parameter of the field
    why: str,
    *,
    status: int | None = None,
    stored: bool = False,
    ttl: float | None = None,
    detail: Reason | None = None,
    key: str | None = None,
) -> str:
    """Return the member for a response that the view made; `why` is a forward reason of RFC 9211 2.2.

    `status` is what the view answered, where the client gets another (a 304, say).
    """
    answered = "" if status is None else f"; fwd-status={status}"
    saved = f"; stored{_ttl(ttl)}" if stored else ""
    return f"{NAME}; fwd={why}{answered}{saved}{_key(key)}{_detail(detail)}"


def generated(detail: Reason | None) -> str:
    """Return the member for a response that pagecache made itself: no hit, and nothing forwarded."""
    return f"{NAME}{_detail(detail)}"


def in_place(field: str, status: int) -> str:
    """Return the field of a stored page that is sent in place of what the view answered, with that status."""
    before, _, after = field.rpartition("; hit")
    return f"{before}; fwd=stale; fwd-status={status}{after}"


def append(existing: str | None, member: str) -> str:
    """Return the field with our member behind those of caches nearer the origin (RFC 9211 2)."""
    return f"{existing}, {member}" if existing else member


def has_member(field: str | None) -> bool:
    """Whether pagecache has already said its word about this response."""
    if not field:
        return False
    members = STRING.sub("", field).split(",")
    return any(member.split(";")[0].strip() == NAME for member in members)


def _ttl(ttl: float | None) -> str:
    return "" if ttl is None else f"; ttl={min(int(ttl), MAX_TTL)}"


def _key(key: str | None) -> str:
    return "" if key is None else f'; key="{key}"'


def _detail(detail: Reason | None) -> str:
    return "" if detail is None else f"; detail={detail}"
