"""Addresses: what requests are told apart by first, with what decides about them beside what they say."""

from collections.abc import Hashable
from copy import copy
from datetime import tzinfo
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest

from pagecache import conf
from pagecache.recording import ambient

# Kinds of settings that hold what they say; what another one says is found out by code of the site.
HOLDING = {list, tuple, set, frozenset}
Address = tuple[Hashable, ...]
Variables = dict[str, Any]


def address_of(request: HttpRequest, *more: Hashable) -> Address | None:
    """Return what requests are told apart by first; None where they are to be read each time."""
    if request.method not in {"GET", "HEAD"} or "urlconf" in request.__dict__:
        return None
    beside = _beside()
    return beside and (
        request.method,
        request._get_scheme(),  # type: ignore[attr-defined]  # noqa: SLF001 as the server says
        request.path,
        request.path_info,
        request.META.get("SCRIPT_NAME"),
        request.META.get("QUERY_STRING"),
        *more,
        beside,
    )


def address_in(environ: Variables) -> Address | None:
    """Return the same for a WSGI request that is not made yet."""
    method = environ.get("REQUEST_METHOD")
    if method not in {"GET", "HEAD"} or "wsgi.input" not in environ:
        return None
    beside = _beside()
    return beside and (
        method,
        environ.get("SCRIPT_NAME"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
        beside,
    )


def address_in_scope(scope: Variables) -> Address | None:
    """Return the same for an ASGI request that is not made yet."""
    method = scope.get("method")
    if method not in {"GET", "HEAD"}:
        return None
    beside = _beside()
    return beside and (
        method,
        scope.get("scheme"),
        scope.get("root_path"),
        scope.get("path"),
        scope.get("query_string"),
        beside,
    )


class Beside(NamedTuple):
    """What decides about requests beside what they say, by what it was found out from."""

    spoken: object
    zone: object
    is_enabled: bool
    # Settings that sites, and test runners, change without a word.
    language_code: Any
    is_debugging: Any
    hosts: Any
    agents: Any
    token: object  # in addresses, for whether it is enabled and for these settings
    found: Address | None


def _beside() -> Address | None:
    """Return what decides about requests beside what they say; None where that is not sure to stay.

    It is found out where anything is not as it was for the request before. Settings that were asked for before are
    looked at without the steps of a lazy object.
    """
    global _last  # noqa: PLW0603 as it was last
    known = object.__getattribute__(settings, "__dict__")
    try:
        language_code, is_debugging = known["LANGUAGE_CODE"], known["DEBUG"]
        hosts, agents = known["ALLOWED_HOSTS"], known["DISALLOWED_USER_AGENTS"]
    except KeyError:
        language_code, is_debugging = settings.LANGUAGE_CODE, settings.DEBUG
        hosts, agents = settings.ALLOWED_HOSTS, settings.DISALLOWED_USER_AGENTS
    if type(hosts) not in HOLDING or type(agents) not in HOLDING:
        return None
    is_enabled = conf.get().enabled
    spoken, zone = ambient.held()
    last = _last
    are_settings_as_before = (
        last.is_debugging == is_debugging
        and last.language_code == language_code
        and last.hosts == hosts
        and last.agents == agents
        and last.is_enabled is is_enabled
    )
    if are_settings_as_before and last.spoken is spoken and last.zone is zone:
        return last.found
    if not are_settings_as_before:
        # A list may change at any time, and a token stands for what was compared: it is copied with a new one only.
        stated = is_enabled, language_code, is_debugging, copy(hosts), copy(agents)
        last = Beside(spoken, zone, *stated, token=object(), found=None)
    name = ambient.name_of(zone if isinstance(zone, tzinfo) else ambient.time_zone())
    language = language_code if spoken is None else ambient.language_of(spoken)
    found = None if name is None else (language, name, last.token)
    _last = last._replace(spoken=spoken, zone=zone, found=found)
    return found


_last = Beside(
    spoken=object(),
    zone=object(),
    is_enabled=False,
    language_code=None,
    is_debugging=None,
    hosts=[],
    agents=[],
    token=object(),
    found=None,
)
