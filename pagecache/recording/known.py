"""What well-known packages keep in the cache, or in memory, of what is in the database.

They fill a value where it is missing and delete it when its rows change. Whoever fills it between the two, or from a
snapshot that is older than the commit, leaves an old value behind, which no version of a table can tell. So nothing
here stands for tags: these values are missed while a page is made, and the page depends on the rows that it reads.
What they keep only to find such a value (the version of its key) tells nothing by itself. It is not missed: they would
begin to count anew, and find what they had dropped.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from types import FunctionType
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.exceptions import SynchronousOnlyOperation
from django.utils.module_loading import import_string

from pagecache.core.reasons import Reason
from pagecache.recording.around import put_around
from pagecache.recording.recorder import recorder

Key = tuple[str | None, str]  # the alias of a cache, and a pattern of keys
Keys = Callable[[], Iterator[Key]]
WAFFLE_LISTS = {
    "WAFFLE_ALL_FLAGS_CACHE_KEY": "flags:all",
    "WAFFLE_ALL_SAMPLES_CACHE_KEY": "samples:all",
    "WAFFLE_ALL_SWITCHES_CACHE_KEY": "switches:all",
}
CONSTANCE = "CONSTANCE_BACKEND", "constance.backends.redisd.RedisBackend"
CONSTANCE_IN_DATABASE = "constance.backends.database.DatabaseBackend"
OF_SITES = ("_get_site_by_id", "_get_site_by_request")


def missed_keys() -> Iterator[Key]:
    """Yield the keys that are missed while a page is made, by the packages that are installed."""
    return _of_installed(PACKAGES)


def version_keys() -> Iterator[Key]:
    """Yield the keys that hold versions of keys that are missed; they come first."""
    return _of_installed(VERSIONS)


def _of_installed(packages: Mapping[str, Keys]) -> Iterator[Key]:
    for name, keys in packages.items():
        if apps.is_installed(name):
            yield from keys()


def _waffle() -> Iterator[Key]:
    """Flags, switches and samples: single ones under a digest, lists under names without a prefix."""
    alias = getattr(settings, "WAFFLE_CACHE_NAME", DEFAULT_CACHE_ALIAS)
    yield alias, getattr(settings, "WAFFLE_CACHE_PREFIX", "waffle:") + "*"
    for setting, default in WAFFLE_LISTS.items():
        yield alias, getattr(settings, setting, default)


def _constance() -> Iterator[Key]:
    """Settings in the database: the names of the settings themselves."""
    alias = getattr(settings, "CONSTANCE_DATABASE_CACHE_BACKEND", None)
    prefix = getattr(settings, "CONSTANCE_DATABASE_PREFIX", "")
    if alias:
        for name in (*getattr(settings, "CONSTANCE_CONFIG", ()), "autofilled"):
            yield alias, f"{prefix}{name}"


def _wagtail() -> Iterator[Key]:
    yield DEFAULT_CACHE_ALIAS, "wagtail_site_root_paths"
    yield DEFAULT_CACHE_ALIAS, "wagtail_locales_display_name"


def _wagtail_images() -> Iterator[Key]:
    own = "renditions"
    yield own if own in settings.CACHES else DEFAULT_CACHE_ALIAS, "wagtail-rendition-*"


def _cms() -> Iterator[Key]:
    """Pages, placeholders, addresses and permissions under a prefix, menus perhaps in a cache of their own."""
    setting = _cms_setting()
    yield DEFAULT_CACHE_ALIAS, setting("CACHE_PREFIX") + "*"
    yield DEFAULT_CACHE_ALIAS, "cms:xframe_options:*"
    yield setting("MENU_CACHE_BACKEND"), setting("CACHE_PREFIX") + "menu_nodes_*"


def _cms_versions() -> Iterator[Key]:
    prefix = _cms_setting()("CACHE_PREFIX")
    yield DEFAULT_CACHE_ALIAS, prefix + "_PAGE_CACHE_VERSION"
    yield DEFAULT_CACHE_ALIAS, prefix + ":permission:version"
    yield DEFAULT_CACHE_ALIAS, prefix + "|placeholder_cache_version|*"


def _cms_setting() -> Callable[[str], str]:
    return import_string("cms.utils.conf.get_cms_setting")  # type: ignore[no-any-return]


PACKAGES: dict[str, Keys] = {
    "cms": _cms,
    "constance": _constance,
    "waffle": _waffle,
    "wagtail": _wagtail,
    "wagtail.images": _wagtail_images,
}
VERSIONS: dict[str, Keys] = {"cms": _cms_versions}


def settings_backends() -> Iterator[type]:
    """Yield the classes by which packages read settings that are neither in the database nor behind the cache API."""
    if apps.is_installed("constance"):
        cls = import_string(getattr(settings, *CONSTANCE))
        if not issubclass(cls, import_string(CONSTANCE_IN_DATABASE)):
            yield cls


def watch_sites() -> None:
    """Let `Site.objects.get_current()` ask the database while a page is made: what a process remembers may be old."""
    if apps.is_installed("django.contrib.sites"):
        from django.contrib.sites.models import SiteManager  # noqa: PLC0415 only where it is installed

        for name in OF_SITES:
            put_around(SiteManager, name, _without_memory)


def _without_memory(method: Any) -> Any:
    @wraps(method)
    def asked(self: Any, *args: Any) -> Any:
        render = recorder()
        if render is None:
            return method(self, *args)
        forgetful = {**method.__globals__, "SITE_CACHE": {}}
        try:
            return FunctionType(method.__code__, forgetful)(self, *args)
        except SynchronousOnlyOperation:  # memory answers on an event loop too
            render.refuse(Reason.CACHE_READ)
            return method(self, *args)

    return asked
