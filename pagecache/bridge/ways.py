"""Ways from requests to their pages, remembered: whoever says the same again is led to the same page.

Which page a request is for is a function of what was read of it, too. The first time, the names of what is read are
taken down; the next request that has the same values under these names need not be read any more. What is remembered
is where that leads to, never what is there.
"""

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from copy import copy
from datetime import timezone as fixed_offset
from functools import partial
from threading import get_ident
from typing import Any, NamedTuple
from weakref import WeakSet
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import trans_real

from pagecache import conf
from pagecache.bridge import routes
from pagecache.bridge.arrivals import ALL, Watched, is_in_scope
from pagecache.bridge.asked import DjangoAsked
from pagecache.core.types import UNSET, Way, remember

MOST = 10_000  # addresses, of one place
MOST_ALIKE = 8  # ways of one address
MOST_NAMES = 64  # by which these are told apart
MOST_TEXT = 1000  # characters by which one is
ZONES = {ZoneInfo, fixed_offset}  # which always say the same of themselves
COOKIES = "HTTP_COOKIE"
ABSENT = object()

Address = tuple[Hashable, ...]
Variables = dict[str, Any]
Known = dict[str, Any]  # the facts of all requests that say the same


class Alike:
    """What leads from one address, and what that depends on: variables, and cookies that none of the requests has."""

    __slots__ = ("_absent", "cookies", "known", "names")

    def __init__(self, names: frozenset[str], cookies: frozenset[str]) -> None:
        self.names = tuple(names)
        self._absent = (ABSENT,) * len(names)
        self.cookies = cookies
        self.known: dict[tuple[Any, ...], Known] = {}

    def covers(self, names: frozenset[str], cookies: frozenset[str]) -> bool:
        """Whether requests are told apart by all of these."""
        return names.issubset(self.names) and cookies <= self.cookies

    def said(self, variables: Variables) -> tuple[Any, ...]:
        """Return what a request says."""
        return tuple(map(variables.get, self.names, self._absent))


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
    """The ways from one place. Requests that have the same address are told apart by what was read of them.

    Apart, too, by whether their cookies were read beyond that some are absent: each visitor may have others.
    """

    def __init__(self) -> None:
        self._alike: dict[tuple[Address, bool], Alike] = {}
        _all.add(self)

    def recall(self, address: Address | None, variables: Variables) -> Recalled | None:
        """Return what is known of a request; None where no other one has said the same."""
        if address is None:
            return None
        alike = self._alike.get((address, False))
        header = variables.get(COOKIES)
        if header and (alike is None or any(name in header for name in alike.cookies)):
            alike = self._alike.get((address, True))
        if alike is None:
            return None
        said = alike.said(variables)
        try:
            known = alike.known.get(said)
        except TypeError:  # no text
            return None
        is_so = known is not None and routes.holds(known["route"], *known["routed"])
        return Recalled(alike, said, known) if known is not None and is_so else None

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


def _keep(
    known: dict[tuple[Address, bool], Alike],
    address: Address,
    variables: Variables,
    asked: DjangoAsked,
    way: Way,
) -> None:
    """Remember what is known of a request, and its way, for all that was read to find it."""
    names = frozenset(asked.meta.names)  # type: ignore[attr-defined]
    has_read_cookies = COOKIES in names
    cookies = frozenset() if has_read_cookies else frozenset(asked.absent)
    place = address, has_read_cookies
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
    routed = asked.path, asked.urlconf, asked.language
    facts = {name: vars(asked)[name] for name in DjangoAsked.SHARED if name in vars(asked)}
    remember(alike.known, said, {**facts, "way": way, "routed": routed}, MOST_ALIKE)


def _keep_scope(
    known: dict[tuple[Address, bool], Alike],
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


def address_of(request: HttpRequest, *more: Hashable) -> Address | None:
    """Return what requests are told apart by first; None where they are to be read each time."""
    if request.method not in {"GET", "HEAD"} or "urlconf" in request.__dict__:
        return None
    return _addressed(
        request.method,
        request._get_scheme(),  # type: ignore[attr-defined]  # noqa: SLF001 as the server says
        request.path,
        request.path_info,
        request.META.get("SCRIPT_NAME"),
        request.META.get("QUERY_STRING"),
        *more,
    )


def address_in(environ: Variables) -> Address | None:
    """Return the same for a WSGI request that is not made yet."""
    method = environ.get("REQUEST_METHOD")
    if method not in {"GET", "HEAD"} or "wsgi.input" not in environ:
        return None
    return _addressed(
        method,
        environ.get("SCRIPT_NAME"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
    )


def address_in_scope(scope: Variables) -> Address | None:
    """Return the same for an ASGI request that is not made yet."""
    method = scope.get("method")
    if method not in {"GET", "HEAD"}:
        return None
    return _addressed(
        method,
        scope.get("scheme"),
        scope.get("root_path"),
        scope.get("path"),
        scope.get("query_string"),
    )


def _addressed(*said: Hashable) -> Address | None:
    """Return an address, with what decides about requests beside what they say; None where that is not sure to stay."""
    language, token = _noted()
    spoken = _active(trans_real._active)  # type: ignore[attr-defined]  # noqa: SLF001 where Django has it
    if spoken is not None:
        language = translation.get_language() if spoken is UNSET else spoken.to_language()
    zone = _active(timezone._active)  # type: ignore[attr-defined]  # noqa: SLF001 the same
    if zone is None:
        zone = timezone.get_default_timezone()
    elif zone is UNSET:
        zone = timezone.get_current_timezone()
    if type(zone) not in ZONES:
        return None
    return *said, language, zone, zone.tzname(None), conf.get().enabled, token


def _active(local: Any) -> Any:
    """Return what a thread has active, None for nothing, `UNSET` where that is not to be seen at once.

    To ask for what is not there takes longer than all the rest of a hit, for the text of an error that nobody reads.
    """
    held = getattr(getattr(local, "_storage", None), "_data", None)
    if type(held) is not ContextVar:
        return UNSET
    stored: Any = held.get(None)
    if stored is None:
        return None
    thread, data = getattr(stored, "thread_id", None), getattr(stored, "data", None)
    return data.get("value") if thread == get_ident() and type(data) is dict else UNSET


class Noted(NamedTuple):
    """Settings that sites, and test runners, change without a word; an object stands for their values."""

    is_debugging: Any
    hosts: Any
    agents: Any
    token: object


def _noted() -> tuple[Any, object]:
    """Return the site's language, and what stands for other settings as they are now.

    What was asked for before is found without the steps of a lazy object.
    """
    global _settings  # noqa: PLW0603 as they were last
    known = object.__getattribute__(settings, "__dict__")
    try:
        language, is_debugging, hosts, agents = (
            known["LANGUAGE_CODE"],
            known["DEBUG"],
            known["ALLOWED_HOSTS"],
            known["DISALLOWED_USER_AGENTS"],
        )
    except KeyError:
        language, is_debugging = settings.LANGUAGE_CODE, settings.DEBUG
        hosts, agents = settings.ALLOWED_HOSTS, settings.DISALLOWED_USER_AGENTS
    now = _settings
    if now.is_debugging != is_debugging or now.hosts != hosts or now.agents != agents:
        now = _settings = Noted(is_debugging, copy(hosts), copy(agents), object())
    return language, now.token


_settings = Noted(None, [], [], object())
_all: WeakSet[Ways] = WeakSet()


@receiver(setting_changed)
def _forget(**_kwargs: object) -> None:
    for ways in _all:
        ways.clear()
