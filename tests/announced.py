"""What was announced since the last look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pagecache.announcing import announcer, site_names, site_store
from pagecache.tags import SITE

ARTICLE, AUTHOR, UNRELATED = "library.article", "library.author", "library.unrelated"
COUNTED = (SITE, ARTICLE, AUTHOR, UNRELATED, "library.tag", "table:elsewhere")


class Announced:
    """The tags that moved since the last look."""

    def __init__(self) -> None:
        announcer.announce(COUNTED)
        self._before = self._versions()

    def _versions(self) -> dict[str, bytes | None]:
        keys = site_names().versions(COUNTED)
        return dict(zip(COUNTED, site_store().fetch(keys), strict=True))

    def __call__(self) -> set[str]:
        before, self._before = self._before, self._versions()
        return {tag for tag in COUNTED if before[tag] != self._before[tag]}


@contextmanager
def noting() -> Iterator[set[str]]:
    """Yield a set of all tags that are announced from now on."""
    tags: set[str] = set()
    announce = announcer.announce

    def noted(some: Iterable[str] = (), *ended: Any, **soft: Any) -> None:
        some = frozenset(some)
        tags.update(some)
        announce(some, *ended, **soft)

    with patch.object(announcer, "announce", noted):
        yield tags
