"""Parent and child use one store after a fork; run as a program, for a test's process has threads.

What the parent holds of entries, where a thread may be in the midst of a change, the child begins without.
"""

from __future__ import annotations

import os
import sys

from django.conf import settings


def main(url: str) -> int:
    """Fetch in both processes at once; each must get its own values."""
    backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    settings.configure(CACHES={"pages": backend})
    from pagecache.core.codec import Entry  # noqa: PLC0415 settings first
    from pagecache.stores import open_store  # noqa: PLC0415
    from pagecache.stores.local import Held, Local  # noqa: PLC0415

    store = open_store("pages", budget=2.0)
    store.put({"parent": b"parent", "child": b"child"}, 60)
    local, held = Local(), Held(Entry(b"", (), 200, (), b"page", 0.0), b"", ())
    local.put("page", held, 10_000)
    with local._lock:  # as another thread may have it
        child = os.fork()
    own = "child" if child == 0 else "parent"
    right = all(store.fetch([own]) == [own.encode()] for _ in range(500))
    if child == 0:
        right = right and len(local) == 0
        local.put("page", held, 10_000)
        os._exit(0 if right else 1)
    _, status = os.waitpid(child, 0)
    return 0 if right and status == 0 and len(local) == 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
