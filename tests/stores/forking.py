"""Parent and child use one store after a fork; run as a program, for a test's process has threads.

What the parent holds of entries, where a thread may be in the midst of a change, the child begins without, and without
whose turn it is to make a page, and what the server tells of versions: the thread that hears it is the parent's.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings

from tests.until import until

PREFIX, VERSION = "pagecache:fork:v:", b"v" * 16
TAG = f"{PREFIX}tag"


def know(store: Any, held: Any) -> None:
    """Ask until the page stands."""

    def is_known() -> bool:
        store.fetch([TAG])
        return store.vouch(held) is True

    until(is_known, "the server does not tell of changes")


def main(url: str) -> int:
    """Fetch in both processes at once; each must get its own values."""
    backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    settings.configure(CACHES={"pages": backend})
    from pagecache.core.codec import Entry  # noqa: PLC0415 settings first
    from pagecache.engine.leasing import turns  # noqa: PLC0415
    from pagecache.stores import open_store  # noqa: PLC0415
    from pagecache.stores.local import Held, Local  # noqa: PLC0415

    store = open_store("pages", budget=2.0)
    store.put({"parent": b"parent", "child": b"child", TAG: VERSION}, 60)
    store.listen(PREFIX, 30.0, 100)
    local, held = Local(), Held(Entry(b"", (), 200, (), b"page", 0.0), VERSION, (TAG,))
    know(store, held)
    local.put("page", held, 10_000)
    turns.take("page", 60)
    with local._lock:  # as another thread may have it
        child = os.fork()
    own = "child" if child == 0 else "parent"
    right = store.vouch(held) is (None if child == 0 else True)
    right = right and all(store.fetch([own]) == [own.encode()] for _ in range(500))
    if child == 0:
        right = right and len(local) == 0 and turns.take("page", 60)[1]
        local.put("page", held, 10_000)
        know(store, held)
        os._exit(0 if right else 1)
    _, status = os.waitpid(child, 0)
    right = right and store.vouch(held) is True
    right = right and len(local) == 1 and not turns.take("page", 60)[1]
    return 0 if right and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
