"""A Django request as the rules see it: every fact is read from the request as it came, before middleware."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from operator import attrgetter
from types import ModuleType
from typing import Any, Self
from urllib.parse import quote

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest, get_bytes_from_wsgi
from django.http import HttpRequest, QueryDict
from django.utils import translation
from django.utils.functional import cached_property

from pagecache import conf
from pagecache.bridge.arrivals import STOCK, Arrival, Watched
from pagecache.core import types
from pagecache.core.codings import takes
from pagecache.core.directives import NONE, Directives, directives
from pagecache.core.keys import Field
from pagecache.core.reasons import Reason
from pagecache.core.types import Input, Refused, Route, Way, remember
from pagecache.recording import ambient, messages
from pagecache.recording.stock import LEAVES_BODY

MOST = 1000  # hosts, each with the settings that it was accepted under; and queries
SHORT = 200  # characters of a query that is remembered
OWN_HOST = STOCK | {Arrival}  # whose host is what `Host` says, or a proxy's header

OF_VISITOR = frozenset({types.SESSION, types.USER, types.MESSAGES, types.HOLE})
UNCOVERED = {types.SESSION: Reason.SESSION, types.USER: Reason.USER}

_deciding = attrgetter(
    *("is_enabled", "method", "meta", "script", "path", "full_path", "scheme", "urlconf"),
    *("language", "language_before", "time_zone", "route"),
)

_accepted_hosts: dict[tuple[str | None, tuple[str, ...], bool], None] = {}


class DjangoAsked:
    """The facts of one request; made before the recorder sits on it."""

    # What all requests have in common that say the same, as far as it was found out.
    SHARED = (
        *("is_enabled", "method", "script", "path", "full_path", "scheme", "urlconf", "host"),
        *("active", "language", "language_before", "zone", "time_zone", "_encoding"),
        *("authenticated", "route", "has_messages", "outside", "directives"),
    )
    way: Way | None = None
    learn: Callable[[DjangoAsked, Way], None] | None = None
    _make: Callable[[], HttpRequest]
    _forget: Callable[[], object]

    def __init__(
        self, request: HttpRequest, *, derives_language: bool, shows_before: bool = False
    ) -> None:
        self.request = request
        self.absent: set[str] = set()  # cookies that were looked for
        self.is_enabled = conf.get().enabled
        self.method = request.method or ""
        self.meta: dict[str, Any] = request.META
        self.cookie_header: str = self.meta.get("HTTP_COOKIE", "")
        if isinstance(self.meta, Watched):  # what it holds counts only where a name is found in it
            self.meta.names.discard("HTTP_COOKIE")
        self.script = request.META.get("SCRIPT_NAME", "")
        self.path = request.path_info
        self.full_path = request.path
        self.scheme = request.scheme or ""
        self.urlconf = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
        self.active = ambient.language()  # left by whatever the thread did before
        self.language = self._language() if derives_language else self.active
        # What middleware may show before LocaleMiddleware activates a language.
        self.language_before = self.active if shows_before else ""
        self.zone = ambient.time_zone()
        self.time_zone = ambient.name_of(self.zone)
        self._encoding = request.encoding
        self.authenticated = conf.get().options.AUTHENTICATED
        self.route = Route(None)
        self.has_messages = False  # waiting in the session
        self.outside: Collection[str] = ()  # the middleware before pagecache

    @classmethod
    def recalled(
        cls,
        known: Mapping[str, Any],
        meta: dict[str, Any],
        make: Callable[[], HttpRequest],
        forget: Callable[[], object],
    ) -> Self:
        """Return the facts of a request that says what others said of whom this is known; `make` gives it itself."""
        asked = object.__new__(cls)
        asked.__dict__.update(known)
        asked.meta = meta
        asked.cookie_header = meta.get("HTTP_COOKIE", "")
        asked.absent = set()
        asked._make = make
        asked._forget = forget
        return asked

    @cached_property
    def request(self) -> Any:
        """The request itself."""
        return self._make()

    def found_way(self, way: Way) -> None:
        """Let others that say the same be led there, if they may be."""
        if self.learn is not None:
            self.learn(self, way)

    def lose_way(self) -> None:
        """Forget the way: more may be read of requests than was when it was found."""
        self._forget()
        self.way = None

    def is_same(self, other: DjangoAsked) -> bool:
        """Whether all that decides is the same, also what the thread, or the loop, had active."""
        return is_equal(_deciding(self), _deciding(other))

    def is_read_of(self, request: HttpRequest) -> bool:
        """Whether they would be read of a request with the same variables, as far as they are read of itself."""
        said = request.method, request.path, request.path_info, request.scheme, request.encoding
        known = self.method, self.full_path, self.path, self.scheme, self._encoding
        return is_equal(said, known) and getattr(request, "urlconf", None) is None

    @cached_property
    def host(self) -> str | None:
        """The host as Django accepts it, None where it does not."""
        if type(self.request) not in OWN_HOST or settings.USE_X_FORWARDED_HOST:
            return _accepted(self.request)
        try:
            stated = self.meta.get("HTTP_HOST"), tuple(settings.ALLOWED_HOSTS), settings.DEBUG
        except Exception:  # noqa: BLE001 code of the site, which raises it where the site asks for the host
            return None
        if stated in _accepted_hosts:
            return stated[0]
        host = _accepted(self.request)
        if host is not None and host == stated[0]:
            remember(_accepted_hosts, stated, None, MOST)
        return host

    @property
    def url(self) -> str:
        """The URL of the request without its query; without its host, where Django refuses that."""
        return f"{self.scheme}://{self.host or ''}{quote(self.full_path)}"

    @property
    def urlconf_name(self) -> str:
        """The dotted path of the URLconf; raises Refused where that is no module, but patterns, say."""
        if isinstance(self.urlconf, str):
            return self.urlconf
        if isinstance(self.urlconf, ModuleType):
            return self.urlconf.__name__
        raise Refused(Reason.OBJECT)

    @property
    def time_zone_name(self) -> str:
        """What tells the active time zone from all others; raises Refused where nothing does."""
        if self.time_zone is None:
            raise Refused(Reason.OBJECT)
        return self.time_zone

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies as the view sees them."""
        return dict(self.request.COOKIES) if self.meta.get("HTTP_COOKIE") else {}

    @cached_property
    def query(self) -> QueryDict:
        """The query as the view sees it, by the steps of its class; raises Refused where Django refuses it."""
        try:
            if isinstance(self.request, WSGIRequest):
                raw = get_bytes_from_wsgi(self.meta, "QUERY_STRING", "")
                return _parsed(raw, self._encoding)
            return _parsed(self.meta.get("QUERY_STRING", ""), None)
        except (SuspiciousOperation, UnicodeError) as error:
            raise Refused(Reason.QUERY) from error

    @property
    def has_session_cookie(self) -> bool:
        """Whether the visitor may have a session."""
        return self.cookie(settings.SESSION_COOKIE_NAME) is not None

    @property
    def keeps_session(self) -> bool:
        """Whether each request keeps the visitor's session alive for longer."""
        return settings.SESSION_SAVE_EVERY_REQUEST and self.has_session_cookie

    def cookie(self, name: str) -> str | None:
        """Return a cookie as the view sees it; none are parsed where the header does not hold its name."""
        if name not in self.cookie_header and name.isascii():
            self.absent.add(name)
            return None
        return self.cookies.get(name)

    def _language(self) -> str:
        """Return the language that LocaleMiddleware will activate, by its own steps."""
        request = self.request
        in_path, prefixed_default = is_language_prefix_patterns_used(self.urlconf)
        if (
            in_path
            and not prefixed_default
            and not translation.get_language_from_path(request.path_info)
        ):
            return settings.LANGUAGE_CODE
        is_ours = isinstance(self.meta, Watched)  # so that nobody else looks at its cookies
        if is_ours and self.cookie(settings.LANGUAGE_COOKIE_NAME) is None:
            request.COOKIES = {}  # the others say nothing about it
            try:
                return translation.get_language_from_request(request, check_path=in_path)
            finally:
                del request.COOKIES
        return translation.get_language_from_request(request, check_path=in_path)

    @property
    def has_sensitive_param(self) -> bool:
        """Whether the query holds a credential."""
        if not self.meta.get("QUERY_STRING"):
            return False
        try:
            return not conf.get().sensitive_params.isdisjoint(map(str.lower, self.query))
        except Refused:
            return True

    @cached_property
    def directives(self) -> Directives:
        """What the request says to caches; nothing where the site does not obey."""
        if not conf.get().options.OBEY_REQUEST_DIRECTIVES:
            return NONE
        return directives(self.meta.get("HTTP_CACHE_CONTROL"), self.meta.get("HTTP_PRAGMA", ""))

    @property
    def serves_ranges(self) -> bool:
        """Whether a part may be cut out of a page: nobody outside changes what is sent."""
        options = conf.get().options
        return options.RANGES and LEAVES_BODY.union(options.OBSERVERS).issuperset(self.outside)

    def takes(self, coding: str) -> bool:
        """Whether the client gets a page in a content coding that it is stored in."""
        is_as_made = "no-transform" in self.directives
        return not is_as_made and takes(self.meta.get("HTTP_ACCEPT_ENCODING"), coding)

    @property
    def is_refused_agent(self) -> bool:
        """Whether CommonMiddleware turns the client away; its name is read only where some are."""
        patterns = settings.DISALLOWED_USER_AGENTS
        agent = self.meta.get("HTTP_USER_AGENT", "") if patterns else ""
        return any(pattern.search(agent) for pattern in patterns)

    def value(self, item: Input, covered: frozenset[str]) -> Field:
        """Return the value of an input, None for absent; raises Refused where it cannot be in a key."""
        if item in self._values:
            return self._values[item]
        if item.kind not in OF_VISITOR:
            self._values[item] = value = self._read(item)
            return value
        if item.kind == types.MESSAGES and (self.has_messages or self.cookie(messages.COOKIE)):
            raise Refused(Reason.MESSAGES)
        if item.kind in UNCOVERED and item.kind not in covered and self.has_session_cookie:
            raise Refused(UNCOVERED[item.kind])
        return None

    @cached_property
    def _values(self) -> dict[Input, Field]:
        """Values that were found out: of what a visitor has, none, for that may change meanwhile."""
        return {}

    def _read(self, item: Input) -> Field:
        name = item.name
        match item.kind:
            case types.QUERY:
                return tuple(self.query.getlist(name)) if name in self.query else None
            case types.COOKIE:
                declared, reason = conf.get().cookies, Reason.UNDECLARED_COOKIE
                return _declared(self.cookie(name), name, declared, reason)
            case types.HEADER:
                declared, reason = conf.get().headers, Reason.UNDECLARED_HEADER
                return _declared(self.header(name), name, declared, reason)
            case types.VARY:
                return self.header(name)
        return _text(self.meta.get("QUERY_STRING" if item.kind == types.QUERY_STRING else name))

    def header(self, name: str) -> str | None:
        """Return a header field as the server hands it over."""
        key = name.upper().replace("-", "_")
        return _text(
            self.meta.get(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + key)
        )


def is_equal(one: object, other: object) -> bool:
    """Whether two things are equal; what cannot be compared is not, whoever put it among the server's variables."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 code of the site
        return False


def _parsed(raw: str | bytes, encoding: str | None) -> QueryDict:
    """Return a query as Django parses it; it cannot be changed, and so a short one is remembered."""
    parse = _parsed_once if len(raw) <= SHORT else _parse
    return parse(raw, encoding or settings.DEFAULT_CHARSET, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)


def _parse(raw: str | bytes, encoding: str, _most: int | None) -> QueryDict:
    return QueryDict(raw, encoding=encoding)


_parsed_once = lru_cache(MOST)(_parse)


def _accepted(request: HttpRequest) -> str | None:
    try:
        return request.get_host()
    except Exception:  # noqa: BLE001 it is refused, there is none, or code of the site found no hosts
        return None


def _declared(
    value: str | None, name: str, declared: Mapping[str, frozenset[str] | None], reason: Reason
) -> str | None:
    """A value keys only where the site declared the name, and the value if it named values."""
    if value is None:
        return None
    if name not in declared:
        raise Refused(reason)
    allowed = declared[name]
    if allowed is not None and value not in allowed:
        raise Refused(reason)
    return value


def _text(value: object) -> str | None:
    """Text of the server keys as it is; no text that an object gives can stand for the object."""
    if value is None or type(value) is str:
        return value
    raise Refused(Reason.OBJECT)
