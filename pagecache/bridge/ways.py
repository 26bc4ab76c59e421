"""Ways from requests to their pages, remembered: whoever says the same again is led to the same page.

Which page a request is for is a function of what was read of it, too. The first time, the names of what is read are
taken down; the next request that has the same values under these names need not be read any more. What is remembered
is where that leads to, never what is there.
"""

from collections.abc import Callable, Hashable
from datetime import timezone as fixed_offset
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakSet
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone, translation

from pagecache import conf
from pagecache.bridge import routes
from pagecache.bridge.arrivals import ALL, Watched
from pagecache.bridge.asked import DjangoAsked
from pagecache.core.types import Way, remember

MOST = 2048  # addresses, of one place
MOST_ALIKE = 16  # ways of one address
MOST_NAMES = 64  # by which these are told apart
ZONES = {ZoneInfo, fixed_offset}  # which always say the same of themselves
# Among its facts, of one request alone.
OF_ONE = {"_request", "_make", "_forget", "meta", "cookie_header", "cookies", "absent", "learn"}

Address = tuple[Hashable, ...]
Variables = dict[str, Any]
Known = dict[str, Any]  # the facts of all requests that say the same


class Alike:
    """What leads from one address, and what that depends on: variables, and cookies that none of the requests has."""

    __slots__ = ("cookies", "known", "names")

    def __init__(self, names: frozenset[str], cookies: frozenset[str]) -> None:
        self.names = tuple(names)
        self.cookies = cookies
        self.known: dict[tuple[Any, ...], Known] = {}

    def covers(self, names: frozenset[str], cookies: frozenset[str]) -> bool:
        """Whether requests are told apart by all of these."""
        return names.issubset(self.names) and cookies <= self.cookies


class Recalled(NamedTuple):
    """What is known of a request, since others said the same."""

    alike: Alike
    said: tuple[Any, ...]
    known: Known

    @property
    def way(self) -> Way:
        """Where it leads."""
        way: Way = self.known["way"]
        return way

    @property
    def path(self) -> str:
        """Its path, with script name."""
        path: str = self.known["full_path"]
        return path

    def facts(self, variables: Variables, make: Callable[[], HttpRequest]) -> DjangoAsked:
        """Return the facts of the request, which `make` gives if more is to be found out of it."""
        forget = partial(self.alike.known.pop, self.said, None)
        return DjangoAsked.recalled(self.known, variables, make, forget)


class Ways:
    """The ways from one place. Requests that have the same address are told apart by what was read of them."""

    def __init__(self) -> None:
        self._alike: dict[Address, Alike] = {}
        _all.add(self)

    def recall(self, address: Address | None, variables: Variables) -> Recalled | None:
        """Return what is known of a request; None where no other one has said the same."""
        alike = None if address is None else self._alike.get(address)
        if alike is None:
            return None
        header = variables.get("HTTP_COOKIE")
        if header and any(name in header for name in alike.cookies):
            return None
        said = tuple(map(variables.get, alike.names))
        try:
            known = alike.known.get(said)
        except TypeError:  # no text
            return None
        return None if known is None else Recalled(alike, said, known)

    def watch(
        self, address: Address | None, variables: Variables, asked: DjangoAsked
    ) -> DjangoAsked:
        """Let the way that the facts of a request lead be remembered once it is found."""
        if address is not None and type(asked.meta) is Watched:
            asked.learn = partial(self._keep, address, variables, asked)
        return asked

    def clear(self) -> None:
        """Forget all ways."""
        self._alike.clear()

    def _keep(self, address: Address, variables: Variables, asked: DjangoAsked, way: Way) -> None:
        names, cookies = frozenset(asked.meta.names), frozenset(asked.absent)  # type: ignore[attr-defined]
        if ALL in names:
            return
        alike = self._alike.get(address)
        if alike is None or not alike.covers(names, cookies):
            if alike is not None:
                names, cookies = names.union(alike.names), cookies | alike.cookies
            if len(names) + len(cookies) > MOST_NAMES:
                return
            alike = remember(self._alike, address, Alike(names, cookies), MOST)
        said = tuple(map(variables.get, alike.names))
        if all(value is None or type(value) is str for value in said):
            facts = {name: fact for name, fact in vars(asked).items() if name not in OF_ONE}
            remember(alike.known, said, {**facts, "way": way}, MOST_ALIKE)


def ambient() -> Address | None:
    """Return what decides about requests beside what they say; None where that is not sure to stay as it is."""
    zone = timezone.get_current_timezone()
    if type(zone) not in ZONES:
        return None
    return (
        zone,
        translation.get_language(),
        conf.get().enabled,
        settings.DEBUG,
        tuple(settings.ALLOWED_HOSTS),
        routes.stated.count,
    )


_all: WeakSet[Ways] = WeakSet()


@receiver(setting_changed)
def _forget(**_kwargs: object) -> None:
    for ways in _all:
        ways.clear()
