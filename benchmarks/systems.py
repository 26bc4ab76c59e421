"""Who is asked to drop pages: the demo site, with each of three caches or none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """A cache of the demo site; `label` is how the table calls it, and `package` where it comes from."""

    name: str
    label: str
    package: str = ""
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    urls: str = "demo_site.urls"


TRUTH = System("no-cache", "no cache")
OURS = System(
    "pagecache",
    "pagecache's middleware",
    apps=("pagecache",),
    middleware=("pagecache.middleware.PageCacheMiddleware",),
)
SYSTEMS = (
    OURS,
    System(
        "cacheops-querysets",
        "django-cacheops, cached_view_as(querysets)",
        "django-cacheops",
        apps=("cacheops",),
        urls="benchmarks.cacheops_querysets",
    ),
    System(
        "cacheops-models",
        "django-cacheops, cached_view_as(models)",
        "django-cacheops",
        apps=("cacheops",),
        urls="benchmarks.cacheops_models",
    ),
    System("cachalot", "django-cachalot", "django-cachalot", apps=("cachalot",)),
)
Looks = dict[
    str, tuple[bool, str]
]  # by address: whether its answer asked the database, and a digest of it
BY_NAME = {system.name: system for system in (TRUTH, *SYSTEMS)}
EDITS = {"note": "Restored in 4K this year.", "title": "A title of its own"}  # one after the other
