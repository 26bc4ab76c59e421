"""Seeded noise: odd requests, damaged values, and one site after another that meets both."""

from __future__ import annotations

import pickle
import random
import string
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import redis
from django.core.cache.backends import locmem

from pagecache.announcing import site_names
from pagecache.engine.visit import forget
from pagecache.versions import STAR
from tests.claim.judge import Judge, Verdict
from tests.claim.programs import Program
from tests.claim.reads import Read
from tests.claim.sites import Site
from tests.claim.standing import standing
from tests.claim.visitors import ORDINARY
from tests.lanes import ALL, MEMORY, REDIS

Put = Callable[[str, Any], None]
Get = Callable[[str], bytes | None]

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
WAIT = 0.02  # seconds: a lease of noise is nobody's
VISITS = 20  # of each round
PIECES = (
    *("", "a", "b", "1", "=", "&", ";", ",", "%", "%ff", "%00", "%2f", "+", " ", "\t", "\x00", "\x7f", "\xff", "\xe9"),
    *('"', "\\", "\\400", "..", "//", ":", "[::1]", "@", "#", "?", "*", "q=0.5", "q=nan", "text/html", "de-DE"),
    *("a" * 200, "a=1&" * 300, "a=1&" * 1100, "x" * 9000),
)  # fmt: skip
NAMES = string.ascii_letters + string.digits + "-_."


def memory(_location: str) -> tuple[list[str], Get, Put]:
    """Return the keys that are there, how to look at a value, and how to put something in its place."""
    held = locmem._caches.get("claim", {})  # type: ignore[attr-defined]

    def get(key: str) -> Any:
        return pickle.loads(held[key]) if key in held else None  # noqa: S301 our own

    def put(key: str, value: Any) -> None:
        held[key] = pickle.dumps(value)
        locmem._expire_info["claim"].setdefault(key, None)  # type: ignore[attr-defined]

    return sorted(key for key in held if _prefix() in key), get, put


def server(location: str) -> tuple[list[str], Get, Put]:
    """Return the same of a Redis."""
    client: Any = redis.Redis.from_url(location)

    def put(key: str, value: Any) -> None:
        client.set(key, value if isinstance(value, bytes) else repr(value))

    return sorted(key.decode() for key in client.scan_iter(f"*{_prefix()}:*")), client.get, put


def _prefix() -> str:
    """Return what the keys of the site that stands begin with."""
    return site_names().version(STAR).partition(":v:")[0]


def noise(dice: random.Random) -> str:
    """Return a text as servers hand it over, of bytes or of what parsers stumble over."""
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(24)).decode("latin-1")
    return "".join(dice.choices(PIECES, k=dice.choice((1, 1, 2, 3, 5))))


def odd_request(dice: random.Random) -> dict[str, Any]:
    """Return what is odd about a request."""
    odd: dict[str, Callable[[], Any]] = {
        "method": lambda: dice.choice(("GET", "GET", "GET", "HEAD", "POST")),
        "query": lambda: dice.choice(("", "a=")) + noise(dice),
        "path": lambda: "/page/" + quote(noise(dice)[:2000].encode("latin-1")),
        "host": lambda: noise(dice)[:300] + dice.choice(("", ".example")),
        "cookies": lambda: dice.choice(("", "theme=")) + noise(dice),
        "header:X-Fruit": lambda: noise(dice),
        "header:Accept": lambda: noise(dice),
        "header:Accept-Language": lambda: noise(dice),
        "header:Range": lambda: "bytes=" + noise(dice),
        "header:" + "".join(dice.choices(NAMES, k=5)): lambda: noise(dice),
    }
    return {name: odd[name]() for name in dice.sample(list(odd), dice.choice((0, 1, 1, 2, 4)))}


def damaged(dice: random.Random, value: bytes, other: bytes) -> bytes:
    """Return a value as it may be found: truncated, with flipped bits, longer, another one, or noise."""
    kind = dice.randrange(7)
    if kind == 0:
        return value[: dice.randrange(len(value) + 1)]
    if kind == 1 and value:
        changed = bytearray(value)
        for _ in range(dice.choice((1, 1, 2, 8))):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
        return bytes(changed)
    if kind == 2:
        return value + dice.randbytes(dice.choice((1, 12, 16)))
    if kind == 3:
        return value[: len(value) // 2] + other[len(other) // 2 :]
    return other if kind in {4, 5} else dice.randbytes(dice.choice((0, 1, 15, 16, 17, 28, 80)))


def damage(dice: random.Random, location: str) -> None:
    """Damage what stands under some keys, or let noise hold a lease."""
    keys, get, put = (server if location else memory)(location)
    entries = [key for key in keys if ":e:" in key and not key.endswith(":lease")]
    for _ in range(dice.choice((1, 1, 3, 9)) * bool(keys)):
        among = entries if entries and dice.random() < 0.5 else keys
        key, other = dice.choice(among), dice.choice(among)
        value, another = get(key), get(other)
        if isinstance(value, bytes) and isinstance(another, bytes):
            put(key, damaged(dice, value, another))
        if dice.random() < 0.1 and entries:
            put(dice.choice(entries) + ":lease", dice.randbytes(16))


def fuzz(seed: object, number: int, location: str = "") -> Counter[str]:
    """Ask one site in its lane for a while; count the answers, the hits, and what is wrong."""
    dice, counts = random.Random(f"{seed}/{number}"), Counter[str]()
    program = Program("function", dice.choice((READS, WHOLE)))
    options: dict[str, Any] = {**DECLARED, "WAIT_SECONDS": WAIT}
    if dice.random() < 0.2:
        options["ENCRYPT"] = ["k" * 32]
    store = REDIS if location else MEMORY
    with standing(Site(ALL[number % len(ALL)], program, store, pages=options), location) as site:
        judge = Judge(site)
        visitors: list[dict[str, Any]] = []
        for _ in range(VISITS):
            visitors.append({**ORDINARY, "query": "a=1", **odd_request(dice)})
            for visitor in (visitors[-1], *dice.choices(visitors, k=2)):
                try:
                    verdict = judge.verdict(visitor)
                except Exception as error:  # noqa: BLE001 an answer that cannot even be read
                    verdict = Verdict(False, None, frozenset(), repr(error))
                counts += Counter(answers=1, hits=verdict.hit)
                if verdict.wrong:
                    counts[f"wrong in round {number}: {verdict.wrong}"] += 1
                    return counts
                if dice.random() < 0.4:
                    damage(dice, location)
                if dice.random() < 0.2:
                    forget()
    return counts


def wrong(counts: Counter[str]) -> list[str]:
    """Return what was wrong."""
    return [name for name in counts if name.startswith("wrong")]
