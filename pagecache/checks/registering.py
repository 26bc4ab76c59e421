"""How most checks come to be run: where the settings can be read at all."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured

from pagecache import conf


def with_valid_settings(
    check: Callable[[], Iterable[CheckMessage]],
) -> Callable[..., list[CheckMessage]]:
    """Register a check that is silent where settings are wrong, which other checks say."""

    def run(**_kwargs: Any) -> list[CheckMessage]:
        try:
            conf.get()
        except ImproperlyConfigured:  # said by other checks
            return []
        return list(check())

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    register(run, Tags.caches)
    return run
