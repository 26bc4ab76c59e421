"""One request in its lane: what the flow asks about it."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pagecache import conf, segments
from pagecache.bridge import outgoing, routes
from pagecache.bridge.asked import DjangoAsked
from pagecache.core import freshness, types
from pagecache.core.codec import Entry
from pagecache.core.headers import vary_names
from pagecache.core.keys import Field
from pagecache.core.reasons import Reason
from pagecache.core.types import Answered, Found, Input, Outcome, Refused, Route, Segment
from pagecache.events import logger
from pagecache.recording.mappings import CONDITIONAL
from pagecache.recording.recorder import Recorder, quietly, recorder, recording
from pagecache.recording.request import as_before, is_unevaluated, record, release, withhold
from pagecache.tags import SITE, page_tag, tags_of


class DjangoVisit:
    """A request between its arrival and its answer."""

    FIELDS = "scheme host script-name path segment language time-zone urlconf key-prefix".split()

    def __init__(
        self, request: HttpRequest, asked: DjangoAsked, *, behind_middleware: bool
    ) -> None:
        self.request = request
        self.asked = asked
        self.recorder = Recorder()
        self.found = Found()
        self._withheld = False  # whether conditional headers were kept from the view
        self.path = asked.full_path
        self.max_inputs = conf.get().options.MAX_INPUTS
        self._behind = behind_middleware
        self._classified_by: set[Input] = set()  # what the segment function read
        self.segment: Field = segments.anonymous(request)
        self.segment_function: Segment = asked.route.segment or conf.get().segment
        self.is_segmented = self.segment_function is not segments.anonymous

    @property
    def route(self) -> Route:
        """What holds for the path."""
        return self.asked.route

    @property
    def alias(self) -> str | None:
        """The cache of the entry; None for the one that holds the versions too."""
        alias = self.route.policy.cache
        return None if alias == conf.get().options.CACHE else alias

    @property
    def late(self) -> bool:
        """Whether it is looked up behind the site's own middleware, which that function may need."""
        return self.is_segmented and not self._behind

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be looked up, behind the site's middleware."""
        return self.late and self.found.reason is None and not self.found.key

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record inside what the page reads, where the page could be stored."""
        if self.found.reason is not None:
            with recording(None):
                yield
            return
        if recorder() is self.recorder:  # a decorator records from the look-up on
            yield
            return
        if self._withheld:  # it goes on, in a template that is rendered late
            withhold(self.request)
        else:
            self._record()
        with recording(self.recorder):
            try:
                yield
            finally:
                release(self.request, self.asked.meta)

    def _record(self) -> None:
        if self.asked.cookie_header:
            _ = self.asked.cookies  # the facts are taken before anybody changes them
        self._withheld = True
        record(self.request, self.recorder)

    def classified(self) -> AbstractContextManager[None]:
        """Around a decorated view, record from the look-up on where that finds out who the visitor is."""
        return self.recorded() if self.is_segmented else nullcontext()

    def awaits(self, response: Any) -> bool:
        """Whether the page is still to be made, after the decorator returned."""
        return self._behind and not getattr(response, "is_rendered", True)

    def fields(self) -> tuple[Field, ...]:
        """Return what is in every key."""
        asked, policy = self.asked, self.route.policy
        return (
            asked.scheme,
            asked.host,
            asked.script,
            asked.path,
            self.segment,
            asked.language,
            asked.time_zone,
            asked.urlconf_name,
            policy.key_prefix,
        )

    def value(self, item: Input) -> Field:
        """Return the value of an input as the request came."""
        return self.asked.value(item, segments.covers(self.segment_function))

    def seal(self) -> None:
        """Refuse where the view, or what decorators stated, is not what the look-up went by."""
        match = self.request.resolver_match
        if match is None:
            raise Refused(Reason.UNRESOLVED)
        actual = routes.judge(self.asked.path, match)
        if actual.reason is not None and actual.reason is not Reason.UNMARKED:
            raise Refused(actual.reason)
        stated = self.recorder.policy
        if stated is not None and not routes.reflects(self.route, stated):
            routes.state(self.asked.path, self.asked.urlconf, self.asked.language, stated)
            raise Refused(Reason.WIDENED)

    def classify(self) -> None:
        """Find out the visitor's class, by the same function at look-up and at store time."""
        self.segment = _classified(self.segment_function, self.request, self._classified_by)

    async def aclassify(self) -> None:
        """Find it out on a thread: the function of a site may ask the database."""
        self.segment = await sync_to_async(_classified)(
            self.segment_function, self.request, self._classified_by
        )

    def reads(self, response: HttpResponseBase) -> frozenset[Input]:
        """Return what the render read, and what its `Vary` names beyond what stock middleware added."""
        names = self._varies(response)
        inputs = {item for item in self.recorder.inputs if not _is_declared(item, names)}
        return frozenset(inputs | {Input(types.VARY, name) for name in names})

    def _varies(self, response: HttpResponseBase) -> set[str]:
        return set(vary_names(response.get("Vary", ""))) - self.recorder.understood_vary

    def answered(self, response: HttpResponseBase, now: float) -> Answered:
        """Return the response as the rules see it."""
        config, streaming = conf.get(), response.streaming
        headers = {name.lower(): value for name, value in response.items()}
        lifetime = freshness.lifetime(
            headers,
            now,
            stated=(self.route.policy.timeout, self.route.rule_timeout, config.options.TIMEOUT),
            expires_at=self._expires(now),
        )
        return Answered(
            method=self.asked.method,
            status=response.status_code,
            statuses=config.statuses
            if not settings.DEBUG
            else config.statuses - {404, 410},  # technical pages
            headers=headers,
            streaming=streaming,
            size=0 if streaming else len(response.content),  # type: ignore[attr-defined]
            max_bytes=config.options.MAX_BYTES,
            sets_cookie=bool(response.cookies),
            lifetime=lifetime,
            refusals=self._refusals(response),
        )

    def _expires(self, now: float) -> float | None:
        """Return when the page ends by what it read of the time; what it said itself is exact."""
        said = self.recorder.expires
        if said is not None:
            return None if said == math.inf else said
        most = conf.get().options.CLOCK_TIMEOUT
        return now + most if self.recorder.asked_time and most is not None else None

    def _refusals(self, response: HttpResponseBase) -> tuple[Reason, ...]:
        """Say what the recording, and the request itself after the render, have against storing."""
        found = list(self.recorder.refusals)
        if Reason.ALL_COOKIES in found and "cookie" in self._varies(response):
            found.remove(Reason.ALL_COOKIES)  # the whole header is in the key
        if self._knows_who() and types.USER not in segments.covers(self.segment_function):
            found.append(Reason.AUTHENTICATED)
        if self._used_session():
            found.append(Reason.SESSION)
        if getattr(self.request.__dict__.get("_messages"), "added_new", False):
            found.append(Reason.MESSAGES)
        if hasattr(self.request, "sensitive_post_parameters"):
            found.append(Reason.SENSITIVE_VIEW)
        return tuple(found)

    def _knows_who(self) -> bool:
        """Whether the page looked at the user, and there is one, whoever found that out."""
        stored = self.request.__dict__
        users = (stored.get(name) for name in ("user", "_cached_user", "_acached_user"))
        known = any(
            not is_unevaluated(user) and getattr(user, "is_authenticated", False) for user in users
        )
        return known and Input(types.USER) in self.recorder.inputs

    def _used_session(self) -> bool:
        """Whether the page changed the session, or one was begun meanwhile; the cookie may be set only later."""
        if Input(types.SESSION) not in self.recorder.inputs:
            return False
        session = self.request.__dict__.get("session")
        if getattr(session, "modified", True):
            return True
        covered = types.SESSION in segments.covers(self.segment_function)
        return not covered and getattr(session, "session_key", None) is not None

    def capture(
        self,
        response: Any,
        inputs: tuple[Input, ...],
        material: bytes,
        kept: tuple[float, float | None],
    ) -> Entry:
        """Return the entry for a response, and give the response the headers that the entry has."""
        outgoing.dress(
            response,
            (*inputs, *sorted(self._classified_by)),
            material,
            downstream=self.route.policy.downstream,
            shared=self.segment == "anonymous"
            and Input(types.META, "*") not in self._classified_by,
        )
        tags = {
            SITE,
            page_tag(self.path),
            *tags_of(self.route.policy.tags),
        }
        return outgoing.capture(response, material, tuple(sorted(tags | self.recorder.tags)), kept)

    def serve(self, entry: Entry, now: float) -> Any:
        """Return the response for an entry."""
        self._served = outgoing.serve(self.request, entry, now, self._conditions(), self.found.key)
        return self._served

    def serve_again(self, response: Any, entry: Entry, now: float) -> Any:
        """Undo what the site's middleware did once more to a page that was served behind it; its cookies stay."""
        if response is not self._served:
            return response
        served = self.serve(entry, now)
        served.cookies = response.cookies
        return served

    def finish(self, response: HttpResponseBase, outcome: Outcome) -> Any:
        """Say what happened, and answer the conditions that were kept from the view."""
        conditions = self._conditions() if self._withheld else {}
        return outgoing.finish(self.request, response, outcome, conditions, self.found.key)

    def _conditions(self) -> dict[str, str]:
        return {name: self.asked.meta[name] for name in CONDITIONAL if name in self.asked.meta}


def _is_declared(item: Input, names: set[str]) -> bool:
    """Whether the response's own `Vary` puts into the key, as a whole, what the page read by name."""
    if item.kind == types.COOKIE:
        return "cookie" in names
    return item.kind == types.HEADER and item.name in names


def _classified(function: Segment, request: HttpRequest, reads: set[Input]) -> Field:
    """Return the visitor's class and write down what it was found by; raises Refused where there is none."""
    try:
        with quietly(reads), as_before(request):
            segment: object = function(request)
    except Exception as error:
        logger.exception("The view answers, since the segment function failed.")
        raise Refused(Reason.NO_SEGMENT) from error
    if isinstance(segment, str):
        return segment
    if isinstance(segment, int):  # the primary key of something; 1 is not "1"
        return type(segment).__name__, str(segment)
    if segment is not None:
        logger.error(
            "The view answers, since the segment function gave a %s. Let it give a str, or None for no cache.",
            type(segment).__name__,
        )
    raise Refused(Reason.NO_SEGMENT)
