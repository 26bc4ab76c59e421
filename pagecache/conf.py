"""The setting `PAGECACHE`: one dict, read once into a frozen, validated object."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.cache.backends.db import DatabaseCache
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from pagecache import packing
from pagecache.core.codec import Sealer
from pagecache.core.codings import GZIP, Coding
from pagecache.core.footprint import table_name
from pagecache.core.targeted import Dictionary
from pagecache.core.types import UNSET, Policy, Segment, Unset
from pagecache.core.urls import Pattern, compile_pattern
from pagecache.events import settings_reloaded
from pagecache.options import Options, problems

USUAL = (200,)  # statuses that are stored


@dataclass(frozen=True, slots=True)
class Rule:
    """One of `RULES`: what holds for the paths or views that its pattern matches."""

    matches: Pattern
    policy: Policy
    segment: Segment | None


@dataclass(frozen=True, slots=True)
class Config:
    """The settings as the code uses them."""

    options: Options
    exclude: tuple[Pattern, ...]
    include: tuple[Pattern, ...]
    rules: tuple[Rule, ...]
    cookies: Mapping[str, frozenset[str] | None]
    headers: Mapping[str, frozenset[str] | None]
    sensitive_params: frozenset[str]
    statuses: frozenset[int]
    routines: frozenset[str]
    ignored: frozenset[str]
    cache_tables: frozenset[str]
    aliases: Mapping[str, frozenset[str]]
    prefix: str
    segment: Segment
    reveal: Callable[[Any], object]
    sealer: Sealer | None
    coding: Coding | None  # that pages are stored in
    dictionary: Dictionary | None  # what parses structured fields, where its package is installed

    @property
    def enabled(self) -> bool:
        """Whether pages are looked up and stored; asked each time, for a test runner sets up after Django.

        What it goes by is compared in `bridge.addresses.beside`, too.
        """
        if self.options.ENABLED is not None:
            return self.options.ENABLED
        under_test_runner = hasattr(mail, "outbox")  # made by setup_test_environment
        return not settings.DEBUG and not under_test_runner

    def coding_of(self, name: str) -> Coding | None:
        """Return a coding that stored pages can be opened by, None for one that is not there."""
        own = self.coding
        return next((one for one in (GZIP, own) if one is not None and one.name == name), None)

    @property
    def is_by_the_book(self) -> bool:
        """Whether nobody but the responses says what is kept, of any status."""
        return self.options.TIMEOUT == 0 and self.options.STATUSES is None

    @property
    def asks_by_itself(self) -> bool:
        """Whether pages may be made that nobody asked for: where the site says so, or lets some be old meanwhile."""
        options = self.options
        wants = bool(options.STALE_WHILE_REVALIDATE or options.EARLY_REFRESH)
        return wants if options.BACKGROUND is None else options.BACKGROUND

    @property
    def doubt(self) -> float:
        """Seconds for which a transaction that writes leaves its data unsettled, at most; 0 without two phases."""
        return self.options.MAX_TRANSACTION_SECONDS if self.options.TWO_PHASE else 0.0


# What `get` returned last: for what runs at each hit, which asks for no more than that.
last: Config | None = None


def get() -> Config:
    """Return the settings; raises ImproperlyConfigured, naming key, value and fix, where they are wrong."""
    global last  # noqa: PLW0603 read once for the process
    if last is None:
        last = _read()
    return last


def _read() -> Config:
    stated = getattr(settings, "PAGECACHE", {})
    if found := problems(stated):
        raise ImproperlyConfigured(" ".join(found[0]))
    options = Options(**stated)
    cache = settings.CACHES.get(options.CACHE, {})
    cache_tables = _cache_tables()
    return Config(
        options=options,
        exclude=tuple(map(compile_pattern, options.EXCLUDE)),
        include=tuple(map(compile_pattern, options.INCLUDE)),
        rules=tuple(map(_rule, options.RULES)),
        cookies=_declaration(options.KEY_COOKIES),
        headers={
            name.lower(): allowed for name, allowed in _declaration(options.KEY_HEADERS).items()
        },
        sensitive_params=frozenset(name.lower() for name in options.SENSITIVE_PARAMS),
        statuses=frozenset(USUAL if options.STATUSES is None else options.STATUSES),
        routines=frozenset(name.lower() for name in options.ROUTINES),
        ignored=_ignored(options) | cache_tables,
        cache_tables=cache_tables,
        aliases=_aliases(options.ALIASES or {}),
        prefix=f"{cache.get('KEY_PREFIX', '')}:{options.KEY_PREFIX}",
        segment=function("SEGMENT", options.SEGMENT),
        reveal=_nobody if options.REVEAL is None else function("REVEAL", options.REVEAL),
        sealer=sealer(options.ENCRYPT) if options.ENCRYPT else None,
        coding=coding(options.COMPRESS) if options.COMPRESS else None,
        dictionary=_dictionary(),
    )


def function(key: str, path: str) -> Callable[[Any], Any]:
    """Return what a dotted path in `PAGECACHE` leads to; raises ImproperlyConfigured unless it can be called."""
    try:
        found = import_string(path)
    except ImportError as error:
        message = f"PAGECACHE[{key!r}] names {path!r}, which cannot be imported: {error}."
        raise ImproperlyConfigured(message) from error
    if not callable(found):
        message = f"PAGECACHE[{key!r}] names {path!r}, which is no function of a request."
        raise ImproperlyConfigured(message)
    named: Callable[[Any], Any] = found
    return named


def sealer(secrets: Sequence[str | bytes]) -> Sealer:
    """Return what seals with the first secret and opens with all; raises ImproperlyConfigured without its package."""
    try:
        sealing = import_module("pagecache.sealing")
    except ImportError as error:
        raise ImproperlyConfigured(
            f"PAGECACHE['ENCRYPT'] needs a package: pip install \"django-pagecache[encrypt]\" ({error})"
        ) from error
    made: Sealer = sealing.AesSealer(secrets)
    return made


def coding(stated: bool | str) -> Coding:  # noqa: FBT001 a setting
    """Return the coding that `COMPRESS` names, True for gzip; raises ImproperlyConfigured without its package."""
    name = "gzip" if stated is True else str(stated)
    try:
        return packing.coding(name)
    except ImportError as error:
        extra = packing.EXTRAS[name]
        raise ImproperlyConfigured(
            f"PAGECACHE['COMPRESS'] needs a package: pip install \"django-pagecache[{extra}]\" ({error})"
        ) from error


def _dictionary() -> Dictionary | None:
    try:
        made: Dictionary = import_module("pagecache.structured").dictionary
    except ImportError:
        return None
    return made


def _nobody(_request: Any) -> bool:
    return False


def _rule(stated: Mapping[str, Any]) -> Rule:
    timeout: float | Unset | None = stated.get("timeout", UNSET)
    policy = Policy(
        timeout=timeout,
        tags=tuple(stated.get("tags", ())),
        min_hits=stated.get("min_hits"),
        min_cost=stated.get("min_cost"),
    )
    path = stated.get("segment")
    segment = None if path is None else function("RULES", path)
    return Rule(compile_pattern(stated["match"]), policy, segment)


def _declaration(stated: Any) -> Mapping[str, frozenset[str] | None]:
    if isinstance(stated, dict):
        return {
            name: None if allowed is None else frozenset(allowed)
            for name, allowed in stated.items()
        }
    return dict.fromkeys(stated)


def _ignored(options: Options) -> frozenset[str]:
    """Tables whose writes mean nothing for pages."""
    stated = options.IGNORE
    if stated is None:
        stated = [
            "django_session",
            "django_admin_log",
            "django_migrations",
            f"{_user_table()}.last_login",
        ]
    return frozenset(name.lower() for name in stated)


def _aliases(stated: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """Return for each view the tables that it is made of, through other views too."""
    made_of = {table_name(name): set(map(table_name, tables)) for name, tables in stated.items()}
    for _ in made_of:
        for tables in made_of.values():
            tables |= {more for table in tuple(tables) for more in made_of.get(table, ())}
    return {name: frozenset(tables) for name, tables in made_of.items()}


def _cache_tables() -> frozenset[str]:
    """Tables of DatabaseCache, which pages read only through Django's cache API."""
    caches = filter(_is_in_database, settings.CACHES.values())
    return frozenset(str(cache["LOCATION"]).lower() for cache in caches)


def _is_in_database(cache: Mapping[str, Any]) -> bool:
    try:
        return issubclass(import_string(cache.get("BACKEND", "")), DatabaseCache)
    except ImportError:
        return False


def _user_table() -> str:
    from django.apps import apps  # noqa: PLC0415 only once the registry is there

    try:
        return str(apps.get_model(settings.AUTH_USER_MODEL)._meta.db_table)
    except (LookupError, ValueError):
        return "auth_user"


def _forget(*, setting: str, **_kwargs: Any) -> None:
    global last  # noqa: PLW0603 read once for the process
    if setting in {
        "PAGECACHE",
        "CACHES",
        "MIDDLEWARE",
        "DEBUG",
        "ROOT_URLCONF",
        "AUTH_USER_MODEL",
        "INSTALLED_APPS",
    }:
        last = None
        settings_reloaded.send(sender=None)


setting_changed.connect(_forget, dispatch_uid="pagecache.conf")
