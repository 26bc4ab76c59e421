"""What a call of Django's cache API means for the page that makes it: a value that it got there is data too.

What is declared for the key (`CACHE_READS`, and what is known of packages) decides: the page depends on tags, the value
may be old, the key is missed while the page is made, or the page is not stored. The store's own backends are none of
it, and what runs inside a call that was judged is not judged again.
"""

import asyncio
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple

from django.dispatch import receiver

from pagecache import conf
from pagecache.core.reasons import Reason
from pagecache.events import logger, settings_reloaded
from pagecache.options import MISS
from pagecache.recording import known
from pagecache.recording.recorder import (
    Bystander,
    CacheCall,
    Recorder,
    active,
    cache_call,
    current,
    refuse_all,
)
from pagecache.stores.generic import key_as_is
from pagecache.tags import tags_of


class Use(Enum):
    """What a method of cache backends tells of its keys."""

    GET = auto()  # the value, or a default
    HAS = auto()  # whether there is one
    MANY = auto()  # the values of several keys
    FILL = auto()  # by the way, whether there was one
    SET = auto()  # nothing, or likewise where it is given a condition
    CHANGE = auto()  # what the value was, or has become
    MAKE = auto()  # the value, or one that code of the site makes meanwhile
    WRITE = auto()  # nothing
    OTHER = auto()  # nobody knows what


MISSABLE = frozenset({Use.GET, Use.HAS, Use.MANY})  # can be answered as if nothing were there
FILLS = frozenset({Use.FILL, Use.SET})
DONE: dict[Use, Any] = {Use.FILL: True, Use.SET: None, Use.WRITE: []}  # what a call says that wrote
USES = {
    "get": Use.GET,
    "__contains__": Use.HAS,
    "has_key": Use.HAS,
    "get_many": Use.MANY,
    "add": Use.FILL,
    "delete": Use.FILL,
    "set": Use.SET,
    "decr": Use.CHANGE,
    "decr_version": Use.CHANGE,
    "incr": Use.CHANGE,
    "incr_version": Use.CHANGE,
    "touch": Use.CHANGE,
    "get_or_set": Use.MAKE,
    "clear": Use.WRITE,
    "close": Use.WRITE,
    "delete_many": Use.WRITE,
    "set_many": Use.WRITE,
}
USES |= {f"a{name}": use for name, use in USES.items()}
UNCONDITIONAL = {"key", "value", "timeout", "version"}  # what Django's own `set` takes

Meaning = frozenset[str] | str | None  # tags, MISS, or None for what nobody declared
Page = Recorder | None  # None for code of no request


@dataclass(slots=True)
class Call:
    """How a call goes on that a page, or code without a request, makes while pages are made."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    whose: CacheCall | None = CacheCall.SITE
    is_answered: bool = False
    answer: Any = None


class Declaration(NamedTuple):
    """What some keys of a cache stand for; an alias of None is any cache."""

    matches: Callable[[str], object]
    alias: str | None
    meaning: Meaning


def notice(
    use: Use, backend: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, awaited: bool
) -> Call | None:
    """Record what a call means; None where it means nothing and goes on as it came."""
    if not active or cache_call.get() is not None:
        return None
    within = current.get()
    if isinstance(within, Bystander) and not within.is_over:
        return None
    page = within if isinstance(within, Recorder) and not within.is_over else None
    call = Call(args, kwargs, None if use is Use.MAKE else CacheCall.SITE)
    if getattr(backend, "key_func", None) is key_as_is:
        call.whose = CacheCall.OWN
    elif use is Use.OTHER:
        _refuse(page, "(all)")
    elif _tells(use, args, kwargs):
        _judge(call, use, backend, page, awaited=awaited)
    if page is not None and use in DONE and _holds_hole(page, (args, kwargs)):
        call.is_answered, call.answer = True, DONE[use]
    return call


def _holds_hole(page: Recorder, written: Any) -> bool:
    """Whether something has what one visitor sees between the marks of a page, which nobody else would take off.

    It is not kept, as in a cache that is full.
    """
    numbers = [one.mark for one in page.given if one.mark]
    try:
        data = pickle.dumps(written) if numbers else b""
    except Exception:  # noqa: BLE001 the cache says so itself
        return False
    return any(number in data for number in numbers)


def of_session(
    _session: Any, args: tuple[Any, ...], kwargs: dict[str, Any], **_awaited: bool
) -> Call | None:
    """Let a session read its cache: that is recorded where the session is used."""
    return Call(args, kwargs, CacheCall.OWN) if active else None


def _tells(use: Use, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the answer says something about a key."""
    if use is Use.SET:
        return len(args) > len(UNCONDITIONAL) or not kwargs.keys() <= UNCONDITIONAL
    return use is not Use.WRITE and bool(args or kwargs)


def _judge(call: Call, use: Use, backend: Any, page: Page, *, awaited: bool) -> None:
    """Record what the keys of a call stand for, and answer for those that are missed."""
    can_miss = use in MISSABLE and page is not None and (awaited or not _is_on_loop())
    if use is not Use.MANY:
        key = call.args[0] if call.args else call.kwargs.get("key")
        if _is_missed(key, use, backend, page, can_miss=can_miss):
            call.is_answered = True
            call.answer = False if use is Use.HAS else _default(call)
        return
    keys, rest = list(call.args[0] if call.args else call.kwargs.pop("keys", ())), call.args[1:]
    asked = [key for key in keys if not _is_missed(key, use, backend, page, can_miss=can_miss)]
    call.args = (asked, *rest)
    if keys and not asked:
        call.is_answered, call.answer = True, {}


def _is_missed(key: Any, use: Use, backend: Any, page: Page, *, can_miss: bool) -> bool:
    """Record what a key stands for; gives whether to say that nothing is there."""
    match _meaning(str(key), backend):
        case "miss" if can_miss:
            return True
        case "miss" if use in FILLS:
            pass
        case frozenset() as tags if page is not None:
            page.depend(tags)
        case frozenset() as tags if not tags:
            pass
        case _:
            _refuse(page, key)
    return False


def _default(call: Call) -> Any:
    return call.args[1] if len(call.args) > 1 else call.kwargs.get("default")


def _is_on_loop() -> bool:
    """Whether an event loop waits: there a value that is missed cannot be made from the database."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _refuse(page: Page, key: object) -> None:
    """Refuse the page; for code of no request those that are being made: any may have asked it."""
    logger.debug("The cache was read under a key that CACHE_READS does not declare: %r", key)
    if page is None:
        refuse_all(Reason.FOREIGN)
    else:
        page.refuse(Reason.CACHE_READ)


def _meaning(key: str, backend: Any) -> Meaning:
    """Return what is declared for a key; the first that matches wins."""
    return next(
        (
            item.meaning
            for item in _declarations()
            if item.matches(key) and item.alias in {None, getattr(backend, "pagecache_alias", None)}
        ),
        None,
    )


@lru_cache(1)
def _declarations() -> tuple[Declaration, ...]:
    """Return what the site declares, then what is known of the packages that it uses."""
    stated = conf.get().options.CACHE_READS or {}
    return (
        *(Declaration(_pattern(text), None, _stated(says)) for text, says in stated.items()),
        *(Declaration(_pattern(text), alias, frozenset()) for alias, text in known.version_keys()),
        *(Declaration(_pattern(text), alias, MISS) for alias, text in known.missed_keys()),
    )


def _stated(says: Any) -> Meaning:
    return MISS if says == MISS else tags_of(says or ())


def _pattern(text: str) -> Callable[[str], object]:
    """Return a predicate for whole keys: `*` stands for any characters, everything else for itself."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL).fullmatch


@receiver(settings_reloaded)
def _forget(**_kwargs: Any) -> None:
    _declarations.cache_clear()
