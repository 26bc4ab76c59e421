"""Ways from requests to their pages, remembered: whoever says the same again is led to the same page.

Which page a request is for is a function of what was read of it, too. The first time, the names of what is read are
taken down; the next request that has the same values under these names need not be read any more. What is remembered
is where that leads to, never what is there.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any
from weakref import WeakSet

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest

from pagecache.bridge import routes
from pagecache.bridge.addresses import Address, Variables
from pagecache.bridge.answers import BEYOND
from pagecache.bridge.arrivals import ALL, Watched, is_in_scope
from pagecache.bridge.asked import DjangoAsked
from pagecache.core.types import Way, remember

MOST = 10_000  # addresses, of one place
MOST_ALIKE = 8  # ways of one address
MOST_NAMES = 64  # by which these are told apart
MOST_TEXT = 1000  # characters by which one is
COOKIES = "HTTP_COOKIE"
# What guesses are found by, so that `fits` need not compare it. With the method, which is GET, and what is beside the
# request, this is all that `address_in` holds, and more.
LIKE = (
    *("PATH_INFO", "QUERY_STRING", "SCRIPT_NAME"),
    *("HTTP_HOST", "wsgi.url_scheme", "HTTP_ACCEPT_LANGUAGE"),
)
ABSENT = object()


class Alike:
    """What leads from one address, and what that depends on: variables, and cookies that none of the requests has."""

    __slots__ = ("absent", "cookies", "known", "names")

    def __init__(self, names: frozenset[str], cookies: frozenset[str]) -> None:
        self.names = tuple(names)
        self.absent = (ABSENT,) * len(names)
        self.cookies = cookies
        self.known: dict[tuple[Any, ...], Recalled] = {}

    def covers(self, names: frozenset[str], cookies: frozenset[str]) -> bool:
        """Whether requests are told apart by all of these."""
        return names.issubset(self.names) and cookies <= self.cookies

    def said(self, variables: Variables) -> tuple[Any, ...]:
        """Return what a request says."""
        return tuple(map(variables.get, self.names, self.absent))


class Recalled:
    """What is known of a request, since others said the same: where it leads, its path with script name, and more."""

    __slots__ = (
        "_alike",
        "_facts",
        "_had",
        "_lacked",
        "_said",
        "address",
        "beside",
        "is_sent_as_it_is",
        "key",
        "path",
        "place",
        "route",
        "way",
    )

    def __init__(
        self,
        address: Address,
        alike: Alike,
        said: tuple[Any, ...],
        asked: DjangoAsked,
        way: Way,
    ) -> None:
        self._alike, self._said = alike, said
        self.address, self.beside = address, address[-1]
        # Most requests lack most of what is read of them: credentials, say, or other methods.
        pairs = tuple(zip(alike.names, said, strict=True))
        self._lacked = _once(BEYOND.union(name for name, value in pairs if value is ABSENT))
        self._had = tuple(pair for pair in pairs if pair[1] is not ABSENT and pair[0] not in LIKE)
        facts = vars(asked)
        self._facts = {name: facts[name] for name in DjangoAsked.SHARED if name in facts}
        self._facts["way"] = self.way = way
        self.key = way.key
        self.is_sent_as_it_is = way.is_plain and not way.tells
        self.path = asked.full_path
        self.route, self.place = asked.route, (asked.urlconf, asked.language, asked.path)

    def fits(self, variables: Variables) -> bool:
        """Whether a request with the same `LIKE` says the same in all else that was read, and wants a whole page."""
        if not self._lacked.isdisjoint(variables):
            return False
        for name, value in self._had:
            if variables.get(name) != value:
                return False
        header = variables.get(COOKIES)
        return not header or not any(name in header for name in self._alike.cookies)

    def holds(self) -> bool:
        """Whether the route of its path is still what it was."""
        return routes.remembered.get(self.place) is self.route

    def facts(self, variables: Variables, make: Callable[[], HttpRequest]) -> DjangoAsked:
        """Return the facts of the request, which `make` gives if more is to be found out of it."""
        forget = partial(self._alike.known.pop, self._said, None)
        return DjangoAsked.recalled(self._facts, variables, make, forget)


class Ways:
    """The ways from one place. Requests that have the same address are told apart by what was read of them.

    Apart, too, by whether their cookies were read beyond that some are absent: each visitor may have others.
    """

    def __init__(self) -> None:
        self._alike: dict[Address, Alike] = {}
        _all.add(self)

    def recall(
        self, address: Address | None, variables: Variables, guess: Recalled | None = None
    ) -> Recalled | None:
        """Return what is known of a request; None where no other one has said the same.

        It may be what was guessed, which the request fits.
        """
        if address is None:
            return None
        if guess is not None and guess.address == address and guess.holds():  # and it fits
            return guess
        try:
            alike = self._alike.get(address)
            header = variables.get(COOKIES)
            if header and (alike is None or any(name in header for name in alike.cookies)):
                alike = self._alike.get(_with_cookies(address))
            if alike is None:
                return None
            said = tuple(map(variables.get, alike.names, alike.absent))  # as `said` has it
            recalled = alike.known.get(said)
        except TypeError:  # no text
            return None
        return recalled if recalled is not None and recalled.holds() else None

    def watch(
        self, address: Address | None, variables: Variables, asked: DjangoAsked
    ) -> DjangoAsked:
        """Let the way that the facts of a request lead be remembered once it is found."""
        if address is not None and type(asked.meta) is Watched:
            asked.learn = partial(_keep, self._alike, address, variables)
        return asked

    def watch_scope(
        self, address: Address | None, variables: Variables | None, asked: DjangoAsked
    ) -> DjangoAsked:
        """Do the same for an ASGI request, whose variables were told before it was made."""
        if address is not None and variables is not None:
            asked.learn = partial(_keep_scope, self._alike, address, variables)
        return asked

    def clear(self) -> None:
        """Forget all ways, also those that are just being found."""
        self._alike = {}


@lru_cache(1000)
def _once(names: frozenset[str]) -> frozenset[str]:
    """Return the same object for the same names, which are those of most requests."""
    return names


def _with_cookies(address: Address) -> Address:
    """Return what stands for an address where cookies were read; no address is so short."""
    return address, True


def _keep(
    known: dict[Address, Alike],
    address: Address,
    variables: Variables,
    asked: DjangoAsked,
    way: Way,
) -> None:
    """Remember what is known of a request, and its way, for all that was read to find it."""
    names = frozenset(asked.meta.names)  # type: ignore[attr-defined]
    has_read_cookies = COOKIES in names
    cookies = frozenset() if has_read_cookies else frozenset(asked.absent)
    place = _with_cookies(address) if has_read_cookies else address
    alike = before = known.get(place)
    if alike is None or not alike.covers(names, cookies):
        if alike is not None:
            names, cookies = names.union(alike.names), cookies | alike.cookies
        if ALL in names or len(names) + len(cookies) > MOST_NAMES:
            return
        alike = Alike(names, cookies)
    said = alike.said(variables)
    texts = [value for value in (*said, *address) if value is not ABSENT]
    size = sum(len(text) for text in texts if type(text) in {str, bytes})
    if size > MOST_TEXT or any(type(value) is not str for value in said if value is not ABSENT):
        return
    if alike is not before:
        remember(known, place, alike, MOST)
    remember(alike.known, said, Recalled(address, alike, said, asked, way), MOST_ALIKE)


def _keep_scope(
    known: dict[Address, Alike],
    address: Address,
    variables: Variables,
    asked: DjangoAsked,
    way: Way,
) -> None:
    """Remember it only where Django made the same variables of the scope, among those that were read."""
    meta: Any = asked.meta
    is_same = all(dict.get(meta, name) == variables.get(name) for name in meta.names)
    if is_same and is_in_scope(meta.names):
        _keep(known, address, variables, asked, way)


_all: WeakSet[Ways] = WeakSet()


@receiver(setting_changed)
def _forget(**_kwargs: object) -> None:
    for ways in _all:
        ways.clear()
