"""One request in its lane: what the flow asks about it."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property

from pagecache import conf, segments
from pagecache.bridge import downstream, encoding, filling, outgoing, routes, validating
from pagecache.bridge.answers import IF_RANGE, RANGE, Asked, like
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.encoding import Packed
from pagecache.bridge.fields import settle
from pagecache.bridge.filling import Bare
from pagecache.bridge.made import Made
from pagecache.core import status, types
from pagecache.core.codec import Entry
from pagecache.core.holes import CSRF
from pagecache.core.keys import Field
from pagecache.core.reasons import Reason
from pagecache.core.types import Admission, Answered, Found, Input, Outcome, Refused, Route, Segment
from pagecache.core.urls import path_within_origin
from pagecache.events import logger
from pagecache.recording import messages, stock
from pagecache.recording.ambient import as_active
from pagecache.recording.mappings import CONDITIONAL
from pagecache.recording.recorder import Recorder, quietly, recorder, recording, tick
from pagecache.recording.request import as_before, ask, record, release, unwritten, withhold
from pagecache.recording.standing import take_note
from pagecache.tags import SITE, page_tag, segment_tag, tag, tags_of
from pagecache.transactions import is_any_open

MOMENT = 1.0  # seconds
# What Django answers with 404, 403 and 400.
ANSWERS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)
BARE = Bare()
FOUND_BY_ALL = Input(types.META, "*")  # of its variables


class DjangoVisit:
    """A request between its arrival and its answer."""

    FIELDS = (
        "scheme host script-name full-path path segment "
        "language language-before time-zone urlconf key-prefix"
    ).split()

    again: Callable[["DjangoVisit"], Any] | None = None  # asks for the page by itself
    render: Callable[[], Any] | None = None  # lets the site make the page
    _then: Callable[[], object] | None = None  # what is done once the response is sent
    _bare = BARE  # what was made, without what is its visitor's
    _packed: Packed | None = None  # that, compressed
    _dressed: Any = None  # what is sent of a page that is stored
    _filling: Mapping[str, str] = MappingProxyType({})
    _sets_token = False  # whether the cookie of a token is ours to set
    _served: Any = None
    _withheld = False  # whether conditional headers were kept from the view
    _is_asked = False  # whether it got others: else its 304 is for what the client asks
    _said: HttpResponseBase | None = None  # by the view: that a page is as it was

    def __init__(
        self,
        request: HttpRequest,
        asked: DjangoAsked,
        *,
        outside: Collection[str],
        behind_middleware: bool,
    ) -> None:
        self.request = request
        self.arrived = time.monotonic()
        self.kind = type(request)
        self.asked = asked
        self.found = Found()
        self.asked_view: Asked = {}  # the conditions that it got in their place
        self._outside = asked.outside = outside
        self.is_ahead = not behind_middleware
        self.path = asked.full_path
        self.max_inputs = conf.get().options.MAX_INPUTS
        self._behind = behind_middleware
        self._classified_by: set[Input] = set()  # what the segment function read
        self.segment: Field = segments.anonymous(request)
        self.segment_function: Segment = asked.route.segment or conf.get().segment
        self.is_segmented = self.segment_function is not segments.anonymous
        self._covered = segments.covers(self.segment_function)

    @cached_property
    def recorder(self) -> Recorder:
        """What the page read; made once somebody asks for it, which nobody does for a page from the store."""
        return Recorder()

    def starts_anew(self) -> Iterable[str]:
        """Take note that start versions were read just now; return the tags of data that was read before."""
        if "recorder" not in self.__dict__:
            return ()
        self.recorder.epoch = tick()
        return self.recorder.possible_tags

    def go_on_from(self, ahead: "DjangoVisit") -> None:
        """Go on from what was found for the request a moment ago, by the same facts, before Django had it.

        While Django waits for the rest of a request, data may move.
        """
        is_same = self.asked is ahead.asked or self.asked.is_same(ahead.asked)
        if is_same and time.monotonic() - ahead.arrived < MOMENT:
            self.found, self.asked_view = ahead.found, ahead.asked_view

    @cached_property
    def uri(self) -> str:
        """What tells the URL with its query from others, for the word `vary-miss` alone; a digest where that is long.

        The path is as it is: it comes last, behind a query in which there are no spaces.
        """
        asked = self.asked
        query = asked.meta.get("QUERY_STRING", "")
        return tag(f"{asked.scheme}://{asked.host} {query} {asked.full_path}")

    @property
    def route(self) -> Route:
        """What holds for the path."""
        return self.asked.route

    @cached_property
    def alias(self) -> str | None:
        """The cache of the entry; None for the one that holds the versions too."""
        alias = self.route.policy.cache
        return None if alias == conf.get().options.CACHE else alias

    @cached_property
    def admission(self) -> Admission:
        """What the page must reach to be stored, if it is new: as its view says, else a rule, else the settings."""
        view, rule, options = self.route.policy, self.route.rule, conf.get().options
        hits = rule.min_hits if view.min_hits is None else view.min_hits
        cost = rule.min_cost if view.min_cost is None else view.min_cost
        return Admission(
            options.MIN_HITS if hits is None else hits, options.MIN_COST if cost is None else cost
        )

    @property
    def late(self) -> bool:
        """Whether it is looked up behind the site's own middleware, which that function may need."""
        return self.is_segmented and not self._behind

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be looked up, behind the site's middleware."""
        found = self.found
        waits = self.late or (found.has_recipe and self.is_ahead)
        return waits and found.reason is None and not found.key

    def recorded(self) -> AbstractContextManager[None]:
        """Record inside what the page reads, where the page could be stored."""
        if self.found.reason is not None:
            encoding.match_plain(self.request.META)
            return recording(None)
        if recorder() is self.recorder:  # a decorator records from the look-up on
            self.ask_view()
            return nullcontext()
        return _recording_of(self)

    def record(self) -> None:
        """Have the request record what is read of it from now on."""
        if self._withheld:  # it goes on, in a template that is rendered late
            withhold(self.request)
            return
        if self.asked.cookie_header:
            _ = self.asked.cookies  # the facts are taken before anybody changes them
        self.asked.meta = self.asked.meta.copy()
        self._withheld = True
        record(self.request, self.recorder)
        self._ask()
        take_note(self.request)

    def ask_about(self, entry: Entry) -> None:
        """Let the view say whether a page that may not be served is as it was (RFC 9111 4.3.1)."""
        whole = encoding.plain(entry)
        if whole is not None and self.asked.method == "GET" and not self.is_checked(draw=1):
            self.found.known, self.asked_view = whole, validating.validators(whole)

    def ask_view(self) -> None:
        """Put the conditions for the view on a request that is recorded, if it is to be asked by any."""
        if self._withheld and self.found.reason is None:
            withhold(self.request)
            self._ask()

    def _ask(self) -> None:
        ask(self.request, self.asked_view)
        self._is_asked = bool(self.asked_view)

    def as_known(self, response: Any) -> Any:
        """Return the whole page for an answer that says it is as it was, else the answer (RFC 9111 4.3.3)."""
        settle(response)
        known = self._answers_about(response)
        if known is None:
            return response
        self._said = response
        self.recorder.depend(known.tags)
        return validating.updated(known, response)

    def twin(self) -> Any:
        """Return a request for the same page with nothing of the visitor's; None where there is none."""
        return None if self.again is None or self.is_segmented else self.again(self)

    def then(self, job: Callable[[], object]) -> None:
        """Do something once the response is sent and closed."""
        self._then = job

    def leaving(self, response: Any) -> Any:
        """Return the response, which begins, once it is closed, what is to be done then."""
        if self._then is not None:
            response.close = partial(self._closed, response.close)
        return response

    def _closed(self, close: Callable[[], None]) -> None:
        close()
        then, self._then = self._then, None
        if then is not None:  # it may be closed again
            then()

    def is_misled(self, response: Any) -> bool:
        """Whether the view says that another page is as it was; then it is to be asked without conditions."""
        known = self._answers_about(response)
        if known is None or validating.says_as_it_was(response, known):
            return False
        self.asked_view = {}
        self._is_asked = False
        return True

    def _answers_about(self, response: Any) -> Entry | None:
        """Return the page that a response may say to be as it was; None where it says no such thing."""
        is_said = self._is_asked and response.status_code == 304  # noqa: PLR2004 a status code
        return self.found.known if is_said else None

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
            asked.full_path,  # a server may give it with the script name or without, for one and the same path
            asked.path,
            self.segment,
            asked.language,
            asked.language_before,
            asked.time_zone_name,
            asked.urlconf_name,
            policy.key_prefix,
        )

    def value(self, item: Input) -> Field:
        """Return the value of an input as the request came."""
        return self.asked.value(item, self._covered)

    def seal(self) -> None:
        """Refuse where the view, or what decorators stated, is not what the look-up went by."""
        match = self.request.resolver_match
        if match is None:
            raise Refused(Reason.UNRESOLVED)
        actual = routes.confirmed(self.route, self.asked.path, match)
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
        return self._made(response).reads()

    def answered(self, response: HttpResponseBase, now: float) -> Answered:
        """Return the response as the rules see it."""
        return self._made(response).answered(self.request, self._covered, now)

    def _made(self, response: HttpResponseBase) -> Made:
        return Made(
            response,
            self._said or response,
            self.found.known if self._said else None,
            self._bare,
            self.asked,
            self.recorder,
            self.found.since,
        )

    def gains(self, response: Any, inputs: tuple[Input, ...]) -> bool:
        """Whether the page is to be compressed before it is stored: only what is the same for everybody."""
        is_for_all = self._is_shared and not self._bare.holes
        return is_for_all and encoding.gains(response, len(self._bare.body), self.asked, *inputs)

    @property
    def _is_shared(self) -> bool:
        """Whether the visitor's class is that of everybody."""
        return self.segment == segments.ANONYMOUS and FOUND_BY_ALL not in self._classified_by

    def compress(self) -> None:
        """Compress the page that was made, if it is shorter so."""
        self._packed = encoding.pack(self._bare.body)

    def opened(self, entry: Entry) -> Entry | None:
        """Return an entry as its client takes it, compressed or not; None for one that this process cannot open."""
        return encoding.opened(entry, self.asked)

    def capture(
        self,
        response: Any,
        inputs: tuple[Input, ...],
        material: bytes,
        kept: tuple[float, float | None],
    ) -> Entry:
        """Return the entry for a response, and have one to send that has its headers.

        That is another one: the view may send its own again, with another body.
        """
        response = self._dressed = like(response, response.content)
        varying = (*inputs, *sorted(self._classified_by))
        if names := {hole.name for hole in self._bare.holes}:
            downstream.dress_with_holes(response, varying, names)
        else:
            downstream.dress(
                response,
                varying,
                material,
                downstream=self.route.policy.downstream,
                shared=self._is_shared,
            )
            if self._packed is not None:
                encoding.offer(response)
            if self.asked.serves_ranges:
                response.setdefault("Accept-Ranges", "bytes")
        stated = self.route.policy.tags
        tags = {
            SITE,
            page_tag(self.path),
            *map(segment_tag, segments.names_of(self.segment)),
            *(tags_of(stated) if stated else ()),
        }
        asked = self.found.since or kept[0]
        entry = outgoing.capture(
            response, self._bare, material, tuple(sorted(tags | self.recorder.tags)), (asked, *kept)
        )
        return entry if self._packed is None else entry._replace(**self._packed._asdict())

    def changes(self, response: HttpResponseBase) -> tuple[str, ...]:
        """Return the paths of what an unsafe request may have changed (RFC 9111 4.4)."""
        named = (response.get(name, "") for name in ("Location", "Content-Location"))
        found = (path_within_origin(reference, self.asked.url) for reference in named)
        return (self.path, *filter(None, found))

    def uncover(self, response: HttpResponseBase) -> None:
        """Note where the holes of a response are, and take off their marks."""
        if self.found.reason is None:
            sets_token = stock.CSRF not in self._outside
            try:
                self._bare = filling.cut(
                    self.request, response, self.recorder, sets_token=sets_token
                )
            finally:
                filling.uncover(self.path, response, self.recorder.given)
        else:
            filling.uncover(self.path, response, self.recorder.given)

    def prepare(self) -> None:
        """Find out whether messages are waiting in the visitor's session."""
        storage = self.request.__dict__.get("_messages")
        with recording(None), quietly():
            self.asked.has_messages = storage is not None and messages.is_waiting(storage)

    def fill(self) -> None:
        """Make what fills the holes of the page that was found; raises Refused."""
        names = {hole.name for hole in self.found.entry.holes} if self.found.entry else set()
        if not filling.are_known(names):
            raise Refused(Reason.HOLE)
        middleware = self._outside if self.is_ahead else settings.MIDDLEWARE
        self._sets_token = CSRF in names and stock.CSRF not in middleware
        try:
            self._filling = filling.values(self.request, names, sets_token=self._sets_token)
        except Exception as error:
            logger.exception("The view answers, since a hole of its page could not be filled.")
            raise Refused(Reason.HOLE) from error

    def is_checked(self, draw: float) -> bool:
        """Whether an entry that was found is compared with what the view answers, and not served."""
        options = conf.get().options
        return options.SHADOW or (draw < options.VERIFY and self.asked.method == "GET")

    def differences(self, response: Any, entry: Entry) -> tuple[str, ...]:
        """Return what of a response is not as in the entry, holes apart."""
        return outgoing.differences(response, self._bare, entry)

    def serve(self, entry: Entry, now: float) -> Any:
        """Return the response for an entry."""
        conditions = {} if entry.holes else self._beyond(with_ranges=True)
        self._served = outgoing.serve(self.request, entry, now, conditions, self.found.key)
        if entry.holes:
            outgoing.fill(self.request, self._served, entry, self._filling)
        if self._sets_token:
            filling.set_token(self.request, self._served)
        return self._served

    def serve_plainly(self, entry: Entry, key: str) -> Any:
        """Return the response for a page that stands, which was found without a look-up."""
        self.found.key = key
        return self.serve(entry, time.time())

    def failed(self, error: Exception) -> HttpResponse | None:
        """Return an error for what a view raised, None where Django makes an answer of it, or takes writes back."""
        is_heard = routes.hears_errors(tuple(settings.MIDDLEWARE)) or is_any_open()
        if is_heard or isinstance(error, ANSWERS):
            return None
        logger.error("The view of %s failed.", self.path, exc_info=error)
        return HttpResponse(status=500)

    def serve_instead(self, response: HttpResponseBase, entry: Entry, now: float) -> Any:
        """Return the response for an entry in place of an error, whose cookies are sent all the same."""
        served = self.serve(entry, now)
        for name, cookie in response.cookies.items():
            served.cookies.setdefault(name, cookie)
        if response.cookies:
            downstream.keep_for_one(served, response.get("Vary", ""))
        served["Cache-Status"] = status.in_place(served["Cache-Status"], response.status_code)
        return served

    def unavailable(self) -> HttpResponse:
        """Return a 504: no page is stored, and the client wants no other."""
        return outgoing.unavailable(self.request)

    def serve_again(self, response: Any, entry: Entry, now: float) -> Any:
        """Undo what the site's middleware did once more to a page that was served behind it; its cookies stay."""
        if response is not self._served:
            return response
        served = self.serve(entry, now)
        if response.cookies:  # they are for one visitor, whatever the page is
            served.cookies = response.cookies
            downstream.keep_for_one(served, response.get("Vary", ""))
        return served

    def finish(self, response: HttpResponseBase, outcome: Outcome) -> Any:
        """Say what happened, and answer the conditions that were kept from the view."""
        made = (self._said or response).status_code
        response = self._dressed or response
        if outcome.stored and self._packed is not None and self.asked.takes(self._packed.coding):
            response = like(response, self._packed.body)
            encoding.mark(response, self._packed.coding)
        is_ours = self._withheld and not self._bare.holes
        conditions = self._beyond(with_ranges=outcome.stored) if is_ours else {}
        return outgoing.finish(
            self.request, response, outcome, conditions, self.found.key, made=made
        )

    def _beyond(self, *, with_ranges: bool) -> dict[str, str]:
        """Return what the request asks beyond the page."""
        meta = self.asked.meta
        is_get = self.asked.method == "GET"
        is_cut = with_ranges and is_get and RANGE in meta and self.asked.serves_ranges
        parts = (RANGE, IF_RANGE) if is_cut else ()  # RFC 9110 14.2: HEAD has no parts
        return {name: meta[name] for name in (*CONDITIONAL, *parts) if name in meta}


class _recording_of(recording):  # noqa: N801 as its base
    """Record inside what is read of the request of a visit, and give back at the end what was taken off it for that."""

    __slots__ = ("_visit",)

    def __init__(self, visit: DjangoVisit) -> None:
        super().__init__(visit.recorder)
        self._visit = visit

    def __enter__(self) -> None:
        self._visit.record()
        super().__enter__()

    def __exit__(self, *error: object) -> None:
        try:
            release(self._visit.request, self._visit.asked.meta)
        finally:
            super().__exit__(*error)


def _classified(function: Segment, request: HttpRequest, reads: set[Input]) -> Field:
    """Return the visitor's class and write down what it was found by; raises Refused where there is none."""
    try:
        with (
            quietly(reads),
            unwritten(request),
            as_active(),
            as_before(request, keeps_headers=False),
        ):
            segment = segments.named(function(request))
    except Exception as error:
        logger.exception("The view answers, since the segment function failed.")
        raise Refused(Reason.NO_SEGMENT) from error
    if segment is None:
        raise Refused(Reason.NO_SEGMENT)
    return segment
