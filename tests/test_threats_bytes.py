"""Any bytes of a client, and any bytes in the store, get the answer that the site gives without pagecache."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pagecache.engine.visit import forget
from tests.claim.judge import Judge, people
from tests.claim.programs import Program
from tests.claim.reads import Read
from tests.claim.sites import Site
from tests.claim.standing import standing
from tests.claim.visitors import ORDINARY, Visitor
from tests.fuzz.noise import DECLARED, READS, WHOLE, fuzz, memory, server, wrong
from tests.lanes import ALL, MEMORY, MIDDLEWARE_ASYNC, MIDDLEWARE_SYNC, REDIS, Kind

pytestmark = pytest.mark.django_db(transaction=True)

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
            keys, _, put = {MEMORY: memory, REDIS: server}[store](location)
            put(keys[number % len(keys)], value)
            if forgotten:
                forget()
            verdict = judge.verdict(visitor)
            assert not verdict.wrong, verdict.wrong

        damage()


@pytest.mark.parametrize("store", [MEMORY, REDIS])
def test_noise_in_requests_and_in_the_store(store: str, request: pytest.FixtureRequest) -> None:
    """A short run; `make soak` has a long one, `python -m tests.fuzz`."""
    location = request.getfixturevalue("redis_server").url if store == REDIS else ""
    counts = sum((fuzz(7, number, location) for number in range(len(ALL))), Counter[str]())
    assert wrong(counts) == []
    assert counts["hits"] > counts["answers"] / 10
