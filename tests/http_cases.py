"""What HTTP asks of a cache, as data: each case has an id that begins with its RFC and section.

The pure core answers them in `tests/core`, a site in every lane in `tests/test_http.py`; `docs/http.md` names them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

DATE = "%a, %d %b %Y %H:%M:%S GMT"
RFC_850 = "%A, %d-%b-%y %H:%M:%S GMT"
ASCTIME = "%a %b %e %H:%M:%S %Y"


class Freshness(NamedTuple):
    """How long a page is kept for these fields, where the site keeps pages for SITE seconds; 0 for not at all.

    In a field, `{+60}` stands for the date in a minute; `{rfc850 +60}` and `{asctime +60}` are its older forms.
    """

    id: str
    life: float
    fields: dict[str, str]
    age: float = 0.0

    def at(self, now: float) -> dict[str, str]:
        """Return the fields with their dates."""
        return {name: dated(value, now) for name, value in self.fields.items()}


SITE = 500.0


def dated(value: str, now: float) -> str:
    """Return a field with the dates that it has at some time."""
    forms = {None: DATE, "rfc850": RFC_850, "asctime": ASCTIME}

    def said(match: re.Match[str]) -> str:
        when = datetime.fromtimestamp(int(now), UTC) + timedelta(seconds=int(match[2]))
        return when.strftime(forms[match[1]])

    return re.sub(r"\{(?:(rfc850|asctime) )?([+-]\d+)\}", said, value)


def cc(value: str) -> dict[str, str]:
    """Return a Cache-Control field."""
    return {"Cache-Control": value}


def own(value: str) -> dict[str, str]:
    """Return the field for pagecache alone."""
    return {"PageCache-Cache-Control": value}


def cdn(value: str) -> dict[str, str]:
    """Return the field for caches on the side of the origin."""
    return {"CDN-Cache-Control": value}


MOST = 2.0**31
UNDERSTANDING = "must-understand, no-store, max-age=60"

FRESHNESS = [
    # The order of who says it
    Freshness("9111-4.2.1-nothing-said", SITE, {}),
    Freshness("9111-4.2.1-s-maxage-before-max-age", 60, cc("max-age=900, s-maxage=60")),
    Freshness("9111-4.2.1-longer-s-maxage", 900, cc("s-maxage=900, max-age=60")),
    Freshness("9111-4.2.1-max-age", 900, cc("max-age=900")),
    Freshness("9111-4.2.1-max-age-before-expires", 900, cc("max-age=900") | {"Expires": "{+60}"}),
    Freshness("9111-4.2.1-max-age-before-past-expires", 900, cc("max-age=900") | {"Expires": "0"}),
    Freshness("9111-4.2.1-max-age-0-before-expires", 0, cc("max-age=0") | {"Expires": "{+60}"}),
    Freshness("9111-4.2.1-expires", 60, {"Expires": "{+60}"}),
    Freshness("9111-4.2.1-expires-less-date", 60, {"Expires": "{+60}", "Date": "{-40}"}, 40),
    Freshness("9111-4.2.1-expires-less-late-date", 20, {"Expires": "{+60}", "Date": "{+40}"}),
    Freshness("9111-5.2.2.9-public-alone", SITE, cc("public")),
    Freshness("9111-5.2.2.2-must-revalidate-alone", SITE, cc("must-revalidate")),
    Freshness("9111-5.2.2.2-must-revalidate", 60, cc("must-revalidate, max-age=60")),
    Freshness("9111-5.2.2.8-proxy-revalidate", 60, cc("proxy-revalidate, max-age=60")),
    Freshness("9111-5.2.2.3-must-understand", 60, cc("must-understand, max-age=60")),
    Freshness("9111-5.2.2.3-must-understand-no-store", 60, cc(UNDERSTANDING)),
    Freshness("9110-14.4-content-range-of-no-part", 60, cc("max-age=60") | {"Content-Range": "all"}),
    Freshness("8246-2-immutable", 60, cc("max-age=60, immutable")),
    Freshness("9111-5.2.3-unknown-directive", 60, cc('max-age=60, unheard-of="a, b", other=1')),
    # What forbids it
    Freshness("9111-5.2.2.5-no-store", 0, cc("no-store, max-age=60")),
    Freshness("9111-5.2.2.5-no-store-any-case", 0, cc("max-age=60, No-STORE")),
    Freshness("9111-5.2.2.4-no-cache", 0, cc("no-cache, max-age=60")),
    Freshness("9111-5.2.2.4-no-cache-fields", 0, cc('no-cache="x-own", max-age=60')),
    Freshness("9111-5.2.2.7-private", 0, cc("private, max-age=60")),
    Freshness("9111-5.2.2.7-private-fields", 0, cc('private="x-own, x-other", max-age=60')),
    # Delta-seconds and forms
    Freshness("9111-1.2.2-zero", 0, cc("max-age=0")),
    Freshness("9111-1.2.2-leading-zeros", 60, cc("max-age=0060")),
    Freshness("9111-1.2.2-overflow-32", MOST, cc("max-age=2147483648")),
    Freshness("9111-1.2.2-overflow-64", MOST, cc("max-age=9223372036854775808")),
    Freshness("9111-1.2.2-overflow-long", MOST, cc("s-maxage=" + "9" * 99)),
    Freshness("9111-4.2.1-negative", 0, cc("max-age=-60")),
    Freshness("9111-4.2.1-plus", 0, cc("max-age=+60")),
    Freshness("9111-4.2.1-fraction", 0, cc("max-age=60.5")),
    Freshness("9111-4.2.1-no-number", 0, cc("max-age=soon")),
    Freshness("9111-4.2.1-number-and-letters", 0, cc("max-age=60s")),
    Freshness("9111-4.2.1-no-argument", 0, cc("max-age")),
    Freshness("9111-4.2.1-empty-argument", 0, cc("max-age=")),
    Freshness("9111-4.2.1-invalid-s-maxage", 0, cc("s-maxage=soon, max-age=60")),
    Freshness("9111-4.2.1-invalid-before-expires", 0, cc("max-age=soon") | {"Expires": "{+60}"}),
    Freshness("9111-5.2-quoted", 60, cc('max-age="60"')),
    Freshness("9111-5.2-quoted-escape", 60, cc(r'max-age="6\0"')),
    Freshness("9111-5.2-single-quotes", 0, cc("max-age='60'")),
    Freshness("9111-5.2-never-closed", 0, cc('max-age="60')),
    Freshness("9111-5.2-space-before-equals", 0, cc("max-age =60")),
    Freshness("9111-5.2-space-after-equals", 0, cc("max-age= 60")),
    Freshness("9111-5.2-space-inside", 0, cc("max-age=6 0")),
    Freshness("9111-5.2-semicolon", 0, cc("max-age=60; public")),
    Freshness("9111-5.2-any-case", 60, cc("MAX-age=60")),
    Freshness("9111-5.2-other-name", SITE, cc("x-max-age=60, max-agee=60")),
    Freshness("9111-5.2-spaces-and-empty-members", 60, cc(" ,, public ,\tmax-age=60 , ,")),
    Freshness("9111-5.2-inside-a-string", SITE, cc('other="max-age=60, no-store"')),
    Freshness("9111-5.2-inside-a-string-escape", SITE, cc(r'other="a\", max-age=60, no-store"')),
    # Duplicates and conflicts
    Freshness("9111-4.2.1-two-max-age-long-first", 60, cc("max-age=900, max-age=60")),
    Freshness("9111-4.2.1-two-max-age-short-first", 60, cc("max-age=60, max-age=900")),
    Freshness("9111-4.2.1-two-max-age-one-invalid", 0, cc("max-age=60, max-age=soon")),
    Freshness("9111-4.2.1-two-expires", 0, {"Expires": "{+60}, {+900}"}),
    # Expires
    Freshness("9111-5.3-past", 0, {"Expires": "{-60}"}),
    Freshness("9111-5.3-zero", 0, {"Expires": "0"}),
    Freshness("9111-5.3-empty", 0, {"Expires": ""}),
    Freshness("9111-5.3-words", 0, {"Expires": "tomorrow"}),
    Freshness("9111-5.3-equal-to-date", 0, {"Expires": "{+60}", "Date": "{+60}"}),
    Freshness("9110-5.6.7-rfc-850", 60, {"Expires": "{rfc850 +60}"}),
    Freshness("9110-5.6.7-asctime", 60, {"Expires": "{asctime +60}"}),
    Freshness("9110-5.6.7-rfc-850-past", 0, {"Expires": "Sunday, 06-Nov-94 08:49:37 GMT"}),
    Freshness("9110-5.6.7-no-comma", 0, {"Expires": "Sun 06 Nov 2094 08:49:37 GMT"}),
    Freshness("9110-5.6.7-dashes", 0, {"Expires": "Sun, 06-Nov-2094 08:49:37 GMT"}),
    Freshness("9110-5.6.7-one-digit-hour", 0, {"Expires": "Sun, 06 Nov 2094 8:49:37 GMT"}),
    Freshness("9110-5.6.7-two-spaces", 0, {"Expires": "Sun, 06  Nov 2094 08:49:37 GMT"}),
    Freshness("9110-5.6.7-no-such-day", 0, {"Expires": "Sun, 31 Feb 2094 08:49:37 GMT"}),
    Freshness("9110-5.6.7-no-such-hour", 0, {"Expires": "Sun, 06 Nov 2094 24:49:37 GMT"}),
    Freshness("9111-4.2-utc", 0, {"Expires": "Sun, 06 Nov 2094 08:49:37 UTC"}),
    Freshness("9111-4.2-other-zone", 0, {"Expires": "Sun, 06 Nov 2094 08:49:37 AEST"}),
    Freshness("9111-4.2-offset", 0, {"Expires": "Sun, 06 Nov 2094 08:49:37 +0000"}),
    # Age on the way in
    Freshness("9111-5.1-age", 60, cc("max-age=90") | {"Age": "30"}, 30),
    Freshness("9111-5.1-age-past-max-age", 0, cc("max-age=90") | {"Age": "90"}, 90),
    Freshness("9111-5.1-age-and-expires", 60, {"Expires": "{+90}", "Age": "30"}, 30),
    Freshness("9111-5.1-age-and-the-sites-word", SITE, {"Age": "30"}, 30),
    Freshness("9111-5.1-first-of-several", 60, cc("max-age=90") | {"Age": "30, 900"}, 30),
    Freshness("9111-5.1-first-of-several-old", 0, cc("max-age=90") | {"Age": "900, 0"}, 900),
    Freshness("9111-5.1-negative-age", 90, cc("max-age=90") | {"Age": "-30"}),
    Freshness("9111-5.1-age-with-parameter", 90, cc("max-age=90") | {"Age": "30;a=b"}),
    Freshness("9111-5.1-age-fraction", 90, cc("max-age=90") | {"Age": "30.0"}),
    Freshness("9111-5.1-age-words", 90, cc("max-age=90") | {"Age": "old"}),
    Freshness("9111-1.2.2-age-overflow", 0, cc("max-age=90") | {"Age": "9" * 40}, MOST),
    Freshness("9111-4.2.3-date-past", 60, cc("max-age=90") | {"Date": "{-30}"}, 30),
    Freshness("9111-4.2.3-date-long-past", 0, cc("max-age=90") | {"Date": "{-900}"}, 900),
    Freshness("9111-4.2.3-date-future", 90, cc("max-age=90") | {"Date": "{+900}"}),
    Freshness("9111-4.2.3-date-older-than-age", 60, cc("max-age=90") | {"Date": "{-30}", "Age": "9"}, 30),
    Freshness("9111-4.2.3-age-older-than-date", 60, cc("max-age=90") | {"Date": "{-9}", "Age": "30"}, 30),
    Freshness("9110-6.6.1-invalid-date", 90, cc("max-age=90") | {"Date": "today"}),
]  # fmt: skip


TARGETED = [
    Freshness("9213-2.2-own-before-cache-control", 60, own("max-age=60") | cc("max-age=900")),
    Freshness("9213-2.2-own-alone", 60, own("max-age=60")),
    Freshness("9213-2.2-own-before-cdn", 60, own("max-age=60") | cdn("max-age=900")),
    Freshness("9213-2.2-cdn-before-cache-control", 60, cdn("max-age=60") | cc("max-age=900")),
    Freshness("9213-2.2-s-maxage", 60, cdn("max-age=900, s-maxage=60")),
    Freshness("9213-2.2-expires-is-ignored", 60, own("max-age=60") | {"Expires": "0"}),
    Freshness("9213-2.2-expires-is-ignored-without-lifetime", SITE, own("public") | {"Expires": "0"}),
    Freshness("9213-2.2-cache-control-is-ignored", 60, own("max-age=60") | cc("private, no-store")),
    Freshness("9213-2.2-cdn-over-no-cache", 60, cdn("max-age=60") | cc("no-cache")),
    Freshness("9213-2.2-age-counts", 60, own("max-age=90") | {"Age": "30"}, 30),
    Freshness("9213-2.1-no-store", 0, own("no-store") | cc("max-age=60")),
    Freshness("9213-2.1-private", 0, own("private, max-age=60")),
    Freshness("9213-2.1-cdn-no-store", 0, cdn("no-store") | cc("max-age=60")),
    Freshness("9213-2.1-own-allows-what-cdn-forbids", 60, own("max-age=60") | cdn("no-store")),
    Freshness("9213-2.1-zero", 0, own("max-age=0") | cc("max-age=60")),
    Freshness("9213-2.1-negative", 0, own("max-age=-60") | cc("max-age=60")),
    Freshness("9213-2.1-string", 0, own('max-age="60"') | cc("max-age=60")),
    Freshness("9213-2.1-decimal", 0, own("max-age=60.5") | cc("max-age=60")),
    Freshness("9213-2.1-no-argument", 0, own("max-age") | cc("max-age=60")),
    Freshness("9213-2.1-parameters", 60, own("max-age=60;a=b, public;c")),
    Freshness("9213-2.1-unknown", 60, own("max-age=60, unheard-of=(a b), other=:aGk=:")),
    Freshness("9213-2.1-last-of-several", 60, own("max-age=900, max-age=60")),
    Freshness("9213-2.2-empty", 60, own("") | cdn("  ") | cc("max-age=60")),
    Freshness("9213-2.2-invalid", 60, own("max-age=900, ") | cc("max-age=60")),
    Freshness("9213-2.2-invalid-upper-case", 60, own("Max-Age=900") | cdn("max-age=60")),
    Freshness("9213-2.2-invalid-that-forbids", 0, own("max-age=900, No-Store") | cc("max-age=60")),
    Freshness("9213-2.2-invalid-over-must-understand", 0, own("No-Store") | cc("must-understand, max-age=60")),
    Freshness("9213-2.2-invalid-that-forbids-before-cdn", 0, own("Private") | cdn("max-age=60")),
    Freshness("9213-2.2-not-ascii", 60, own("max-age=900, a=\xe9") | cc("max-age=60")),
    Freshness("9213-2.2-other-target", 60, {"Other-Cache-Control": "no-store"} | cc("max-age=60")),
]  # fmt: skip


class Final(NamedTuple):
    """Whether an answer of some status is stored, where the site says of none how long it is kept."""

    id: str
    is_stored: bool
    status: int
    fields: dict[str, str]


LASTING = cc("max-age=60")

STATUSES = [
    *(Final(f"9111-3-{code}", True, code, LASTING) for code in (200, 203, 299, 302, 400, 404, 410, 499, 500, 503, 599)),
    *(Final(f"9111-3-{code}-without-a-word", False, code, {}) for code in (200, 299, 302, 404, 500)),
    Final("9111-3-expires", True, 404, {"Expires": "{+60}"}),
    Final("9111-3-past", False, 404, {"Expires": "0"}),
    Final("9111-3-public-alone", False, 404, cc("public")),
    Final("9111-3-no-store", False, 404, cc("no-store, max-age=60")),
    Final("9111-3-private", False, 404, cc("private, max-age=60")),
    Final("9111-3-part", False, 206, LASTING),
    Final("9111-3-no-part-of-it", False, 416, LASTING | {"Content-Range": "bytes */10"}),
    *(Final(f"9111-3-{code}-of-one-request", False, code, LASTING) for code in (407, 408, 412, 417, 421, 425, 426)),
    Final("6585-3-precondition-required", False, 428, LASTING),
    Final("6585-4-too-many-requests", False, 429, LASTING),
    Final("6585-5-fields-too-large", False, 431, LASTING),
    Final("6585-6-network-authentication", False, 511, LASTING),
    Final("9111-3-unauthorized", False, 401, LASTING),
    Final("9111-3-forbidden", False, 403, LASTING),
    Final("9111-5.2.2.3-understood", True, 404, cc(UNDERSTANDING)),
    Final("9111-5.2.2.3-not-understood", False, 599, cc(UNDERSTANDING)),
    Final("9111-5.2.2.3-not-understood-without-no-store", False, 599, cc("must-understand, max-age=60")),
]  # fmt: skip


class Guess(NamedTuple):
    """How long an answer is kept where a tenth of the time since its change is taken for it; 0: not at all."""

    id: str
    life: float
    status: int
    fields: dict[str, str]


CHANGED_LATELY = {"Last-Modified": "{-600}"}

GUESSES = [
    *(Guess(f"9111-4.2.2-{code}", 60, code, CHANGED_LATELY) for code in (200, 203, 204, 404, 405, 410, 414, 501)),
    *(Guess(f"9111-4.2.2-{code}-not", 0, code, CHANGED_LATELY) for code in (201, 202, 302, 400, 500, 503, 599)),
    Guess("9111-4.2.2-public", 60, 599, CHANGED_LATELY | cc("public")),
    Guess("9111-4.2.2-a-day-at-most", 86400, 200, {"Last-Modified": "{-99999999}"}),
    Guess("9111-4.2.2-age", 20, 200, CHANGED_LATELY | {"Age": "40"}),
    Guess("9111-4.2.2-nothing-said", 0, 200, {}),
    Guess("9111-4.2.2-invalid-date", 0, 200, {"Last-Modified": "yesterday"}),
    Guess("9111-4.2.2-change-ahead", 0, 200, {"Last-Modified": "{+600}"}),
    Guess("9111-4.2.2-max-age", 900, 200, CHANGED_LATELY | cc("max-age=900")),
    Guess("9111-4.2.2-expires", 0, 200, CHANGED_LATELY | {"Expires": "0"}),
    Guess("9111-4.2.2-no-store", 0, 200, CHANGED_LATELY | cc("no-store")),
    Guess("9111-4.2.2-private", 0, 200, CHANGED_LATELY | cc("private")),
]  # fmt: skip


class Condition(NamedTuple):
    """Whether a client with these conditions (`asked`) gets a 304 for a page with these fields."""

    id: str
    is_known: bool
    asked: dict[str, str]
    fields: dict[str, str]


def none_match(value: str) -> dict[str, str]:
    """Return an If-None-Match field."""
    return {"If-None-Match": value}


def since(value: str) -> dict[str, str]:
    """Return an If-Modified-Since field."""
    return {"If-Modified-Since": value}


STRONG, WEAK = {"ETag": '"abc"'}, {"ETag": 'W/"abc"'}
CHANGED = {"Last-Modified": "{-600}"}
NEWER, OLDER = since("{-60}"), since("{-900}")

CONDITIONS = [
    Condition("9110-13.1.2-strong-strong", True, none_match('"abc"'), STRONG),
    Condition("9110-13.1.2-weak-strong", True, none_match('W/"abc"'), STRONG),
    Condition("9110-13.1.2-strong-weak", True, none_match('"abc"'), WEAK),
    Condition("9110-13.1.2-weak-weak", True, none_match('W/"abc"'), WEAK),
    Condition("9110-13.1.2-other", False, none_match('"abd"'), STRONG),
    Condition("9110-13.1.2-other-case", False, none_match('"ABC"'), STRONG),
    Condition("9110-8.8.3-weak-in-lower-case", False, none_match('w/"abc"'), STRONG),
    Condition("9110-8.8.3-no-quotes", False, none_match("abc"), STRONG),
    Condition("9110-8.8.3-part-of-a-tag", False, none_match('"abcd", "ab"'), STRONG),
    Condition("9110-8.8.3-comma-in-a-tag", True, none_match('"x", "a,b"'), {"ETag": '"a,b"'}),
    Condition("9110-8.8.3-half-of-a-tag", False, none_match('"a", "b"'), {"ETag": '"a,b"'}),
    Condition("9110-13.1.2-list-first", True, none_match('"abc", "x"'), STRONG),
    Condition("9110-13.1.2-list-last", True, none_match('"x","y" , W/"abc"'), STRONG),
    Condition("9110-13.1.2-list-none", False, none_match('"x", "y"'), STRONG),
    Condition("9110-5.6.1-empty-members", True, none_match(', "x",, "abc",'), STRONG),
    Condition("9110-13.1.2-star", True, none_match("*"), STRONG),
    Condition("9110-13.1.2-star-in-a-tag", False, none_match('"*"'), STRONG),
    Condition("9110-13.1.2-empty", False, none_match(""), STRONG),
    Condition("9110-13.2.2-tag-before-date", False, none_match('"x"') | NEWER, STRONG | CHANGED),
    Condition("9110-13.2.2-tag-before-old-date", True, none_match('"abc"') | OLDER, STRONG | CHANGED),
    Condition("9110-13.1.3-newer", True, NEWER, CHANGED),
    Condition("9110-13.1.3-same", True, since("{-600}"), CHANGED),
    Condition("9110-13.1.3-older", False, OLDER, CHANGED),
    Condition("9110-13.1.3-rfc-850", True, since("{rfc850 -60}"), CHANGED),
    Condition("9110-13.1.3-rfc-850-older", False, since("{rfc850 -900}"), CHANGED),
    Condition("9110-13.1.3-asctime", True, since("{asctime -60}"), CHANGED),
    Condition("9110-13.1.3-asctime-older", False, since("{asctime -900}"), CHANGED),
    Condition("9110-13.1.3-invalid", False, since("yesterday"), CHANGED),
    Condition("9110-13.1.3-empty", False, since(""), CHANGED),
    Condition("9110-13.1.3-invalid-last-modified", False, NEWER, {"Last-Modified": "yesterday"}),
    Condition("9110-13.1.3-odd-last-modified", True, NEWER, {"Last-Modified": "{rfc850 -600}"}),
    Condition("9111-4.3.2-date-later", True, since("{+900}"), {"Date": "{-60}"}),
    Condition("9111-4.3.2-date-earlier", False, since("{-900}"), {"Date": "{-60}"}),
    Condition("9111-4.3.2-date-before-it-was-made", False, since("{-30}"), {"Date": "{-60}"}),
    Condition("9111-4.3.2-date-ahead", False, since("{+900}"), {"Date": "{+1800}"}),
    Condition("9111-4.3.2-no-date", False, since("{+900}"), {}),
]  # fmt: skip


class Asked(NamedTuple):
    """What the view is asked (`asked`) about a page with these fields that has ended."""

    id: str
    asked: dict[str, str]
    fields: dict[str, str]


SINCE_CHANGED = since("{-600}")

ASKED = [
    Asked("9111-4.3.1-strong-tag", none_match('"abc"'), STRONG),
    Asked("9111-4.3.1-weak-tag", none_match('W/"abc"'), WEAK),
    Asked("9111-4.3.1-date", SINCE_CHANGED, CHANGED),
    Asked("9111-4.3.1-tag-and-date", none_match('"abc"') | SINCE_CHANGED, STRONG | CHANGED),
    Asked("9111-4.3.1-neither", {}, {}),
    Asked("9111-4.3.1-targeted", {}, STRONG | cdn("max-age=300") | cc("no-cache")),
]  # fmt: skip


class Revalidated(NamedTuple):
    """Whether the view is asked each time about an answer that may not be used without, by a site with TIMEOUT = 0."""

    id: str
    is_asked: bool
    fields: dict[str, str]


REVALIDATED = [
    Revalidated("9111-5.2.2.4-asked-with-tag", True, STRONG | cc("no-cache")),
    Revalidated("9111-5.2.2.4-asked-with-date", True, CHANGED | cc("no-cache")),
    Revalidated("9111-5.2.2.4-asked-though-fresh", True, STRONG | cc("max-age=900, no-cache")),
    Revalidated("9111-5.2.2.4-asked-with-fields", True, STRONG | cc('max-age=900, no-cache="x-own"')),
    Revalidated("9111-5.2.2.4-nothing-to-ask-by", False, cc("no-cache")),
    Revalidated("9111-5.2.2.4-not-stored", False, STRONG | cc("no-cache, no-store")),
    Revalidated("9111-5.2.2.4-private", False, STRONG | cc("no-cache, private")),
    Revalidated("9111-4.3.1-stale-at-once", True, STRONG | cc("max-age=0")),
    Revalidated("9111-4.3.1-past", True, STRONG | {"Expires": "0"}),
]  # fmt: skip


class Updated(NamedTuple):
    """For how long a page with these fields is kept again (0: not), whose view said 304 with others; what it says then.

    The page was fresh for five minutes.
    """

    id: str
    life: float
    fields: dict[str, str]
    said: dict[str, str]
    then: dict[str, str | None]


PLAIN = {"Content-Type": "text/plain"}
MINE, OTHERS = {"X-Own": "mine"}, {"X-Own": "other"}

UPDATED = [
    Updated("9111-4.3.4-nothing-said", 300, MINE, {}, {**MINE, "ETag": '"abc"'}),
    Updated("9111-3.2-another-value", 300, MINE, OTHERS, {**OTHERS}),
    Updated("9111-3.2-another-field", 300, {}, OTHERS, {**OTHERS}),
    Updated("9111-3.2-type", 300, PLAIN, {"Content-Type": "text/css"}, {**PLAIN}),
    Updated("9111-3.2-no-type", 300, PLAIN, {}, {**PLAIN}),
    Updated("9111-3.2-length", 300, {"Content-Length": "5"}, {"Content-Length": "0"}, {"Content-Length": "5"}),
    Updated("9111-3.2-encoding", 300, {"Content-Encoding": "x"}, {"Content-Encoding": "y"}, {"Content-Encoding": "x"}),
    Updated("9111-3.2-range", 300, {}, {"Content-Range": "bytes 0-1/5"}, {"Content-Range": None}),
    Updated("9111-4.3.4-max-age", 90, {}, cc("max-age=90"), {"Cache-Control": "max-age=90"}),
    Updated("9111-4.3.4-date", 291, {"Date": "{-9}"}, {}, {"Date": None}),
    Updated("9111-4.3.4-age", 50, {}, cc("max-age=90") | {"Age": "40"}, {}),
    Updated("9111-4.3.4-older", 260, {}, {"Age": "40"}, {}),
    Updated("9111-4.3.4-older-date", 260, {}, {"Date": "{+290}"}, {}),
    Updated("9111-4.3.4-expires-behind-max-age", 300, {}, {"Expires": "{+9000}"}, {}),
    Updated("9111-4.3.4-no-lifetime-any-more", SITE, {}, cc("must-revalidate"), {}),
    Updated("9111-4.3.4-no-store", 0, {}, cc("no-store"), {}),
    Updated("9111-4.3.4-private", 0, {}, cc("private"), {}),
    Updated("9111-4.3.4-same-weak-tag", 300, {}, WEAK, {}),
    Updated("9213-2.2-304", 90, {}, own("max-age=90") | cc("max-age=9"), {"Cache-Control": "max-age=9"}),
]  # fmt: skip


class Answering(NamedTuple):
    """Whether a 304 with these fields (`said`) is for the page with those, about which its view was asked."""

    id: str
    is_for_it: bool
    fields: dict[str, str]
    said: dict[str, str]


ANOTHER, WEAK_ANOTHER = {"ETag": '"abd"'}, {"ETag": 'W/"abd"'}
CHANGED_SINCE, CHANGED_NOW = {"Last-Modified": "{-60}"}, {"Last-Modified": "{-1}"}

ANSWERING = [
    Answering("9111-4.3.4-no-validator", True, STRONG, {}),
    Answering("9111-4.3.4-no-validator-of-date", True, CHANGED, {}),
    Answering("9111-4.3.4-strong-tag", True, STRONG, STRONG),
    Answering("9111-4.3.4-strong-tag-of-another", False, STRONG, ANOTHER),
    Answering("9111-4.3.4-strong-tag-of-weak", False, WEAK, STRONG),
    Answering("9111-4.3.4-strong-tag-of-none", False, CHANGED_NOW, ANOTHER),
    Answering("9111-4.3.4-strong-tag-and-date", True, STRONG | CHANGED, STRONG | CHANGED_SINCE),
    Answering("9111-4.3.4-strong-tag-and-weak-date", False, CHANGED_NOW, ANOTHER | CHANGED_NOW),
    Answering("9111-4.3.4-strong-date-beside-tag", True, CHANGED, ANOTHER | CHANGED),
    Answering("9111-4.3.4-weak-tag", True, WEAK, WEAK),
    Answering("9111-4.3.4-weak-tag-of-strong", True, STRONG, WEAK),
    Answering("9111-4.3.4-weak-tag-of-another", False, WEAK, WEAK_ANOTHER),
    Answering("9111-4.3.4-weak-tag-of-none", False, CHANGED, WEAK),
    Answering("9111-4.3.4-same-date", True, CHANGED_NOW, CHANGED_NOW),
    Answering("9111-4.3.4-date-of-another", False, CHANGED, CHANGED_SINCE),
    Answering("9111-4.3.4-date-of-a-tag", False, STRONG, CHANGED),
]  # fmt: skip


class Change(NamedTuple):
    """Whether an unsafe request to `/page/` that was answered with this drops the pages of `/other/é/`."""

    id: str
    drops: bool
    fields: dict[str, str]
    status: int = 303


OTHER = "/other/%C3%A9/"

CHANGES = [
    Change("9111-4.4-location", True, {"Location": OTHER}),
    Change("9111-4.4-location-200", True, {"Location": OTHER}, 200),
    Change("9111-4.4-location-201", True, {"Location": OTHER}, 201),
    Change("9111-4.4-content-location", True, {"Content-Location": OTHER}, 200),
    Change("9111-4.4-both", True, {"Location": "/", "Content-Location": OTHER}),
    Change("9111-4.4-relative", True, {"Location": "../other/./%c3%a9/?a=b#c"}),
    Change("9111-4.4-same-origin", True, {"Location": f"http://testserver{OTHER}"}),
    Change("9111-4.4-same-origin-port", True, {"Location": f"HTTP://TestServer:80{OTHER}"}),
    Change("9111-4.4-no-scheme", True, {"Location": f"//testserver{OTHER}"}),
    Change("9111-4.4-other-host", False, {"Location": f"http://example.org{OTHER}"}),
    Change("9111-4.4-other-host-no-scheme", False, {"Content-Location": f"//example.org{OTHER}"}),
    Change("9111-4.4-other-scheme", False, {"Location": f"https://testserver{OTHER}"}),
    Change("9111-4.4-other-port", False, {"Location": f"http://testserver:8080{OTHER}"}),
    Change("9111-4.4-no-url", False, {"Content-Location": "http://[:"}),
    Change("9111-4.4-no-port", False, {"Content-Location": f"http://testserver:x{OTHER}"}),
    Change("9111-4.4-empty", False, {"Content-Location": ""}),
    Change("9111-4.4-another-page", False, {"Location": "/other/"}),
    Change("9111-4.4-client-error", False, {"Location": OTHER}, 400),
    Change("9111-4.4-server-error", False, {"Content-Location": OTHER}, 500),
]


class Part(NamedTuple):
    """What a client gets of the page `0123456789` with these fields; None: all of it, "": 416."""

    id: str
    part: str | None
    asked: dict[str, str]
    fields: dict[str, str] = {}


def span(value: str) -> dict[str, str]:
    """Return a Range field."""
    return {"Range": value}


FIRST = span("bytes=0-1")
CODINGS = {"Vary": "accept-encoding"}

PARTS = [
    Part("9110-14.1.2-first-bytes", "01", FIRST),
    Part("9110-14.1.2-one-byte", "5", span("bytes=5-5")),
    Part("9110-14.1.2-open-end", "6789", span("bytes=6-")),
    Part("9110-14.1.2-all", "0123456789", span("bytes=0-")),
    Part("9110-14.1.2-past-the-end", "89", span("bytes=8-99")),
    Part("9110-14.1.2-last-bytes", "789", span("bytes=-3")),
    Part("9110-14.1.2-more-last-bytes-than-there-are", "0123456789", span("bytes=-99")),
    Part("9110-14.1-unit-in-any-case", "01", span("BYTES=0-1")),
    Part("9110-14.1.2-starts-at-the-end", "", span("bytes=10-")),
    Part("9110-14.1.2-starts-past-the-end", "", span("bytes=99-100")),
    Part("9110-14.1.2-no-last-bytes", "", span("bytes=-0")),
    Part("9110-14.2-other-unit", None, span("lines=0-1")),
    Part("9110-14.1.1-end-before-start", None, span("bytes=3-2")),
    Part("9110-14.1.1-no-numbers", None, span("bytes=-")),
    Part("9110-14.1.1-negative", None, span("bytes=-1-2")),
    Part("9110-14.1.1-letters", None, span("bytes=a-b")),
    Part("9110-14.1.1-no-equals", None, span("bytes 0-1")),
    Part("9110-14.1.1-long-numbers", None, span("bytes=0-" + "9" * 5000)),
    Part("9110-14.2-several", None, span("bytes=0-1,3-4")),
    Part("9110-14.2-many", None, span("bytes=" + ",".join(["0-"] * 500))),
    Part("9110-13.1.5-same-tag", "01", FIRST | {"If-Range": '"abc"'}, STRONG),
    Part("9110-13.1.5-other-tag", None, FIRST | {"If-Range": '"abd"'}, STRONG),
    Part("9110-13.1.5-weak-tag", None, FIRST | {"If-Range": 'W/"abc"'}, WEAK),
    Part("9110-13.1.5-weak-tag-of-strong", None, FIRST | {"If-Range": 'W/"abc"'}, STRONG),
    Part("9110-13.1.5-strong-tag-of-weak", None, FIRST | {"If-Range": '"abc"'}, WEAK),
    Part("9110-13.1.5-list-of-tags", None, FIRST | {"If-Range": '"abc", "x"'}, STRONG),
    Part("9110-13.1.5-star", None, FIRST | {"If-Range": "*"}, STRONG),
    Part("9110-13.1.5-same-date", "01", FIRST | {"If-Range": "{-600}"}, CHANGED),
    Part("9110-13.1.5-later-date", None, FIRST | {"If-Range": "{-60}"}, CHANGED),
    Part("9110-13.1.5-earlier-date", None, FIRST | {"If-Range": "{-900}"}, CHANGED),
    Part("9110-13.1.5-no-date", None, FIRST | {"If-Range": "yesterday"}, {"Last-Modified": "x"}),
    Part("9110-8.8.2.2-weak-date", None, FIRST | {"If-Range": "{-1}"}, {"Last-Modified": "{-1}"}),
    Part(
        "9110-8.8.2.2-weak-date-of-its-day", None, FIRST | {"If-Range": "{-600}"}, CHANGED | {"Date": "{-590}"}
    ),
    Part("9110-8.8.1-date-in-several-codings", None, FIRST | {"If-Range": "{-600}"}, CHANGED | CODINGS),
    Part("9110-8.8.1-tag-in-several-codings", "01", FIRST | {"If-Range": '"abc"'}, STRONG | CODINGS),
    Part("9110-13.1.5-tag-without-range", None, {"If-Range": '"abc"'}, STRONG),
    Part("9110-13.1.5-unsatisfiable-of-another", None, span("bytes=99-") | {"If-Range": '"x"'}, STRONG),
]  # fmt: skip


class Coded(NamedTuple):
    """Whether a client with this Accept-Encoding field (None: without) gets the page that is stored in gzip so."""

    id: str
    is_taken: bool
    field: str | None


CODED = [
    Coded("9110-12.5.3-no-field", False, None),
    Coded("9110-12.5.3-empty", False, ""),
    Coded("9110-12.5.3-gzip", True, "gzip"),
    Coded("9110-12.5.3-any-case", True, "deflate, GZip ;Q=0.5"),
    Coded("9110-8.4.1.3-x-gzip", True, "x-gzip"),
    Coded("9110-12.5.3-browser", True, "gzip, deflate, br, zstd"),
    Coded("9110-12.5.3-others", False, "br, deflate"),
    Coded("9110-12.5.3-part-of-a-name", False, "gzip2, notgzip"),
    Coded("9110-12.5.3-weight-0", False, "gzip;q=0"),
    Coded("9110-12.5.3-weight-0.000", False, "gzip; q=0.000, br"),
    Coded("9110-12.5.3-weight-0.001", True, "gzip;q=0.001"),
    Coded("9110-12.5.3-wildcard", True, "*"),
    Coded("9110-12.5.3-wildcard-of-others", True, "br, *;q=0.1"),
    Coded("9110-12.5.3-wildcard-of-no-others", False, "br, *;q=0"),
    Coded("9110-12.5.3-named-beside-wildcard", False, "gzip;q=0, *"),
    Coded("9110-12.5.3-named-beside-none-others", True, "gzip, *;q=0"),
    Coded("9110-12.5.3-wildcard-is-identity-too", False, "gzip;q=0.5, *"),
    Coded("9110-12.5.3-identity-alone", False, "identity"),
    Coded("9110-12.5.3-identity-as-well", True, "identity, gzip"),
    Coded("9110-12.5.3-identity-rather", False, "identity, gzip;q=0.9"),
    Coded("9110-12.5.3-identity-less", True, "identity;q=0.5, gzip;q=0.6"),
    Coded("9110-12.5.3-identity-not", True, "identity;q=0, gzip;q=0.1"),
    Coded("9110-12.5.3-identity-not-but-any", True, "identity;q=0, *"),
    Coded("9110-12.5.3-nothing", False, "identity;q=0"),
    Coded("9110-12.5.3-nothing-at-all", False, "*;q=0"),
    Coded("9110-12.4.2-weight-of-an-odd-form", False, "gzip;q=high"),
    Coded("9110-12.4.2-weight-above-1", False, "gzip;q=1.5"),
    Coded("9110-12.4.2-weight-of-four-digits", False, "gzip;q=0.1234"),
    Coded("9110-12.4.2-negative-weight", False, "gzip;q=-1"),
    Coded("9110-12.4.2-other-parameter", False, "gzip;level=1"),
    Coded("9110-5.6.1-empty-codings", True, " ,, gzip\t, "),
    Coded("9110-12.5.3-twice", False, "gzip, gzip;q=0"),
    Coded("9110-12.5.3-garbage", False, '(gzip) "gzip" gzip/1'),
]


class Grace(NamedTuple):
    """For how long after its end a page with these fields may stand in for an error, where the site says SITE s."""

    id: str
    seconds: float
    fields: dict[str, str]


GRACE = [
    Grace("5861-4-nothing-said", SITE, cc("max-age=60")),
    Grace("5861-4-stale-if-error", 30, cc("max-age=60, stale-if-error=30")),
    Grace("5861-4-any-case", 30, cc('max-age=60, Stale-If-Error="30"')),
    Grace("5861-4-zero", 0, cc("max-age=60, stale-if-error=0")),
    Grace("5861-4-invalid", 0, cc("max-age=60, stale-if-error=soon")),
    Grace("5861-4-two", 30, cc("max-age=60, stale-if-error=900, stale-if-error=30")),
    Grace("9111-4.2.4-must-revalidate", 0, cc("max-age=60, must-revalidate, stale-if-error=30")),
    Grace("9111-4.2.4-proxy-revalidate", 0, cc("max-age=60, proxy-revalidate, stale-if-error=30")),
    Grace("9111-4.2.4-s-maxage", 0, cc("s-maxage=60, stale-if-error=30")),
]  # fmt: skip


# For how long after its end such a page may be served while it is made anew.
OVERLAP = [
    Grace("5861-3-nothing-said", SITE, cc("max-age=60")),
    Grace("5861-3-stale-while-revalidate", 30, cc("max-age=60, stale-while-revalidate=30")),
    Grace("5861-3-zero", 0, cc("max-age=60, stale-while-revalidate=0")),
    Grace("5861-3-invalid", 0, cc("max-age=60, stale-while-revalidate=soon")),
    Grace("5861-3-must-revalidate", 0, cc("max-age=60, must-revalidate, stale-while-revalidate=9")),
    Grace("5861-3-proxy-revalidate", 0, cc("max-age=60, proxy-revalidate, stale-while-revalidate=9")),
    Grace("5861-3-s-maxage", 0, cc("s-maxage=60, stale-while-revalidate=30")),
]  # fmt: skip


class Asking(NamedTuple):
    """Whether the stored page answers a request with these fields, that is 100 s old and fresh for 300 s more."""

    id: str
    is_answered: bool
    asked: dict[str, str]


AGED = {"Cache-Control": "max-age=400", "Age": "100"}

ASKING = [
    Asking("9111-5.2.1-nothing", True, {}),
    Asking("9111-5.2.1-unknown", True, cc("unheard-of=1")),
    Asking("9111-5.2.1.1-max-age-more", True, cc("max-age=200")),
    Asking("9111-5.2.1.1-max-age-less", False, cc("max-age=50")),
    Asking("9111-5.2.1.1-max-age-0", False, cc("max-age=0")),
    Asking("9111-5.2.1.1-max-age-quoted", True, cc('max-age="200"')),
    Asking("9111-5.2.1.1-max-age-invalid", False, cc("max-age=soon")),
    Asking("9111-5.2.1.1-two-max-age", False, cc("max-age=200, max-age=50")),
    Asking("9111-5.2.1.2-max-stale", True, cc("max-stale=900")),
    Asking("9111-5.2.1.2-max-stale-and-max-age", False, cc("max-age=50, max-stale=900")),
    Asking("9111-5.2.1.3-min-fresh-less", True, cc("min-fresh=50")),
    Asking("9111-5.2.1.3-min-fresh-0", True, cc("min-fresh=0")),
    Asking("9111-5.2.1.3-min-fresh-more", False, cc("min-fresh=900")),
    Asking("9111-5.2.1.3-min-fresh-invalid", False, cc("min-fresh=soon")),
    Asking("9111-5.2.1.3-two-min-fresh", False, cc("min-fresh=50, min-fresh=900")),
    Asking("9111-5.2.1.4-no-cache", False, cc("no-cache")),
    Asking("9111-5.2.1.4-no-cache-any-case", False, cc("max-age=200, No-Cache")),
    Asking("9111-5.2.1.5-no-store", True, cc("no-store")),
    Asking("9111-5.2.1.6-no-transform", True, cc("no-transform")),
    Asking("9111-5.2.1.7-only-if-cached", True, cc("only-if-cached")),
    Asking("9111-5.4-pragma", False, {"Pragma": "no-cache"}),
    Asking("9111-5.4-pragma-unknown", True, {"Pragma": "unheard-of"}),
    Asking("9111-5.4-cache-control-before-pragma", True, cc("max-age=200") | {"Pragma": "no-cache"}),
]  # fmt: skip


# Whether a page that has ended may stand in for an error, that is 100 s old and was fresh until 30 s ago.
ENDED = [
    Asking("9111-4.2.4-nothing-asked", True, {}),
    Asking("9111-5.2.1.1-stale-within-max-age", False, cc("max-age=200")),
    Asking("9111-5.2.1.1-stale-past-max-age", False, cc("max-age=50")),
    Asking("9111-5.2.1.2-any", True, cc("max-age=200, max-stale")),
    Asking("9111-5.2.1.2-longer", True, cc("max-age=200, max-stale=60")),
    Asking("9111-5.2.1.2-shorter", False, cc("max-stale=20")),
    Asking("9111-5.2.1.2-shorter-of-two", False, cc("max-stale=60, max-stale=20")),
    Asking("9111-5.2.1.2-invalid", False, cc("max-stale=soon")),
    Asking("9111-5.2.1.2-not-past-max-age", False, cc("max-age=50, max-stale")),
    Asking("9111-5.2.1.3-stale", False, cc("min-fresh=0")),
    Asking("9111-5.2.1.4-stale", False, cc("no-cache, max-stale")),
]  # fmt: skip


class Named(Protocol):
    """A case of any table."""

    @property
    def id(self) -> str: ...


def ids(cases: Sequence[Named]) -> list[str]:
    """Return the ids of cases."""
    return [case.id for case in cases]
