"""Conditions of a request: whether its client has the page already (RFC 9110 13)."""

import math
import re
from collections.abc import Mapping

from pagecache.core.headers import http_date

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'  # RFC 9110 8.8.3
TAGS = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")


def is_known(tags: str | None, since: str | None, headers: Mapping[str, str], made: float) -> bool:
    """Whether If-None-Match (`tags`), or else If-Modified-Since, says that a client has the page (RFC 9110 13.2.2).

    `headers` are those of the page, names in lower case, which was made at some time. An invalid date is none.
    """
    if tags is not None:
        return names(tags, headers.get("etag"))
    asked = http_date(since or "", made)
    changed = _changed(headers, made)
    return asked is not None and changed is not None and changed <= asked


def names(tags: str, etag: str | None) -> bool:
    """Whether a list of entity tags names one, weak or strong alike (RFC 9110 13.1.2)."""
    if etag is None:
        return False
    return tags.strip() == "*" or opaque(etag) in map(opaque, entity_tags(tags))


def entity_tags(value: str) -> tuple[str, ...]:
    """Return the members of a list of entity tags; none where it is not of that form."""
    return tuple(re.findall(TAG, value)) if TAGS.fullmatch(value) else ()


def is_weak(etag: str) -> bool:
    """Whether an entity tag says that pages of it may differ a little (RFC 9110 8.8.3)."""
    return etag.lstrip().startswith("W/")


def opaque(etag: str) -> str:
    """Return what an entity tag is compared by where weak ones will do (RFC 9110 8.8.3.2)."""
    return etag.strip().removeprefix("W/")


def _changed(headers: Mapping[str, str], made: float) -> float | None:
    """Return when a page changed: else its date, and then not within the second in which it was made (RFC 9111 4.3.2).

    Another page of that second may have had the same date.
    """
    if "last-modified" in headers:
        return http_date(headers["last-modified"], made)
    date = http_date(headers.get("date", ""), made)
    return None if date is None else max(date, math.ceil(made))
