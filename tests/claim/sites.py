"""Random sites: a lane, settings of Django and of pagecache, and middleware around a random view."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from tests.claim.programs import Program, programmed
from tests.claim.stage import OWN
from tests.claim.surfaces import SURFACES
from tests.lanes import (
    DECORATOR_ASYNC,
    DECORATOR_SYNC,
    LAST_ASYNC,
    LAST_SYNC,
    MEMORY,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    Kind,
)

SYNC = (*[MIDDLEWARE_SYNC] * 9, *[DECORATOR_SYNC] * 3, LAST_SYNC)
KINDS = (*SYNC, *[MIDDLEWARE_ASYNC] * 2, DECORATOR_ASYNC, LAST_ASYNC)
LOCALE = "django.middleware.locale.LocaleMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
BY_USER = "pagecache.segments.by_user"
SEGMENTS = (
    BY_USER,
    BY_USER,
    "pagecache.segments.by_group",
    "pagecache.segments.by_permissions",
    "tests.lanes_site.access.by_country",
)
OF_VISITORS = {"user", "auser", "session", "asession"}
SIGNED = "signed_cookies"
ENGINES = (*[SIGNED] * 6, "cache", "cache", "db")

# What settings may be, beside their defaults.
DJANGO: dict[str, tuple[Any, ...]] = {
    "ALLOWED_HOSTS": (["testserver", ".example"], ["testserver", "one.example"]),
    "CSRF_USE_SESSIONS": (True,),
    "FORCE_SCRIPT_NAME": ("/app",),
    "LANGUAGE_CODE": ("de",),
    "MESSAGE_STORAGE": (
        "django.contrib.messages.storage.session.SessionStorage",
        "django.contrib.messages.storage.cookie.CookieStorage",
    ),
    "SECURE_PROXY_SSL_HEADER": (("HTTP_X_FORWARDED_PROTO", "https"),),
    "SECURE_SSL_REDIRECT": (True,),
    "SESSION_COOKIE_NAME": ("own", "cart"),
    "SESSION_SAVE_EVERY_REQUEST": (True,),
    "USE_X_FORWARDED_HOST": (True,),
    "USE_X_FORWARDED_PORT": (True,),
}
PAGES: dict[str, tuple[Any, ...]] = {
    "DOWNSTREAM_MAX_AGE": (60,),
    "KEY_COOKIES": (
        ["theme"],
        {"theme": ["light"], "cart": None},
        ["theme", "cart", "_ga", "django_language", "signed"],
    ),
    "KEY_HEADERS": (
        ["X-Fruit"],
        {"X-Fruit": ["apple"], "Accept": None},
        ["HX-Request", "User-Agent", "Accept-Language"],
    ),
    "MAX_INPUTS": (1, 2),
    "STATUSES": ([200, 301, 404],),
}


@dataclass(frozen=True)
class Site:
    """How a site is set up."""

    kind: Kind
    program: Program
    store: str = MEMORY
    engine: str = SIGNED
    django: Mapping[str, Any] = field(default_factory=dict)
    pages: Mapping[str, Any] = field(default_factory=dict)  # of `PAGECACHE`
    before: tuple[str, ...] = ()  # middleware before the stock one
    behind: tuple[str, ...] = ()
    declared: bool = False  # whether middleware that may be is named in `OUTSIDE`

    def __str__(self) -> str:
        about = {**self.django, **self.pages, "SESSION_ENGINE": self.engine}
        around = f"{self.before} stock {self.behind}{' declared' * self.declared}"
        return f"{self.kind.name} on {self.store}, {about}, {around}\n{self.program}"


def set_up(dice: random.Random, stores: tuple[str, ...]) -> Site:
    """Return a random site."""
    kind, pages = dice.choice(KINDS), _some(dice, PAGES, 0.2)
    pages["AUTHENTICATED"] = dice.choice(["bypass", "unread", "unread", "segment"])
    if pages["AUTHENTICATED"] == "segment" or dice.random() < 0.1:
        pages["SEGMENT"] = dice.choice(SEGMENTS)
    inside = not (kind.decorated or kind.last)
    surfaces = _surfaces(pages.get("SEGMENT", BY_USER), on_loop=kind.on_loop)
    program = programmed(dice, surfaces, inside=inside or dice.random() < 0.1)
    needs = _needs(dice, program)
    declared = not inside and dice.random() < 0.7
    around = _Around(dice, program, inside=inside, declared=declared)
    before, behind = around.middleware(locale="LOCALE" in needs, guests="SEGMENT" not in pages)
    django = _some(dice, DJANGO, 0.07) | {k: v for k, v in needs.items() if k in DJANGO}
    store, engine = dice.choice(stores), dice.choice(ENGINES)
    pages |= _some(dice, {"REVEAL": (None,)}, 0.3)
    return Site(
        kind,
        program,
        store=store,
        engine=engine,
        django=django,
        pages=pages | {k: v for k, v in needs.items() if k in PAGES},
        before=before,
        behind=behind,
        declared=declared,
    )


def _some(dice: random.Random, of: Mapping[str, tuple[Any, ...]], share: float) -> dict[str, Any]:
    return {name: dice.choice(values) for name, values in of.items() if dice.random() < share}


def _needs(dice: random.Random, program: Program) -> dict[str, Any]:
    """Return the settings under which what a program reads is read, mostly."""
    likely = [SURFACES[read.surface].needs for read in program.reads if dice.random() < 0.7]
    return {name: value for needs in likely for name, value in needs.items()}


def _surfaces(segment: str, *, on_loop: bool) -> list[str]:
    """Return what pages may show: where a class of visitors has several people, nothing of a single one."""
    surfaces = [*SURFACES, *["scope", "auser", "asession"] * 5 * on_loop]
    return [name for name in surfaces if segment == BY_USER or name not in OF_VISITORS]


@dataclass
class _Around:
    """Draws what stands around the stock middleware."""

    dice: random.Random
    program: Program
    _: KW_ONLY
    inside: bool  # whether it stands inside pagecache
    declared: bool

    def middleware(self, *, locale: bool, guests: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what stands before and what stands behind."""
        before = self._one_of("Zones", self.inside, 0.1)
        behind = [GZIP] * self._luck(0.1)
        (before if self._luck(0.5) else behind).extend([LOCALE] * (locale or self._luck(0.2)))
        may_be = self.inside or self.declared
        behind += self._one_of("Reroutes", may_be, 0.5 if self._reads("urlconf") else 0.1)
        behind += self._one_of("Nonces", may_be, 0.9 if self._reads("nonce") else 0.05)
        # Headers are a copy once somebody looked at them.
        writes_headers = any(
            "written over" in read.surface or "del" in read.use for read in self.program.reads
        )
        behind += self._one_of("Touches", may_be and not writes_headers, 0.2)
        behind += self._one_of("Guests", self.inside and guests, 0.1)
        reads = [OWN + "Reads"] * self.program.is_read_inside
        if self._luck(0.5):
            return (*reads, *before), tuple(behind)
        return tuple(before), (*behind, *reads)

    def _luck(self, share: float) -> bool:
        return self.dice.random() < share

    def _one_of(self, name: str, may_be: bool, share: float) -> list[str]:
        return [OWN + name] * (may_be and self._luck(share))

    def _reads(self, surface: str) -> bool:
        return any(read.surface == surface for read in self.program.reads)
