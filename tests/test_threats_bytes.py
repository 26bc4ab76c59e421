"""Any bytes of a client, and any bytes in the store, get the answer that the site gives without pagecache."""

from __future__ import annotations

import pickle
import string
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.core.cache.backends import locmem
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pagecache.announcing import site_names
from pagecache.engine.visit import forget
from pagecache.versions import STAR
from tests.claim.judge import Judge, people
from tests.claim.programs import Program
from tests.claim.reads import Read
from tests.claim.sites import Site
from tests.claim.standing import standing
from tests.claim.visitors import ORDINARY, Visitor
from tests.lanes import ALL, MEMORY, MIDDLEWARE_ASYNC, MIDDLEWARE_SYNC, REDIS, Kind

pytestmark = pytest.mark.django_db(transaction=True)

READS = (
    Read(0, "GET by name", "getlist", "a"),
    Read(1, "COOKIES by name", "get", "theme"),
    Read(2, "headers by name", "get", "X-Fruit"),
    Read(3, "accepts", "types", ""),
    Read(4, "language asked for", "found", ""),
    Read(5, "path", "path", ""),
    Read(6, "host", "uri", ""),
)
WHOLE = (
    *READS,
    Read(7, "query string", "full_path", ""),
    Read(8, "GET as a whole", "urlencode", ""),
)
DECLARED = {
    "KEY_COOKIES": ["theme", "django_language"],
    "KEY_HEADERS": ["X-Fruit", "Accept", "Accept-Language"],
}

LATIN = st.binary(max_size=24).map(lambda data: data.decode("latin-1"))
NAMES = st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=9)
ODD = st.sampled_from(
    ["", "a=%ff", "a=\x00", 'theme="\\400"', "theme=%", ";", "a" * 9000, "a&" * 1001]
)
RAW = LATIN | ODD
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "query": RAW | LATIN.map("a={}".format),
        "path": st.binary(max_size=12).map(lambda data: "/page/" + quote(data)),
        "host": RAW | LATIN.map("{}.example".format),
        "cookies": RAW | LATIN.map("theme={}".format),
        "header:X-Fruit": RAW,
        "header:Accept": RAW,
        "header:Accept-Language": RAW,
    },
)
MORE = st.dictionaries(NAMES.map("header:{}".format), LATIN, max_size=2)
unhurried = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(autouse=True)
def _people(transactional_db: Any) -> Iterator[None]:
    with people():
        yield


@pytest.mark.parametrize("reads", [READS, WHOLE], ids=["by name", "as a whole"])
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_any_bytes_of_a_client(kind: Kind, reads: tuple[Read, ...]) -> None:
    hits = []
    with standing(Site(kind, Program("function", reads), pages=DECLARED), "") as site:
        judge = Judge(site)

        @unhurried
        @example({"query": "a=\xff"}, {})
        @example({"cookies": 'theme="\\303\\244"'}, {"header:Content_Type": "text/plain"})
        @given(ASKED, MORE)
        def ask(asked: dict[str, Any], more: dict[str, Any]) -> None:
            visitor: Visitor = {**ORDINARY, **asked, **more}
            for _ in range(2):
                verdict = judge.verdict(visitor)
                assert not verdict.wrong, verdict.wrong
                hits.append(verdict.hit)

        ask()
    assert sum(hits) > len(hits) / 10, "some are served from the store"


# What stands in the store


def memory(_location: str) -> tuple[list[str], Callable[[str, Any], None]]:
    """Return the keys that are there, and how to put something in place of a value."""
    held = locmem._caches["claim"]  # type: ignore[attr-defined]

    def put(key: str, value: Any) -> None:
        held[key] = pickle.dumps(value)

    return sorted(held), put


def server(location: str) -> tuple[list[str], Callable[[str, Any], None]]:
    client = redis.Redis.from_url(location)
    prefix = site_names().version(STAR).partition(":v:")[0]

    def put(key: str, value: Any) -> None:
        client.set(key, value if isinstance(value, bytes) else repr(value))

    return sorted(key.decode() for key in client.scan_iter(f"*{prefix}:*")), put


STORED = st.binary(max_size=80) | st.sampled_from(
    [b"\x01\x00\x00", b"\x01\x00\x01user\n", b"a" * 16]
)
OBJECTS = st.sampled_from([None, 7, "text", [b"a"], {"a": 1}, 1.5, b"a" * 17])


@pytest.mark.parametrize("store", [MEMORY, REDIS])
@pytest.mark.parametrize("kind", [MIDDLEWARE_SYNC, MIDDLEWARE_ASYNC], ids=lambda kind: kind.name)
def test_any_bytes_in_the_store(kind: Kind, store: str, request: pytest.FixtureRequest) -> None:
    location = request.getfixturevalue("redis_server").url if store == REDIS else ""
    with standing(Site(kind, Program("function", READS), store, pages=DECLARED), location) as site:
        judge = Judge(site)
        visitor: Visitor = {**ORDINARY, "query": "a=1"}

        @unhurried
        @given(st.integers(0, 99), STORED | OBJECTS, st.booleans())
        def damage(number: int, value: Any, forgotten: bool) -> None:
            assert not [wrong for _ in range(4) if (wrong := judge.verdict(visitor).wrong)]
            assert judge.verdict(visitor).hit, "it is stored anew"
            keys, put = {MEMORY: memory, REDIS: server}[store](location)
            put(keys[number % len(keys)], value)
            if forgotten:
                forget()
            verdict = judge.verdict(visitor)
            assert not verdict.wrong, verdict.wrong

        damage()
