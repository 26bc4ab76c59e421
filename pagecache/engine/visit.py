"""One request in its lane, as the flow sees it, and what the process remembers of earlier ones."""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from django.dispatch import receiver

from pagecache.core import codec
from pagecache.core.codec import Entry
from pagecache.core.keys import Field, material
from pagecache.core.types import Answered, Asked, Found, Input, Outcome
from pagecache.events import settings_reloaded
from pagecache.recording.recorder import Recorder

Flow = Generator[Any, Any, Any]
MOST = 10_000  # paths and entries that a process remembers


class Visit(Protocol):
    """One request in its lane, as the flow sees it."""

    recorder: Recorder
    found: Found
    path: str  # with script name, without query
    max_inputs: int
    segment: Field

    @property
    def asked(self) -> Asked:
        """The facts of the request."""

    @property
    def alias(self) -> str | None:
        """The cache of the entry; None for the one that holds the versions too."""

    @property
    def is_segmented(self) -> bool:
        """Whether the visitor's class is found out by a function of the site."""

    @property
    def late(self) -> bool:
        """Whether it is looked up behind the site's own middleware."""

    def recorded(self) -> AbstractContextManager[None]:
        """Record inside what the page reads, where the page could be stored."""

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

    def capture(
        self,
        response: Any,
        inputs: tuple[Input, ...],
        material: bytes,
        kept: tuple[float, float | None],
    ) -> Entry:
        """Return the entry for a response, and give the response the headers that the entry has."""

    def serve(self, entry: Entry, now: float) -> Any:
        """Return the response for an entry."""

    def serve_again(self, response: Any, entry: Entry, now: float) -> Any:
        """Undo what the site's middleware did once more to a page that was served behind it; its cookies stay."""

    def awaits(self, response: Any) -> bool:
        """Whether the page is still to be made: then the flow goes on with `keep` when it is."""

    def finish(self, response: Any, outcome: Outcome) -> Any:
        """Say what happened in a response that the view made."""


recipes: dict[str, tuple[Input, ...]] = {}
known_tags: dict[str, tuple[str, ...]] = {}


@receiver(settings_reloaded)
def forget(**_kwargs: Any) -> None:
    """Forget what this process remembers of recipes and tags: costs trips, never correctness."""
    recipes.clear()
    known_tags.clear()


def key_material(visit: Visit, inputs: Iterable[Input]) -> bytes:
    """Return the full key material of a request for some inputs; raises Refused."""
    named = [(*item, visit.value(item)) for item in inputs]
    return material((*visit.fields(), *(part for item in named for part in item)))


def decode_recipe(data: bytes | None) -> tuple[Input, ...] | None:
    """Return the inputs of a recipe, None for what is no intact recipe."""
    names = codec.decode_names(data) if data else None
    return None if names is None else tuple(Input(*pair) for pair in names)


def encode_recipe(inputs: tuple[Input, ...]) -> bytes:
    """Return a recipe as bytes."""
    return codec.encode_names(inputs)
