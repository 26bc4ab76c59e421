"""What a site calls where data changed that pagecache cannot see, or pages are to go."""

from pagecache.announcing import InvalidationError, announcer
from pagecache.tags import Target, tags_of_paths, tags_to_drop
from pagecache.writes import writes

__all__ = ["InvalidationError", "ainvalidate", "apurge", "invalidate", "purge"]


def invalidate(*targets: Target) -> None:
    """Make every page unservable that depends on the targets, in all processes.

    A target is a tag (`"blog.article"`, `"blog.article:42"`, or a name of your own used with `depends_on`), a model
    class or a model instance; `"segment:user:42"` stands for the pages of one class of visitors. Inside `atomic` it
    works at once and again at commit. There it raises InvalidationError, and nothing was invalidated, where a write
    would be refused (`TWO_PHASE`, `ON_INVALIDATION_FAILURE`).
    """
    tags = tags_to_drop(targets)
    writes.add(tags)
    announcer.announce(tags)


async def ainvalidate(*targets: Target) -> None:
    """Do the same as `invalidate` on the event loop, which sees no transaction of the threads beside it."""
    tags = tags_to_drop(targets)
    writes.add(tags)
    await announcer.aannounce(tags)


def purge(*paths: str) -> None:
    """Drop the stored pages of URL paths; without any, of the whole site.

    A path comes with its script name; what follows a `?` does not count.
    Raises ValueError for what is no path.
    """
    announcer.announce(tags_of_paths(paths))


async def apurge(*paths: str) -> None:
    """Do the same as `purge` on the event loop."""
    await announcer.aannounce(tags_of_paths(paths))
