"""Who answers: the same site, cached in different ways or not at all, on different servers."""

from __future__ import annotations

from dataclasses import dataclass, replace

CORE = "django.core.cache.backends"
DJANGO_REDIS = f"{CORE}.redis.RedisCache"
OTHER_REDIS = "django_redis.cache.RedisCache"
LOCMEM = f"{CORE}.locmem.LocMemCache"

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
WAGTAIL_CACHE = (
    "wagtailcache.cache.UpdateCacheMiddleware",
    *STOCK,
    "wagtailcache.cache.FetchFromCacheMiddleware",
)
PAGECACHE = ("pagecache.middleware.PageCacheMiddleware", *STOCK)
LIFE = 3600  # seconds; longer than a run
HIT = "cache-status: pagecache; hit"
GRANIAN, GUNICORN, UVICORN = "granian", "gunicorn", "uvicorn"


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
    server: str = GRANIAN
    front: str = ""  # a program that keeps pages before the server
    proof: str = ""
    local: str | None = None  # how processes hold pages
    apps: tuple[str, ...] = ()
    urls: str = "benchmarks.site"
    package: str = ""  # a module that it needs, besides Django and pagecache
    is_kept: bool = True  # all answers are the same one, not each made anew


def _ours(name: str, label: str, application: str = "", interface: str = "wsgi") -> Contender:
    made = Contender(name, label, PAGECACHE, interface=interface, proof=HIT, apps=("pagecache",))
    return replace(made, application=application or made.application)


def _in_tiers(ours: Contender) -> tuple[Contender, ...]:
    """Return it as it is, and with pages in the process, versions asked for or sent by the server."""
    tiers = (
        replace(ours, name=f"{ours.name}-{how}", label=f"{ours.label}, {how}", local=how)
        for how in ("validate", "push")
    )
    return (ours, *tiers)


def _under_asgi(contender: Contender) -> Contender:
    """Return the same for servers with an event loop."""
    return replace(
        contender,
        name=f"{contender.name}-async",
        label=f"{contender.label}, under ASGI",
        application="benchmarks.asgi:application",
        interface="asgi",
    )


def _on(server: str, *contenders: Contender) -> tuple[Contender, ...]:
    """Return the same on another server."""
    return tuple(
        replace(one, name=f"{one.name}-{server}", label=f"{one.label} ({server})", server=server)
        for one in contenders
    )


NO_CACHE = Contender("no-cache", "no cache: the view and its query", is_kept=False)
DJANGO = Contender("django", "Django's middleware on its RedisCache", DJANGO_CACHE)
DJANGO_PAGE = Contender("django-page", "Django's cache_page on its RedisCache", path="/django/")
MIDDLEWARE = _in_tiers(_ours("pagecache", "pagecache's middleware"))
WSGI = _in_tiers(_ours("pagecache-wsgi", "pagecache's WSGI lane", "benchmarks.fast:over_wsgi"))
ASGI = _in_tiers(
    _ours("pagecache-asgi", "pagecache's ASGI lane", "benchmarks.fast:over_asgi", "asgi")
)
ASYNC = tuple(map(_under_asgi, (NO_CACHE, DJANGO)))
OURS_ASYNC = _under_asgi(MIDDLEWARE[0])
BARE = Contender("bare", "floor: a WSGI function", application="benchmarks.floors:bare")
BARE_HEAD = replace(
    BARE,
    name="bare-head",
    label="floor: a WSGI function with the headers of a hit",
    application="benchmarks.floors:with_head",
)
BARE_ASGI = Contender(
    "bare-asgi",
    "floor: an ASGI function",
    application="benchmarks.floors:bare_asgi",
    interface="asgi",
)

OTHERS = (
    *ASYNC,
    replace(
        DJANGO,
        name="django-redis",
        label="Django's middleware on django-redis",
        backend=OTHER_REDIS,
    ),
    replace(
        DJANGO, name="django-locmem", label="Django's middleware on LocMemCache", backend=LOCMEM
    ),
    DJANGO_PAGE,
    replace(
        DJANGO_PAGE,
        name="django-page-redis",
        label="Django's cache_page on django-redis",
        backend=OTHER_REDIS,
    ),
    replace(
        DJANGO_PAGE,
        name="django-page-locmem",
        label="Django's cache_page on LocMemCache",
        backend=LOCMEM,
    ),
    Contender(
        "fancy",
        "django-fancy-cache's cache_page",
        urls="benchmarks.fancy_site",
        package="fancy_cache",
    ),
    Contender(
        "cacheops",
        "django-cacheops' cached_view_as",
        apps=("cacheops",),
        urls="benchmarks.cacheops_site",
        package="cacheops",
    ),
    Contender(
        "wagtail",
        "wagtail-cache's middleware",
        WAGTAIL_CACHE,
        apps=("wagtailcache",),
        package="wagtailcache",
        proof="x-wagtail-cache: hit",
    ),
    Contender("nginx", "nginx, proxy_cache, before no cache", front="nginx", proof="x-cache: hit"),
    Contender("varnish", "Varnish before no cache", front="varnishd", proof="x-cache: hit"),
)
OURS = (
    *MIDDLEWARE,
    *WSGI,
    *ASGI,
    OURS_ASYNC,
    replace(
        _ours("pagecache-page", "pagecache's cache_page alone"),
        middleware=STOCK,
        path="/pagecache/",
    ),
)
FLOORS = (
    Contender("mget", "floor: a middleware with one MGET", ("benchmarks.floors.OneTrip", *STOCK)),
    BARE,
    BARE_HEAD,
    BARE_ASGI,
)
ELSEWHERE = (
    *_on(GUNICORN, NO_CACHE, DJANGO, MIDDLEWARE[0], *WSGI, BARE, BARE_HEAD),
    *_on(UVICORN, *ASYNC, OURS_ASYNC, *ASGI, BARE_ASGI),
)
CONTENDERS = (NO_CACHE, DJANGO, *OTHERS, *OURS, *FLOORS, *ELSEWHERE)
BASELINES = ("django", "django-redis")  # what the others are compared with
BY_NAME = {contender.name: contender for contender in CONTENDERS}
SHORT = {  # those who are asked unless told otherwise
    *("no-cache", *BASELINES, "django-page", "cacheops", "nginx", "varnish"),
    *(one.name for one in (MIDDLEWARE[0], *WSGI, ASGI[0], ASGI[2])),
    *("pagecache-page", "mget", "bare"),
    *("pagecache-wsgi-push-gunicorn", "bare-gunicorn"),
    *("pagecache-asgi-push-uvicorn", "bare-asgi-uvicorn"),
}
