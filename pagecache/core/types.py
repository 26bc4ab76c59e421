"""The nouns of pagecache: request inputs, policies, and a request and a response as plain values."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from pagecache.core.codec import Entry
from pagecache.core.directives import Directives
from pagecache.core.reasons import Reason

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Input(NamedTuple):
    """One thing that a page can read of a request: `kind` names the source, `name` the item."""

    kind: str
    name: str = ""


QUERY = "query"  # one query parameter, by value
QUERY_STRING = "query-string"  # the query string as a whole
COOKIE = "cookie"  # by value where declared, else only as absent
HEADER = "header"  # likewise
VARY = "vary"  # a header that the response's `Vary` names: its value, taken literally
META = "meta"  # a server variable, by value
SESSION = "session"  # only as absent, unless a segment covers it
USER = "user"  # likewise
MESSAGES = "messages"  # flash messages: only as none waiting
HOLE = "hole"  # a function of the site that fills a hole; it needs what the site's middleware finds out
WHOLE_QUERY = Input(QUERY_STRING)


def without_covered(inputs: frozenset[Input]) -> frozenset[Input]:
    """Leave out single parameters where the whole query string is an input: it covers them all."""
    if WHOLE_QUERY not in inputs:
        return inputs
    return frozenset(item for item in inputs if item.kind != QUERY)


class Unset(Enum):
    """The type of `UNSET`: a value that nobody stated, where None has a meaning of its own."""

    UNSET = "unset"


UNSET = Unset.UNSET
Segment = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a view states about itself through the decorators; times are in seconds."""

    timeout: float | Unset | None = UNSET
    cache: str | None = None
    key_prefix: str | None = None
    tags: tuple[str, ...] = ()
    downstream: int | None = None
    segment: Segment | None = None
    min_hits: int | None = None
    min_cost: float | None = None
    marked: bool = False
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """The view that answers a path, as far as rules and patterns look at it."""

    name: str
    namespaces: tuple[str, ...]
    app_names: tuple[str, ...]
    sensitive: bool
    policy: Policy


@dataclass(frozen=True, slots=True)
class Route:
    """What holds for every request of one path: a reason not to look up, or the policy to follow."""

    reason: Reason | None
    policy: Policy = Policy()
    segment: Segment | None = None
    rule: Policy = Policy()  # what one of `RULES` says, and a decorator may say otherwise
    judged: object = field(default=None, compare=False)  # the view, and what it is called by


class Way(NamedTuple):
    """Where a request leads: to which page, for what is known to be read by those of its path."""

    recipe: tuple[Input, ...]
    material: bytes
    key: str
    is_counted: bool = False  # whether requests for the page are
    is_plain: bool = False  # whether a page that stands is served without another thought
    tells: bool = False  # whether some are told what others are not, such as its key


class Admission(NamedTuple):
    """What a page that is new must reach to be stored: requests for it, and seconds that it took to make."""

    hits: int
    cost: float


class Asked(Protocol):
    """A request as the rules see it."""

    @property
    def is_enabled(self) -> bool: ...
    @property
    def method(self) -> str: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...
    @property
    def host(self) -> str | None: ...
    @property
    def has_session_cookie(self) -> bool: ...
    @property
    def keeps_session(self) -> bool: ...
    @property
    def has_sensitive_param(self) -> bool: ...
    @property
    def directives(self) -> Directives: ...
    @property
    def serves_ranges(self) -> bool: ...
    @property
    def is_refused_agent(self) -> bool: ...
    @property
    def authenticated(self) -> str: ...
    @property
    def route(self) -> Route: ...


class Led(Asked, Protocol):
    """A request that another one may have shown the way."""

    way: Way | None  # of one that said the same, and was kept from its page by no rule

    def found_way(self, way: Way) -> None:
        """Let others that say the same be led there, if they may be."""

    def lose_way(self) -> None:
        """Forget the way: more may be read of requests than was when it was found."""


class Answered(NamedTuple):
    """A response as the rules see it, with what the recording says against storing it."""

    method: str
    status: int
    statuses: frozenset[int]
    headers: Mapping[str, str]  # names in lower case
    streaming: bool
    size: int
    max_bytes: int
    sets_cookie: bool
    lifetime: float | None
    grace: float = 0.0
    asks: bool = False  # whether it is kept for its view to say each time that it is as it was
    lasts: bool = False  # whether its view may say at its end that it is as it was
    overlap: float = 0.0
    refusals: tuple[Reason, ...] = ()


class Outcome(NamedTuple):
    """What is said of a response that the view made: a forward reason of RFC 9211 2.2, and ours."""

    forward: str
    reason: Reason | None = None
    stored: bool = False
    ttl: float | None = None


@dataclass(slots=True)
class Found:
    """What the look-up of one request found; `starts` and `star` are the start versions."""

    is_begun: bool = False  # by whoever saw the request first
    forward: str = "uri-miss"
    is_there: bool = False  # an entry for the key, whether or not it may be served
    reason: Reason | None = None  # why neither to serve nor to store
    recipe: tuple[Input, ...] = ()
    has_recipe: bool = False
    key: str = ""
    entry: Entry | None = None
    vector: bytes = b""  # of the entry
    known: Entry | None = None  # one of which the view may say that it is as it was
    proof: Entry | None = None  # one that is not served, but compared with what the view answers
    reserve: Entry | None = None  # an entry that may stand in for an error
    ended: Entry | None = None  # one that may be served while another request makes it anew
    star: bytes | None = None
    since: float = 0.0  # when they were read, in seconds since the epoch
    starts: dict[str, bytes | None] = field(default_factory=dict)
    seen: bytes = b""  # how what was there began: the entry or, without a recipe, that
    took: float = 0.0  # seconds, by the view
    counted: str = ""  # the key of the page as which the request was counted
    glance: Any = None  # what came for the keys that were asked for first
    turn: Any = None  # of this request to make the page, where others wait for it


class Refused(Exception):  # noqa: N818 a decision, not an error
    """Something that cannot be part of a key, or may not be served or stored now."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def remember(memo: dict[K, V], key: K, value: V, limit: int) -> V:
    """Keep a value in a bounded memo, dropping the oldest; safe under threads."""
    if len(memo) >= limit and key not in memo:
        with suppress(KeyError, RuntimeError, StopIteration):  # another thread was faster
            del memo[next(iter(memo))]
    memo[key] = value
    return value
