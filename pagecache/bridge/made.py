"""A response that a view made: what it read, how long it may be kept, and what speaks against keeping it."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pagecache import conf
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.fields import by_lower_name, value_of
from pagecache.bridge.filling import Bare
from pagecache.bridge.validating import has_validator
from pagecache.core import freshness, types
from pagecache.core.codec import Entry
from pagecache.core.headers import cache_control, vary_names
from pagecache.core.reasons import Reason
from pagecache.core.targeted import TARGETS, governing
from pagecache.core.types import UNSET, Answered, Input, Unset
from pagecache.recording import stock
from pagecache.recording.recorder import Recorder
from pagecache.recording.request import is_unevaluated


class Made(NamedTuple):
    """A whole response, and how it came about.

    `bare` is what it holds without what is its visitor's. `said` is what the view answered: the response, or that the
    page of the entry `known` is as it was. It was asked for at `since`.
    """

    response: Any
    said: HttpResponseBase
    known: Entry | None
    bare: Bare
    asked: DjangoAsked
    recorder: Recorder
    since: float

    def reads(self) -> frozenset[Input]:
        """Return what the render read, and what its `Vary` names beyond what stock middleware added."""
        names = self._varies()
        if not names:  # as a rule
            return frozenset(self.recorder.inputs)
        inputs = {item for item in self.recorder.inputs if not _is_declared(item, names)}
        return frozenset(inputs | {Input(types.VARY, name) for name in names})

    def answered(self, request: HttpRequest, covered: frozenset[str], now: float) -> Answered:
        """Return the response as the rules see it; `covered` are the kinds of inputs that its segment stands for."""
        config, response = conf.get(), self.response
        fields = self.bare.headers(self.said)
        headers = governing({name.lower(): value for name, value in fields}, config.dictionary)
        if self.known is not None:
            headers = freshness.of_the_whole(headers)
        grace, overlap = self._after_end(headers, now)
        lasts = self._may_last(now)
        return Answered(
            method=self.asked.method,
            status=response.status_code,
            statuses=self._statuses(headers, now),
            headers=headers,
            streaming=response.streaming,
            size=0 if response.streaming else len(response.content),
            max_bytes=config.options.MAX_BYTES,
            sets_cookie=not response.cookies.keys() <= self.bare.cookies,
            lifetime=self._lifetime(headers, now),
            grace=grace,
            asks=config.is_by_the_book and lasts,
            lasts=lasts,
            overlap=overlap,
            refusals=self._refusals(request, covered),
        )

    def _may_last(self, now: float) -> bool:
        """Whether the view may say of a page after its end that it is as it was: nothing but its data ends it.

        Not where a targeted field says how long: the 304 that Django makes of a page has none of them.
        """
        if self.known is None and not has_validator(self.response):
            return False
        is_all_said = not self.bare.holes and not any(map(self.said.has_header, TARGETS))
        return is_all_said and self._expires(now) is None

    def _varies(self) -> set[str]:
        return set(vary_names(value_of(self.said, "vary"))) - self.recorder.understood_vary

    def _lifetime(self, headers: Mapping[str, str], now: float) -> float | None:
        """Return for how many seconds the page may be served, None for no limit."""
        options, route, status = conf.get().options, self.asked.route, self.response.status_code
        if self._is_asked_each_time(headers):
            return 0.0
        told = self._life_fields(headers)
        shared: tuple[float | Unset | None, ...] = (
            freshness.guessed_lifetime(told, status, now, options.HEURISTIC),
            options.TIMEOUT,
        )
        if (known := self._said_before(headers)) is not None:
            shared = (freshness.again(known, headers, now, self.since or now),)
        most = options.NEGATIVE_TIMEOUT
        capped = (freshness.capped(one, status, most) for one in (route.rule.timeout, *shared))
        return freshness.lifetime(
            told,
            now,
            self.since or now,
            stated=(route.policy.timeout, *capped),
            expires_at=self._expires(now),
        )

    def _is_asked_each_time(self, headers: Mapping[str, str]) -> bool:
        """Whether a page is never served unasked, however long it could be kept."""
        if (known := self._said_before(headers)) is not None:
            headers = {name.lower(): value for name, value in known.headers}
        return "no-cache" in cache_control(headers.get("cache-control", ""))

    def _after_end(self, headers: Mapping[str, str], now: float) -> tuple[float, float]:
        """Return for how long a page may stand in for an error after its end, and for how long it may be served.

        One that said itself when it ends is not served.
        """
        known, options = self._said_before(headers), conf.get().options
        if known is None:
            grace = freshness.grace(headers, options.STALE_IF_ERROR)
            overlap = freshness.overlap(headers, options.STALE_WHILE_REVALIDATE)
        else:
            grace, overlap = known.grace, known.overlap
        if self.recorder.lapses is not None or not (grace or overlap):
            return 0.0, 0.0
        late = self._overdue(headers, known, now)
        is_served = self.recorder.expires is None
        return max(0.0, grace - late), max(0.0, overlap - late) if is_served else 0.0

    def _overdue(self, headers: Mapping[str, str], known: Entry | None, now: float) -> float:
        """Return for how many seconds the page had ended already when it came, if it says itself when that is."""
        route = self.asked.route
        is_own = route.policy.timeout is UNSET and route.rule.timeout is UNSET
        asked = self.since or now
        return freshness.overdue(self._life_fields(headers), now, asked, known) if is_own else 0.0

    def _said_before(self, headers: Mapping[str, str]) -> Entry | None:
        """Return the page that is as it was, if its view said nothing new for caches: what it said before holds."""
        return None if "cache-control" in headers else self.known

    def _life_fields(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return what says how long the page may be kept: for one that is as it was, what it says now (RFC 9111 4.3.4).

        Where neither its answer nor `Expires` says anything, `Cache-Control` may be ours, for caches further down.
        """
        if self.known is None:
            return headers
        whole = by_lower_name(self.response)
        is_said = "cache-control" in headers or "expires" in whole
        return governing(whole, conf.get().dictionary) if is_said else headers

    def _statuses(self, headers: Mapping[str, str], now: float) -> frozenset[int]:
        """Return the statuses that are stored."""
        config, status = conf.get(), self.response.status_code
        share = config.options.HEURISTIC
        if config.is_by_the_book and freshness.speaks_for_itself(headers, status, now, share):
            return config.statuses | {status}
        technical = {404, 410} if settings.DEBUG else set()
        return config.statuses - technical

    def _expires(self, now: float) -> float | None:
        """Return when the page ends by what it went by and what it read of the time."""
        ends = (self._says_it_expires(now), self.recorder.lapses)
        return min((end for end in ends if end is not None), default=None)

    def _says_it_expires(self, now: float) -> float | None:
        """Return when the page ends by what it read of the time; what it said itself is exact."""
        said = self.recorder.expires
        if said is not None:
            return None if said == math.inf else said
        most = conf.get().options.CLOCK_TIMEOUT
        return now + most if self.recorder.asked_time and most is not None else None

    def _refusals(self, request: HttpRequest, covered: frozenset[str]) -> tuple[Reason, ...]:
        """Say what the recording, and the request itself after the render, have against storing."""
        found = list(self.recorder.refusals)
        if Reason.ALL_COOKIES in found and "cookie" in self._varies():
            found.remove(Reason.ALL_COOKIES)  # the whole header is in the key
        inputs = self.recorder.inputs
        if Input(types.USER) in inputs and types.USER not in covered and _knows_who(request):
            found.append(Reason.AUTHENTICATED)
        if Input(types.SESSION) in inputs and _used_session(request, covered):
            found.append(Reason.SESSION)
        if getattr(request.__dict__.get("_messages"), "added_new", False):
            found.append(Reason.MESSAGES)
        if hasattr(request, "sensitive_post_parameters"):
            found.append(Reason.SENSITIVE_VIEW)
        if "no-store" in self.asked.directives:
            found.append(Reason.REQUEST_NO_STORE)
        if stock.is_told(self.said, self.asked.outside):
            found.append(Reason.TOLD_OUTSIDE)
        if self.bare.lost:
            found.append(self.bare.lost)
        return tuple(found)


def _is_declared(item: Input, names: set[str]) -> bool:
    """Whether the response's own `Vary` puts into the key, as a whole, what the page read by name."""
    if item.kind == types.COOKIE:
        return "cookie" in names
    return item.kind == types.HEADER and item.name in names


def _knows_who(request: HttpRequest) -> bool:
    """Whether a page that looked at the user found one, whoever found that out."""
    users = (request.__dict__.get(name) for name in ("user", "_cached_user", "_acached_user"))
    return any(
        not is_unevaluated(user) and getattr(user, "is_authenticated", False) for user in users
    )


def _used_session(request: HttpRequest, covered: frozenset[str]) -> bool:
    """Whether the page changed the session, or one was begun meanwhile; the cookie may be set only later."""
    session = request.__dict__.get("session")
    if getattr(session, "modified", True):
        return True
    return types.SESSION not in covered and getattr(session, "session_key", None) is not None
