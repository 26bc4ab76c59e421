"""Flash messages: a page that showed them is the same for everybody for whom none are waiting.

Django's own storages are known: what they read of cookies and session says what is waiting, and nothing else.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage

from pagecache.core.reasons import Reason
from pagecache.core.types import MESSAGES
from pagecache.recording.around import put_around
from pagecache.recording.recorder import muted, quietly

COOKIE = CookieStorage.cookie_name
STOCK = {CookieStorage, FallbackStorage, SessionStorage}
# What makes these reads nothing of a request.
MADE = {cls.__init__ for cls in (BaseStorage, *STOCK)}  # type: ignore[misc]  # of the classes as they are
LOOKS = ("__contains__", "__iter__", "__len__")


def install() -> None:
    """Record each look at the messages; done once for the process."""
    for name in LOOKS:
        put_around(BaseStorage, name, _noted)


def _noted(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def look(self: Any, *args: Any) -> Any:
        recorder = getattr(self.request.META, "recorder", None)
        if recorder is None:
            return method(self, *args)
        if type(self) not in STOCK:
            if _has_looked(self):
                recorder.refuse_read(Reason.MESSAGES)
            return method(self, *args)
        with quietly():
            there = is_waiting(self)
            result = method(self, *args)
        recorder.read(MESSAGES)
        if there and muted.get() is False:
            recorder.refuse(Reason.MESSAGES)
        return result

    return look


def _has_looked(storage: Any) -> bool:
    """Whether a storage may have read the request as it was made, which stock middleware did, unrecorded."""
    storages = (storage, *getattr(storage, "storages", ()))
    return any(type(one).__init__ not in MADE for one in storages)


def is_waiting(storage: Any) -> bool:
    """Whether there are messages to show; they stay unread."""
    return bool(storage._loaded_messages or storage._queued_messages)  # noqa: SLF001 `len` counts as a look
