"""What of a request decides on route, language, scheme and host, which are in every key as long as it is as it came."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from pagecache.recording.mappings import unheard

# Beside a header that `SECURE_PROXY_SSL_HEADER` names.
ADDRESS = "wsgi.url_scheme HTTP_X_FORWARDED_HOST HTTP_HOST SERVER_NAME SERVER_PORT HTTP_X_FORWARDED_PORT".split()


def routed(request: HttpRequest) -> tuple[object, ...]:
    """Return what decides which view answers, and in which language."""
    chosen = unheard(request.COOKIES).get(settings.LANGUAGE_COOKIE_NAME)
    accepted = unheard(request.META).get("HTTP_ACCEPT_LANGUAGE")
    return getattr(request, "urlconf", None), request.path_info, chosen, accepted


def addressed(meta: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what scheme and host are made of."""
    proxy = settings.SECURE_PROXY_SSL_HEADER
    return tuple(map(meta.get, (*ADDRESS, proxy[0]) if proxy else ADDRESS))
