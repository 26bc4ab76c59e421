"""Who answers: the same site, cached in different ways or not at all."""

from __future__ import annotations

from dataclasses import dataclass

DJANGO_REDIS = "django.core.cache.backends.redis.RedisCache"
OTHER_REDIS = "django_redis.cache.RedisCache"

# As `startproject` writes it.
STOCK = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
DJANGO_CACHE = (
    "django.middleware.cache.UpdateCacheMiddleware",
    *STOCK,
    "django.middleware.cache.FetchFromCacheMiddleware",
)
PAGECACHE = ("pagecache.middleware.PageCacheMiddleware", *STOCK)
LIFE = 3600  # seconds; longer than a run
HIT = "cache-status: pagecache; hit"


@dataclass(frozen=True)
class Contender:
    """A way to answer; `proof` is what the head of every answer must hold, in lower case."""

    name: str
    label: str
    middleware: tuple[str, ...] = STOCK
    backend: str = DJANGO_REDIS
    path: str = "/page/"
    application: str = "benchmarks.wsgi:application"
    interface: str = "wsgi"
    proof: str = ""
    local: str | None = None  # how processes hold pages
    is_kept: bool = True  # all answers are the same one, not each made anew


CONTENDERS = (
    Contender("no-cache", "no cache: the view and its query", is_kept=False),
    Contender("django", "Django's middleware on its RedisCache", DJANGO_CACHE),
    Contender("django-redis", "Django's middleware on django-redis", DJANGO_CACHE, OTHER_REDIS),
    Contender("django-page", "Django's cache_page on its RedisCache", path="/django/"),
    Contender("pagecache", "pagecache's middleware", PAGECACHE, proof=HIT),
    Contender(
        "pagecache-wsgi",
        "pagecache's lane before Django, WSGI",
        PAGECACHE,
        application="benchmarks.fast:over_wsgi",
        proof=HIT,
    ),
    Contender(
        "pagecache-wsgi-validate",
        "the same with pages in the process, versions asked for",
        PAGECACHE,
        application="benchmarks.fast:over_wsgi",
        proof=HIT,
        local="validate",
    ),
    Contender(
        "pagecache-wsgi-push",
        "the same with pages in the process, nobody asked",
        PAGECACHE,
        application="benchmarks.fast:over_wsgi",
        proof=HIT,
        local="push",
    ),
    Contender(
        "pagecache-asgi",
        "pagecache's lane before Django, ASGI",
        PAGECACHE,
        application="benchmarks.fast:over_asgi",
        interface="asgi",
        proof=HIT,
    ),
    Contender("pagecache-page", "pagecache's cache_page alone", path="/pagecache/", proof=HIT),
    Contender("mget", "floor: a middleware with one MGET", ("benchmarks.floors.OneTrip", *STOCK)),
    Contender("bare", "floor: a WSGI function", application="benchmarks.floors:bare"),
)
BASELINES = ("django", "django-redis")  # what the others are compared with
BY_NAME = {contender.name: contender for contender in CONTENDERS}
