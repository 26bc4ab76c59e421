"""One request in its lane, as the flow sees it, and what the process remembers of earlier ones."""

from collections.abc import Awaitable, Callable, Container, Generator, Iterable
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any, Protocol

from django.dispatch import receiver

from pagecache import conf
from pagecache.core import codec
from pagecache.core.codec import Entry
from pagecache.core.keys import Field, material
from pagecache.core.types import Admission, Answered, Found, Input, Led, Outcome, Refused
from pagecache.engine.popularity import Popularity
from pagecache.engine.variants import Variants
from pagecache.events import settings_reloaded
from pagecache.news import Noted
from pagecache.recording.recorder import Recorder
from pagecache.stores.local import Local

Flow = Generator[Any, Any, Any]
UNREAD: Field = ()
MOST = 10_000  # paths and entries that a process remembers
PATH_SECONDS = 86400.0  # what is known of one path; losing it costs one render
MOST_VARIANTS = 100_000  # pages whose end it remembers, of all paths


class Visit(Protocol):
    """One request in its lane, as the flow sees it."""

    found: Found
    asked_view: dict[str, str]  # the conditions that the view gets in place of the request's
    path: str  # with script name, without query
    max_inputs: int
    segment: Field
    is_ahead: bool  # of the site's own middleware, which has not seen the request yet, or is done

    @property
    def recorder(self) -> Recorder:
        """What the page read."""

    def starts_anew(self) -> Iterable[str]:
        """Take note that start versions were read just now; return the tags of data that was read before."""

    @property
    def uri(self) -> str:
        """The URL with its query."""

    @property
    def asked(self) -> Led:
        """The facts of the request."""

    @property
    def alias(self) -> str | None:
        """The cache of the entry; None for the one that holds the versions too."""

    @property
    def admission(self) -> Admission:
        """What the page must reach to be stored, if it is new."""

    @property
    def is_segmented(self) -> bool:
        """Whether the visitor's class is found out by a function of the site."""

    @property
    def late(self) -> bool:
        """Whether it is looked up behind the site's own middleware."""

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be looked up, behind the site's middleware."""

    def twin(self) -> "Unsent | None":
        """Return a request for the same page with nothing of the visitor's; None where there is none."""

    def then(self, job: Callable[[], object]) -> None:
        """Do something once the response is sent and closed."""

    def recorded(self) -> AbstractContextManager[None]:
        """Record inside what the page reads, where the page could be stored."""

    def prepare(self) -> None:
        """Find out what a look-up there needs to know of the visitor."""

    def fill(self) -> None:
        """Make what fills the holes of the page that was found; raises Refused."""

    def classify(self) -> None:
        """Find out the visitor's class; raises Refused."""

    async def aclassify(self) -> None:
        """Do the same on the event loop."""

    def fields(self) -> tuple[Field, ...]:
        """Return what is in every key; raises Refused."""

    def value(self, item: Input) -> Field:
        """Return the value of an input as the request came, None for absent; raises Refused."""

    def seal(self) -> None:
        """Refuse where the view, or what decorators stated, is not what the look-up went by."""

    def answered(self, response: Any, now: float) -> Answered:
        """Return the response as the rules see it."""

    def reads(self, response: Any) -> frozenset[Input]:
        """Return the inputs that the render read."""

    def gains(self, response: Any, inputs: tuple[Input, ...]) -> bool:
        """Whether the page is to be compressed before it is stored."""

    def compress(self) -> None:
        """Find out what the page is in the site's coding."""

    def capture(
        self,
        response: Any,
        inputs: tuple[Input, ...],
        material: bytes,
        kept: tuple[float, float | None],
    ) -> Entry:
        """Return the entry for a response, and give the response the headers that the entry has."""

    def ask_about(self, entry: Entry) -> None:
        """Let the view say whether a page that may not be served is as it was."""

    def ask_view(self) -> None:
        """Put the conditions for the view on a request that is recorded, if it is to be asked by any."""

    def as_known(self, response: Any) -> Any:
        """Return the whole page for an answer that says it is as it was, else the answer."""

    def is_misled(self, response: Any) -> bool:
        """Whether the view says that another page is as it was; then it is to be asked without conditions."""

    def changes(self, response: Any) -> tuple[str, ...]:
        """Return the paths of what an unsafe request may have changed (RFC 9111 4.4)."""

    def uncover(self, response: Any) -> None:
        """Take the marks of holes off a response."""

    def is_checked(self, draw: float) -> bool:
        """Whether an entry is compared with what the view answers, and not served; `draw` is chance, from 0 to 1."""

    def differences(self, response: Any, entry: Entry) -> tuple[str, ...]:
        """Return what of a response is not as in the entry, holes apart."""

    def opened(self, entry: Entry) -> Entry | None:
        """Return an entry as its client takes it, compressed or not; None for one that cannot be opened here."""

    def serve(self, entry: Entry, now: float) -> Any:
        """Return the response for an entry."""

    def failed(self, error: Exception) -> Any:
        """Return an error for what a view raised, None for what Django is to hear of."""

    def serve_instead(self, response: Any, entry: Entry, now: float) -> Any:
        """Return the response for an entry in place of an error."""

    def unavailable(self) -> Any:
        """Return a 504: no page is stored, and the client wants no other."""

    def serve_again(self, response: Any, entry: Entry, now: float) -> Any:
        """Undo what the site's middleware did once more to a page that was served behind it; its cookies stay."""

    def awaits(self, response: Any) -> bool:
        """Whether the page is still to be made: then the flow goes on with `keep` when it is."""

    def finish(self, response: Any, outcome: Outcome) -> Any:
        """Say what happened in a response that the view made."""


class Unsent(Visit, Protocol):
    """A request that nobody sent."""

    @property
    def render(self) -> Callable[[], Any] | None:
        """What makes the page."""

    def attend(self, answer: Callable[[], Any]) -> None:
        """Let it be answered as Django does."""

    async def aattend(self, answer: Callable[[], Awaitable[Any]]) -> None:
        """Do the same on the event loop."""


recipes: Noted[str, tuple[Input, ...]] = Noted()
# Paths whose recipe is known here, and not kept in the store, since no page of theirs was.
unsaved: dict[str, None] = {}
known_tags: dict[str, tuple[str, ...]] = {}
# Paths whose stored page was not what the view answers, until when, in seconds since the epoch.
barred: Noted[str, float] = Noted()
# Leases that are not taken, since the page proved to be for one visitor or one moment; until when, likewise.
uncacheable: dict[str, float] = {}
# The key of the page that this process stored last for a URI, and when it ends, in seconds since the epoch.
stored_uris: dict[str, tuple[str, float]] = {}
variants = Variants(MOST_VARIANTS)
popularity = Popularity()
local = Local()


class Unsafe:
    """When this process last dropped pages for an unsafe request, in seconds since the epoch."""

    at = 0.0


unsafe = Unsafe()


@receiver(settings_reloaded)
def forget(**_kwargs: Any) -> None:
    """Forget what this process remembers of paths, tags and pages: costs trips and room, never correctness."""
    barred.clear()
    stored_uris.clear()
    uncacheable.clear()
    recipes.clear()
    unsaved.clear()
    known_tags.clear()
    variants.clear()
    popularity.clear()
    local.clear()
    unsafe.at = 0.0


def key_material(
    visit: Visit, inputs: Iterable[Input], read: Container[Input] = frozenset()
) -> bytes:
    """Return the full key material of a request for some inputs, of which the render `read` some; raises Refused."""
    named = ((*item, _keyed(visit, item, read)) for item in inputs)
    return material(visit.fields()) + material(tuple(chain.from_iterable(named)))


def _keyed(visit: Visit, item: Input, read: Container[Input]) -> Field:
    """Return what an input is in a key; raises Refused for a value that can be in none, if the render `read` it.

    Else it keys as `UNREAD`: one page of a path reads what another does not look at, and that one is for all alike.
    """
    try:
        return visit.value(item)
    except Refused:
        if item in read:
            raise
        return UNREAD


def decode_recipe(data: bytes | None, key: str) -> tuple[Input, ...] | None:
    """Return the inputs of the recipe under a key, None for what is no intact recipe."""
    names = codec.decode_names(data, key, conf.get().sealer) if data else None
    return None if names is None else tuple(Input(*pair) for pair in names)


def encode_recipe(inputs: tuple[Input, ...], key: str) -> bytes:
    """Return a recipe as the bytes to keep under a key."""
    return codec.encode_names(inputs, key, conf.get().sealer)
