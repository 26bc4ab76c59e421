"""A site of one page, on the installed package alone: `python -I smoke.py`.

With the extra `redis` it needs REDIS_URL, without it only memory.
"""

import importlib.util
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

import pagecache

WITH_REDIS = importlib.util.find_spec("redis") is not None
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
REDIS = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ.get("REDIS_URL")}

renders: list[str] = []


def page(request: HttpRequest) -> HttpResponse:
    """Answer with how often it was asked."""
    renders.append(request.path)
    return HttpResponse(f"made {len(renders)} times")


urlpatterns = [path("", page)]


def start() -> None:
    """Configure a site with nothing but the cache."""
    settings.configure(
        SECRET_KEY="a key that protects nothing",
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=sys.modules[__name__],
        INSTALLED_APPS=["pagecache", "pagecache.contrib.triggers"],
        MIDDLEWARE=["pagecache.middleware.PageCacheMiddleware"],
        CACHES={"default": REDIS if WITH_REDIS else LOCMEM},
        PAGECACHE={"ENABLED": True, "TIMEOUT": 60, "STORE_BUDGET": 2},
    )
    django.setup()


def visit() -> tuple[str, str]:
    """Return the page and how it came about."""
    response = Client().get("/")
    return response.content.decode(), response.headers["Cache-Status"]


def expect(fact: object, what: str) -> None:
    """Stop with the reason unless it is so."""
    if not fact:
        sys.exit(f"not so: {what}")


def main() -> None:
    """Look at the page twice: made once, then served."""
    start()
    package = Path(str(pagecache.__file__)).parent
    expect("site-packages" in package.parts, f"{package} is an installed package")
    expect((package / "py.typed").is_file(), "the package ships its types")
    first, _ = visit()
    second, status = visit()
    expect(first == second == "made 1 times", f"{first!r} is served again, not {second!r}")
    expect(status.startswith("pagecache; hit"), f"{status!r} is a hit")
    print(f"Django {django.__version__} on {'Redis' if WITH_REDIS else 'local memory'}: {status}")


if __name__ == "__main__":
    main()
