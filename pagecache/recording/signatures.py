"""Signatures that hold for so long: a page that went by one ends with it, and is never served after that."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.signing import TimestampSigner, b62_decode

from pagecache.recording.around import put_around
from pagecache.recording.recorder import recorder


def install() -> None:
    """Notice which signatures hold, and until when; done once for the process."""
    put_around(TimestampSigner, "unsign", _noticed)


def _noticed(unsign: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(unsign)
    def noticed(self: TimestampSigner, value: str, max_age: int | timedelta | None = None) -> Any:
        found = unsign(self, value, max_age)
        render = recorder()
        if render is not None and max_age is not None:
            seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
            render.lapse(_signed_at(self, value) + seconds)
        return found

    return noticed


def _signed_at(signer: TimestampSigner, value: str) -> float:
    """Return when a valid value was signed, in seconds since the epoch; long ago where the site's own class says it."""
    known = type(signer) is TimestampSigner
    return b62_decode(value.rsplit(signer.sep, 2)[1]) if known else 0.0
