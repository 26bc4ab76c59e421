"""Addresses: what requests are told apart by first, with what decides about them beside what they say."""

from collections.abc import Hashable
from copy import copy
from datetime import tzinfo
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.core import mail
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest

from pagecache import conf
from pagecache.recording import ambient

# Kinds of settings that hold what they say; what another one says is found out by code of the site.
HOLDING = {list, tuple, set, frozenset}
# Settings that sites, and test runners, change without a word.
STATED = ("LANGUAGE_CODE", "DEBUG", "ALLOWED_HOSTS", "DISALLOWED_USER_AGENTS")
Variables = dict[str, Any]
_settings_read: dict[str, Any] = object.__getattribute__(settings, "__dict__")
_mail = vars(mail)  # which a test runner changes
_stated_in, _stated = itemgetter(*STATED), attrgetter(*STATED)
Around = tuple[str | None, str, object]  # language, time zone, and what stands for settings
Address = tuple[Hashable, ...]  # the last of it is what is beside the request


def address_of(request: HttpRequest, *more: Hashable) -> Address | None:
    """Return what requests are told apart by first; None where they are to be read each time."""
    if request.method not in {"GET", "HEAD"} or "urlconf" in request.__dict__:
        return None
    around = beside()
    return around and (
        request.method,
        request._get_scheme(),  # type: ignore[attr-defined]  # noqa: SLF001 as the server says
        request.path,
        request.path_info,
        request.META.get("SCRIPT_NAME"),
        request.META.get("QUERY_STRING"),
        *more,
        around,
    )


def address_in(environ: Variables) -> Address | None:
    """Return the same for a WSGI request that is not made yet."""
    method = environ.get("REQUEST_METHOD")
    if method not in {"GET", "HEAD"} or "wsgi.input" not in environ:
        return None
    around = beside()
    return around and (
        method,
        environ.get("SCRIPT_NAME"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
        around,
    )


def address_in_scope(scope: Variables) -> Address | None:
    """Return the same for an ASGI request that is not made yet."""
    method = scope.get("method")
    if method not in {"GET", "HEAD"}:
        return None
    around = beside()
    return around and (
        method,
        scope.get("scheme"),
        scope.get("root_path"),
        scope.get("path"),
        scope.get("query_string"),
        around,
    )


class Beside(NamedTuple):
    """What decides about requests beside what they say, by what it was found out from."""

    spoken: object
    zone: object
    said: tuple[Any, ...]  # by settings, and by whether tests run
    token: object  # in addresses, for that
    found: Around | None


def beside() -> Around | None:
    """Return what decides about requests beside what they say; None where that is not sure to stay.

    It is found out where anything is not as it was for the request before. Settings that were asked for before are
    looked at without the steps of a lazy object; their kinds are compared first, for code of the site may compare what
    is of another one. What is compared holds all that tells whether pagecache is enabled.
    """
    try:
        stated = _stated_in(_settings_read)
    except KeyError:
        stated = _stated(settings)
    said = tuple(map(type, stated)), stated, conf.last or conf.get(), "outbox" in _mail
    spoken, zone = ambient.held()
    last = _last
    if last.spoken is spoken and last.zone is zone and last.said == said:
        return last.found
    return _found_out(spoken, zone, said)


def _found_out(spoken: object, zone: object, said: tuple[Any, ...]) -> Around | None:
    """Find out what `beside` returns, and keep it."""
    global _last  # noqa: PLW0603 as it was last
    kinds, (language_code, is_debugging, hosts, agents), *more = said
    if not HOLDING.issuperset((type(hosts), type(agents))):
        return None
    _, _, last_said, token, _ = _last  # at once, for other threads keep others
    if last_said != said:
        # A list may change at any time, and a token stands for what was compared: it is copied with a new one only.
        held = language_code, is_debugging, copy(hosts), copy(agents)
        last_said, token = (kinds, held, *more), object()
    name = ambient.name_of(zone if isinstance(zone, tzinfo) else ambient.time_zone())
    language = language_code if spoken is None else ambient.language_of(spoken)
    found = None if name is None else (language, name, token)
    _last = Beside(spoken, zone, last_said, token, found)
    return found


_last = Beside(spoken=object(), zone=object(), said=(), token=object(), found=None)


@receiver(setting_changed)
def _forget(**_kwargs: object) -> None:
    """Let what was found while another setting held be found anew, and its address be another."""
    global _last  # noqa: PLW0603 as it was last
    _last = _last._replace(said=())
