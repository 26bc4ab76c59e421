"""Which language and time zone are active, found out without the steps of the Locals that Django keeps them in.

To ask one of these for what is not there takes long, for the text of an error that nobody reads.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import timezone as fixed_offset
from datetime import tzinfo
from threading import get_ident
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import trans_real

from pagecache.core.types import UNSET


def language() -> str | None:
    """Return the language that is active, None where translations are switched off."""
    spoken = held_by(trans_real._active)  # type: ignore[attr-defined]  # noqa: SLF001 where Django has it
    return settings.LANGUAGE_CODE if spoken is None else language_of(spoken)


def language_of(spoken: Any) -> str | None:
    """Return the language of what is held as active."""
    tells = getattr(spoken, "to_language", translation.get_language)
    found: str | None = tells()
    return found


def speaking(language: str | None) -> AbstractContextManager[None]:
    """Have a language active inside, None for none; where nothing was active, nothing is afterwards."""
    was_silent = held_by(trans_real._active) is None  # type: ignore[attr-defined]  # noqa: SLF001 the same
    return translation.override(language, deactivate=was_silent)


def time_zone() -> tzinfo:
    """Return the time zone that is active."""
    zone = held_by(timezone._active)  # type: ignore[attr-defined]  # noqa: SLF001 the same
    if zone is None:
        return timezone.get_default_timezone()
    found: tzinfo = timezone.get_current_timezone() if zone is UNSET else zone
    return found


def held() -> tuple[object, object]:
    """Return the objects that the active language and time zone are found by; where that is not seen, new ones.

    It finds what `held_by` finds of both, in fewer steps: each request asks.
    """
    global _places  # noqa: PLW0603 as they were last
    languages, zones, language_in, zone_in = _places
    if trans_real._active is not languages or timezone._active is not zones:  # type: ignore[attr-defined]  # noqa: SLF001
        _places = languages, zones, language_in, zone_in = _found_places()
    try:
        spoken, zone = language_in.get(None), zone_in.get(None)
        if spoken is not None:
            if spoken.thread_id != get_ident():
                return object(), object()
            spoken = spoken.data.get("value")
        if zone is not None:
            if zone.thread_id != get_ident():
                return object(), object()
            zone = zone.data.get("value")
    except AttributeError:
        return object(), object()
    return spoken, timezone.get_default_timezone() if zone is None else zone


@contextmanager
def as_active() -> Iterator[None]:
    """Have active again, after what runs inside, what was: what that is for one visitor, the page is not to show."""
    spoken, zone = language(), time_zone()
    try:
        yield
    finally:
        if language() != spoken:
            translation.deactivate_all() if spoken is None else translation.activate(spoken)
        if time_zone() != zone:
            timezone.activate(zone)


def name_of(zone: tzinfo) -> str | None:
    """Return what tells a time zone from all others; None for one of a kind that says too little of itself."""
    kind = type(zone)
    if kind is fixed_offset:
        return f"{zone.tzname(None)} {zone.utcoffset(None)}"
    if kind is ZoneInfo:
        return zone.key  # type: ignore[attr-defined, no-any-return]  # None where it was read from a file
    return repr(zone) if kind.__module__.partition(".")[0] == "pytz" else None


def _variable_of(local: Any) -> Any:
    """Return the variable in which a Local holds what it does; None where that is not seen."""
    variable = getattr(getattr(local, "_storage", None), "_data", None)
    return variable if type(variable) is ContextVar else None


def _found_places() -> tuple[Any, ...]:
    """Return where Django has the active language and time zone, and the variables there."""
    places: Any = trans_real._active, timezone._active  # type: ignore[attr-defined]  # noqa: SLF001 its own names
    return *places, *map(_variable_of, places)


_places = _found_places()


def held_by(local: Any) -> Any:
    """Return what the running thread, or task, has in a Local; None for nothing, `UNSET` where that is not seen."""
    try:
        stored: Any = _variable_of(local).get(None)
        if stored is None:
            return None
        is_seen = stored.thread_id == get_ident() and type(stored.data) is dict
        return stored.data.get("value") if is_seen else UNSET
    except AttributeError:
        return UNSET
