"""What a site calls where data changed that pagecache cannot see, or pages are to go."""

from pagecache.announcing import InvalidationError, announcer
from pagecache.tags import Target, tags_of_paths, tags_to_drop
from pagecache.writes import writes

__all__ = ["InvalidationError", "ainvalidate", "apurge", "invalidate", "purge"]


def invalidate(*targets: Target, soft: bool = False) -> None:
    """Make every page unservable that depends on the targets, in all processes.

    A target is a tag (`"blog.article"`, `"blog.article:42"`, or a name of your own used with `depends_on`), a model
    class or a model instance; `"segment:user:42"` stands for the pages of one class of visitors. Inside `atomic` it
    works at once and again at commit. There it raises InvalidationError, and nothing was invalidated, where a write
    would be refused (`TWO_PHASE`, `ON_INVALIDATION_FAILURE`).

    With `soft` the pages end, as if their time were over: one that may be served while it is made anew
    (`stale-while-revalidate`) is, for so many seconds from now. Elsewhere than on Redis, or where the data has moved
    otherwise since the page was made, or moves again meanwhile, that is the same as without `soft`.
    """
    tags = tags_to_drop(targets)
    writes.add(tags, soft=soft)
    hard, softly = parted(tags, soft=soft)
    announcer.announce(hard, soft=softly)


async def ainvalidate(*targets: Target, soft: bool = False) -> None:
    """Do the same as `invalidate` on the event loop, which sees no transaction of the threads beside it."""
    tags = tags_to_drop(targets)
    writes.add(tags, soft=soft)
    hard, softly = parted(tags, soft=soft)
    await announcer.aannounce(hard, soft=softly)


def purge(*paths: str, soft: bool = False) -> None:
    """Drop the stored pages of URL paths; without any, of the whole site. `soft` is that of `invalidate`.

    A path comes with its script name; what follows a `?` does not count.
    Raises ValueError for what is no path.
    """
    hard, softly = parted(tags_of_paths(paths), soft=soft)
    announcer.announce(hard, soft=softly)


async def apurge(*paths: str, soft: bool = False) -> None:
    """Do the same as `purge` on the event loop."""
    hard, softly = parted(tags_of_paths(paths), soft=soft)
    await announcer.aannounce(hard, soft=softly)


def parted(tags: frozenset[str], *, soft: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tags that go at once, and those that go softly."""
    return (frozenset(), tags) if soft else (tags, frozenset())
