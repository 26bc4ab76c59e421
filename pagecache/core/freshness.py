"""How long a page may be kept by this store (RFC 9111 4.2, and what the site says)."""

from collections.abc import Mapping
from math import log

from pagecache.core.codec import FOREVER, Entry
from pagecache.core.headers import cache_control, http_date, seconds
from pagecache.core.types import UNSET, Unset

STRICT = frozenset({"must-revalidate", "no-cache", "proxy-revalidate", "s-maxage"})
# Answers to fields that are in no key (ranges, conditions, `Expect`), to one client or connection, and those that no
# cache is to store (RFC 6585 3 to 6).
UNSHARED = frozenset(
    {206, 304, 401, 403, 407, 408, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511}
)
OF_THE_BODY = frozenset({"content-encoding", "content-length", "content-range", "content-type"})
MINUTE = 60.0
GUESSED = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})  # RFC 9110 15.1
DAY = 86400.0
THERE = frozenset({200, 203, 204})


def stated_lifetime(headers: Mapping[str, str], now: float) -> float | Unset:
    """Return the lifetime that the response itself states, in seconds; UNSET where it says nothing.

    In the order of RFC 9111 4.2.1: s-maxage, max-age, Expires. What is invalid counts as stale.
    """
    directives = cache_control(headers.get("cache-control", ""))
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return float(seconds(directives[name]))
    if "expires" in headers:
        expires = http_date(headers["expires"], now)
        date = http_date(headers.get("date", ""), now)
        return 0.0 if expires is None else max(0.0, expires - (now if date is None else date))
    return UNSET


def guessed_lifetime(
    headers: Mapping[str, str], status: int, now: float, share: float
) -> float | Unset:
    """Return a share of the time for which a response had not changed, a day at most (RFC 9111 4.2.2).

    UNSET where the response says how long, or when it changed is not known, or nothing allows its status to be kept.
    """
    if not share:
        return UNSET
    changed = http_date(headers.get("last-modified", ""), now)
    is_kept = status in GUESSED or "public" in cache_control(headers.get("cache-control", ""))
    is_stated = not isinstance(stated_lifetime(headers, now), Unset)
    if changed is None or not is_kept or is_stated:
        return UNSET
    date = http_date(headers.get("date", ""), now)
    life = share * max(0.0, (now if date is None else date) - changed)
    return max(0.0, min(DAY, life) - initial_age(headers, now, now))


def speaks_for_itself(headers: Mapping[str, str], status: int, now: float, share: float) -> bool:
    """Whether a response of any final status says how long it may be kept, or lets it be guessed (RFC 9111 3)."""
    is_final = status >= 200 and status not in UNSHARED  # noqa: PLR2004 RFC 9110 15.2
    said = stated_lifetime(headers, now), guessed_lifetime(headers, status, now, share)
    return is_final and said != (UNSET, UNSET)


def initial_age(headers: Mapping[str, str], now: float, asked: float) -> float:
    """Return the age, in whole seconds, of a response that came now and was asked for at `asked` (RFC 9111 4.2.3)."""
    date = http_date(headers.get("date", ""), now)
    apparent = 0.0 if date is None else now - date
    stated = _stated_age(headers["age"]) if "age" in headers else 0
    return float(max(int(apparent), stated + max(0, int(now - asked))))


def _stated_age(field: str) -> int:
    """Return the first value of Age; what is invalid is ignored (RFC 9111 5.1)."""
    return seconds((field.partition(",")[0].strip(),))


def capped(timeout: float | Unset | None, status: int, most: float | None) -> float | Unset | None:
    """Return a timeout, in seconds, that was not stated with this status in mind.

    What is not there, or elsewhere, may soon be here: it is kept for `most` seconds (None: no limit).
    """
    if status in THERE or most is None or isinstance(timeout, Unset):
        return timeout
    return most if timeout is None else min(timeout, most)


def lifetime(
    headers: Mapping[str, str],
    now: float,
    asked: float,
    *,
    stated: tuple[float | Unset | None, ...],
    expires_at: float | None,
) -> float | None:
    """Return for how many seconds a page that was asked for at `asked` may be kept, None for no limit.

    `stated` are the timeouts of the view's `cache_page`, of a rule, and of the site, in seconds: the first two come
    before the response's own freshness, the last after it; `expires_at` (since the epoch) caps them all.
    """
    *before, default = stated
    own = stated_lifetime(headers, now)
    left = own if isinstance(own, Unset) else max(0.0, own - initial_age(headers, now, asked))
    life = next(limit for limit in (*before, left, default) if not isinstance(limit, Unset))
    if expires_at is None:
        return life
    rest = max(0.0, expires_at - now)
    return rest if life is None else min(life, rest)


def shortened(life: float | None, share: float, draw: float) -> float | None:
    """Return a lifetime less a part of it by chance, from 0 to 1: pages that were made together do not end together."""
    return None if life is None else life * (1.0 - share * draw)


def is_due_early(left: float, took: float, eagerness: float, draw: float) -> bool:
    """Whether a page is made anew though it has `left` seconds: the likelier, the fewer those and the longer it `took`.

    By chance, from 0 to 1, as in Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention".
    """
    return took * eagerness * -log(1.0 - draw) > left


def again(known: Entry, headers: Mapping[str, str], now: float, asked: float) -> float | None:
    """Return for how many seconds a page holds again of which its view said nothing new, None for no limit.

    As long as before, less the age that the answer came with.
    """
    if known.expires == FOREVER:
        return None
    return max(0.0, known.expires - known.created - initial_age(headers, now, asked))


def overdue(headers: Mapping[str, str], now: float, asked: float, known: Entry | None) -> float:
    """Return for how many seconds a page had ended already when it came: so much of what it may be served then is over.

    `known` is the page that it is as it was, where nothing new was said about that.
    """
    stated = stated_lifetime(headers, now) if known is None else known.expires - known.created
    return 0.0 if isinstance(stated, Unset) else max(0.0, initial_age(headers, now, asked) - stated)


def longest_wait(entry: Entry) -> float:
    """Return for how many seconds after its end a page is kept for its view to say that it is as it was.

    As long as it was fresh, and a minute at least: then the view is not asked often enough for it to matter.
    """
    return max(MINUTE, entry.expires - entry.created) if entry.lasts else 0.0


def of_the_whole(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return what the headers of a 304 say of the page; not what is of the body, which is there (RFC 9111 3.2)."""
    return {name: value for name, value in headers.items() if name not in OF_THE_BODY}


def grace(headers: Mapping[str, str], default: float) -> float:
    """Return for how many seconds after its end a page may stand in for an error (RFC 5861 4, RFC 9111 4.2.4)."""
    return _after_end("stale-if-error", headers, default)


def overlap(headers: Mapping[str, str], default: float) -> float:
    """Return for how many seconds after its end a page may be served while it is made anew (RFC 5861 3)."""
    return _after_end("stale-while-revalidate", headers, default)


def _after_end(name: str, headers: Mapping[str, str], default: float) -> float:
    directives = cache_control(headers.get("cache-control", ""))
    if not STRICT.isdisjoint(directives):
        return 0.0
    stated = directives.get(name)
    return default if stated is None else float(seconds(stated))
