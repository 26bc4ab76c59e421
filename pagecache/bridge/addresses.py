"""Addresses: what requests are told apart by first, with what decides about them beside what they say."""

from collections.abc import Hashable
from copy import copy
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest

from pagecache import conf
from pagecache.recording import ambient

Address = tuple[Hashable, ...]
Variables = dict[str, Any]


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
    zone = ambient.name_of(ambient.time_zone())
    return None if zone is None else (*said, ambient.language(), zone, conf.get().enabled, _noted())


class Noted(NamedTuple):
    """Settings that sites, and test runners, change without a word; an object stands for their values."""

    is_debugging: Any
    hosts: Any
    agents: Any
    token: object


def _noted() -> object:
    """Return what stands for these settings as they are now.

    What was asked for before is found without the steps of a lazy object.
    """
    global _settings  # noqa: PLW0603 as they were last
    known = object.__getattribute__(settings, "__dict__")
    try:
        is_debugging, hosts = known["DEBUG"], known["ALLOWED_HOSTS"]
        agents = known["DISALLOWED_USER_AGENTS"]
    except KeyError:
        is_debugging, hosts = settings.DEBUG, settings.ALLOWED_HOSTS
        agents = settings.DISALLOWED_USER_AGENTS
    now = _settings
    if now.is_debugging != is_debugging or now.hosts != hosts or now.agents != agents:
        now = _settings = Noted(is_debugging, copy(hosts), copy(agents), object())
    return now.token


_settings = Noted(None, [], [], object())
