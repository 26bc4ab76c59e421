"""A process that holds a page of data that others change: run by `test_local`.

`python -m tests.holding REDIS_URL` prints, for each line that it reads, what a visitor got then, and whether the held
page was known to be current without a trip.
"""

from __future__ import annotations

import json
import sys

import django
import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

PAGE = "/held/"


def held(_request: HttpRequest) -> HttpResponse:
    from pagecache import depends_on  # noqa: PLC0415 Django is set up first

    depends_on("data")
    with redis.Redis.from_url(sys.argv[1]) as server:
        return HttpResponse(server.get("data"))


urlpatterns = [path("held/", held)]


def main() -> None:
    django.setup()
    settings.ROOT_URLCONF = "tests.holding"
    sys.modules["tests.holding"] = sys.modules["__main__"]
    from pagecache.announcing import site_store  # noqa: PLC0415 Django is set up first
    from pagecache.engine.visit import local  # noqa: PLC0415

    client = Client()
    for _ in sys.stdin:
        pages = list(local.held.values())
        stands = list(map(site_store().vouch, pages))
        print(json.dumps([client.get(PAGE).content.decode(), stands == [True]]))


if __name__ == "__main__":
    main()
