"""A response cache for Django that knows what each page was made of."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pagecache.decorators import (
        cache_exempt,
        cache_page,
        depends_on,
        expire_at,
        expire_in,
        next_change,
        segment_by,
    )
    from pagecache.invalidation import ainvalidate, apurge, invalidate, purge

__all__ = [
    "ainvalidate",
    "apurge",
    "cache_exempt",
    "cache_page",
    "depends_on",
    "expire_at",
    "expire_in",
    "invalidate",
    "next_change",
    "purge",
    "segment_by",
]
__version__ = "0.1.0"

_INVALIDATION = {"ainvalidate", "apurge", "invalidate", "purge"}


def __getattr__(name: str) -> Any:
    """Import the public names when they are asked for: Django imports this package before its apps are ready."""
    if name not in __all__:
        message = f"module 'pagecache' has no attribute {name!r}"
        raise AttributeError(message)
    from pagecache import decorators, invalidation  # noqa: PLC0415 see above

    return getattr(invalidation if name in _INVALIDATION else decorators, name)
