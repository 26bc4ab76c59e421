"""How many pages a path has: whoever sends values that nobody sent before must not fill the cache."""

from threading import Lock


class Variants:
    """The pages of each path that this process stored, and when they end; the path that waited longest is forgotten.

    It costs no trip, and so knows nothing of what other processes stored.
    """

    def __init__(self, most: int) -> None:
        self._most = most  # pages of all paths that are remembered
        self._count = 0
        self._ends: dict[str, dict[str, float]] = {}
        self._lock = Lock()

    def has_room(self, path: str, page: str, limit: int, now: float) -> bool:
        """Whether a path has fewer than `limit` pages that did not end yet, or this one among them."""
        with self._lock:
            ends = self._ends.get(path, {})
            if page in ends or len(ends) < limit:
                return True
            live = {page: end for page, end in ends.items() if end > now}
            self._keep(path, live)
            return len(live) < limit

    def add(self, path: str, page: str, end: float) -> None:
        """Remember a page that was stored, and when it ends, in seconds since the epoch."""
        with self._lock:
            ends = self._ends.get(path, {})
            self._count += page not in ends
            ends[page] = end
            self._keep(path, ends)
            while self._count > self._most and len(self._ends) > 1:
                self._keep(next(iter(self._ends)), {})

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._ends.clear()
            self._count = 0

    def _keep(self, path: str, ends: dict[str, float]) -> None:
        """Let a path have these pages; it is the last to be forgotten."""
        self._count += len(ends) - len(self._ends.pop(path, ends))
        if ends:
            self._ends[path] = ends
