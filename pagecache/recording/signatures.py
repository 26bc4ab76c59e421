"""Signatures that hold for so long: a page that went by one ends with it, and is never served after that."""

from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.signing import TimestampSigner, b62_decode

from pagecache.recording.recorder import recorder


def install() -> None:
    """Notice which signatures hold, and until when; done once for the process."""
    unsign = TimestampSigner.unsign
    if hasattr(unsign, "__wrapped__"):
        return

    @wraps(unsign)
    def noticed(self: TimestampSigner, value: str, max_age: int | timedelta | None = None) -> Any:
        found = unsign(self, value, max_age)
        render = recorder()
        if render is not None and max_age is not None:
            signed_at = b62_decode(value.rsplit(self.sep, 2)[1])
            seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
            render.lapse(signed_at + seconds)
        return found

    TimestampSigner.unsign = noticed  # type: ignore[method-assign]
