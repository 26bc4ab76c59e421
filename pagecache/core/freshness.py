"""How long a page may be kept by this store (RFC 9111 4.2, and what the site says)."""

from collections.abc import Mapping

from pagecache.core.headers import cache_control, http_date, seconds
from pagecache.core.types import UNSET, Unset


def stated_lifetime(headers: Mapping[str, str], now: float) -> float | Unset:
    """Return the lifetime that the response itself states, in seconds; UNSET where it says nothing.

    In the order of RFC 9111 4.2.1: s-maxage, max-age, Expires. What is invalid counts as stale.
    """
    directives = cache_control(headers.get("cache-control", ""))
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return float(seconds(directives[name]))
    if "expires" in headers:
        expires = http_date(headers["expires"])
        date = http_date(headers.get("date", ""))
        return 0.0 if expires is None else max(0.0, expires - (now if date is None else date))
    return UNSET


def current_age(headers: Mapping[str, str]) -> float:
    """Return the age that a response came with, in seconds (RFC 9111 5.1)."""
    return float(seconds((headers["age"].strip(),))) if "age" in headers else 0.0


def lifetime(
    headers: Mapping[str, str],
    now: float,
    *,
    stated: tuple[float | Unset | None, ...],
    expires_at: float | None,
) -> float | None:
    """Return for how many seconds the page may be kept, None for no limit.

    `stated` are the timeouts of the view's `cache_page`, of a rule, and of the site, in seconds: the first two come
    before the response's own freshness, the last after it; `expires_at` (since the epoch) caps them all.
    """
    *before, default = stated
    own = stated_lifetime(headers, now)
    left = own if isinstance(own, Unset) else max(0.0, own - current_age(headers))
    life = next(limit for limit in (*before, left, default) if not isinstance(limit, Unset))
    if expires_at is None:
        return life
    rest = max(0.0, expires_at - now)
    return rest if life is None else min(life, rest)
