"""The demo site with one of the caches, told by the environment; each is set up as its documentation says."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.contenders import LIFE
from benchmarks.systems import BY_NAME
from demo_site import settings as demo

globals().update({name: getattr(demo, name) for name in dir(demo) if name.isupper()})

_system = BY_NAME[os.environ["BENCH_SYSTEM"]]
_own = f"{os.environ['BENCH_RUN']}{_system.name}:"
OTHERS = ("pagecache", "demo_site.timing")  # what the demo site has for its own cache

DEBUG = False
ROOT_URLCONF = _system.urls
INSTALLED_APPS = [
    *(name for name in demo.INSTALLED_APPS if name != "pagecache"),
    *_system.apps,
]
MIDDLEWARE = [
    *_system.middleware,
    *(name for name in demo.MIDDLEWARE if not name.startswith(OTHERS)),
]
_templates: dict[str, Any] = demo.TEMPLATES[0]
TEMPLATES = [  # without the app, the tag of a hole is only found by its path
    _templates
    | {
        "OPTIONS": {
            **_templates["OPTIONS"],
            "libraries": {"pagecache": "pagecache.templatetags.pagecache"},
        }
    }
]
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ["REDIS_URL"],
        "KEY_PREFIX": _own,
        "TIMEOUT": LIFE,
    }
}

PAGECACHE: dict[str, Any] = {
    "ENABLED": True,
    "TIMEOUT": LIFE,
    "KEY_PREFIX": _own,
    "RELEASE": "bench",
    "KEY_COOKIES": ["promo"],
}

CACHEOPS_REDIS = os.environ["REDIS_URL"]
CACHEOPS_DEFAULTS = {"timeout": LIFE}
CACHEOPS: dict[str, dict[str, str]] = {
    "films.genre": {"ops": "get"},
    "films.studio": {"ops": "get"},
    "films.*": {},
    "auth.user": {},
}

CACHALOT_TIMEOUT = LIFE  # else its keys stay on a Redis that outlives the run


def CACHEOPS_PREFIX(_query: object) -> str:  # noqa: N802 the name of the setting
    """Keep this run apart from others on the same Redis."""
    return _own
