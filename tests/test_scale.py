"""What pages take, and that neither a look-up nor an invalidation does more where there are more of them."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from pagecache import depends_on, invalidate
from pagecache.announcing import site_store
from pagecache.bridge.ways import _all
from pagecache.core import codec
from pagecache.engine.visit import known_tags, stored_uris, variants
from pagecache.stores.lines import Line
from pagecache.tags import MAX_TAG
from tests.lanes import MEMORY, PATH, REDIS, WSGI, Lane, status, through

LANES = (WSGI,)
ROOT = Path(__file__).parent.parent
SHARE, BESIDE = 1.1, 400  # of a body, and bytes
FEW = 24  # that a process may remember, in these tests
WORDS = "a the of page that shows what it was told in words as people write them".split()


def page_of(size: int) -> str:
    words = " ".join(Random(size).choices(WORDS, k=size))
    return f"<html><body>{words[: size - 26]}</body></html>"


# What a page of a site has, as far as it takes room: bytes of its body, its path and query, tags of rows and tables.
PAGES = {
    "small": (2_000, PATH, "", 2),
    "common": (12_000, "/articles/how-to-keep-pages-for-everybody/", "page=2", 6),
    "of a list": (12_000, "/articles/", "page=12&sort=newest&topic=caches", 12),
    "long address": (12_000, f"/{'a-part-of-a-slug-' * 8}/", "from=the-front-page", 6),
    "of many rows": (20_000, "/search/", "q=many+words+that+somebody+looks+for", 34),
    "large": (200_000, "/articles/all/", "", 34),
}


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_a_page_takes_little_more_than_its_body(lane: Lane, name: str, *, compress: bool) -> None:
    size, address, query, tags = PAGES[name]
    if compress and size > 2000:
        size *= 3  # it is what the body takes that counts

    def show(request: HttpRequest) -> HttpResponse:
        depends_on(*(f"library.article:{number}" for number in range(tags)))
        _ = [request.GET.get(item.partition("=")[0]) for item in query.split("&") if item]
        return HttpResponse(page_of(size))

    lane.configure(COMPRESS=compress)
    lane.mount(path(address.removeprefix("/"), lane.page(show)))
    said = status(lane.get(f"{address}?{query}"))
    (data,) = site_store().fetch([str(said.key)])
    entry, _ = codec.decode(data or b"", str(said.key)) or pytest.fail("no entry")
    assert said.stored
    assert bool(entry.coding) is compress
    assert len(data or b"") <= SHARE * len(entry.body) + BESIDE


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is sent to the Redis: commands and keys, and how many values follow them."""
    sent: list[Any] = []
    send = Line.send

    def noted(self: Line, commands: Any) -> int:
        sent.extend((words, tuple(keys), len(rest)) for words, keys, rest in commands)
        return send(self, commands)

    monkeypatch.setattr(Line, "send", noted)
    return sent


def carrying(lane: Lane) -> None:
    def show(_request: HttpRequest, number: int) -> HttpResponse:
        depends_on("news")
        return HttpResponse(f"{number}")

    lane.mount(path("<int:number>/", lane.page(show)))


def store(lane: Lane, numbers: range) -> None:
    for number in numbers:
        lane.get(f"/{number}/")
        assert lane.see(f"/{number}/").hit


@through(WSGI, stores=(REDIS,))
def test_invalidating_says_the_same_however_many_pages_fall(lane: Lane, said: list[Any]) -> None:
    carrying(lane)
    asked = []
    for pages in (1, 60):
        store(lane, range(pages))
        said.clear()
        invalidate("news")
        asked.append(said.copy())
        assert not any(lane.see(f"/{number}/").hit for number in range(pages))
    assert asked[0] == asked[1]
    assert len(asked[0]) == 2  # `*` and the tag


@through(WSGI, stores=(REDIS,))
@pytest.mark.parametrize("local", [None, "validate"])
def test_a_look_up_says_the_same_however_many_pages_there_are(
    lane: Lane, said: list[Any], local: str | None
) -> None:
    lane.configure(LOCAL=local)
    carrying(lane)
    asked = []
    for pages in (1, 60):
        store(lane, range(pages))
        said.clear()
        assert lane.see("/0/").hit
        asked.append(said.copy())
    assert asked[0] == asked[1]
    assert len(asked[0]) == 2  # one trip: what is asked for, and that the node takes writes


def test_the_benchmark_runs_however_short() -> None:
    words = [sys.executable, "-m", "benchmarks.scale", "sizes", "memory", "100"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if "needs redis" in done.stderr:
        pytest.skip("needs redis: none can be started")
    assert done.returncode == 0, done.stderr
    sizes, memory = done.stdout.strip().split("\n\n")
    rows = [line.replace(",", "").split()[-5:] for line in sizes.splitlines()[1:]]
    assert len(rows) == 6
    assert all(int(stored) <= int(most) for _body, stored, _beside, most, _memory in rows)
    assert [line.split()[0] for line in memory.splitlines()[1:]][-1] == "100"


def modules() -> Iterator[Any]:
    yield from [module for name, module in sys.modules.items() if name.split(".")[0] == "pagecache"]


def memories() -> dict[str, int]:
    """Return how much is in whatever the modules of the package hold, and their objects."""
    found = {"addresses": max((len(ways._alike) for ways in _all), default=0)}
    for module in modules():
        for name, value in vars(module).items():
            of_ours = type(value).__module__.startswith("pagecache")
            slots = [slot for cls in type(value).__mro__ for slot in getattr(cls, "__slots__", ())]
            held = {slot: getattr(value, slot, None) for slot in slots} if of_ours else {}
            held |= getattr(value, "__dict__", {}) if of_ours else {"": value}
            found |= {
                f"{module.__name__}.{name}.{part}": len(one)
                for part, one in held.items()
                if isinstance(one, dict | set | list | deque | OrderedDict)
            }
    return found


def anything(request: HttpRequest, rest: str) -> HttpResponse:
    if rest.startswith("none"):
        raise Http404
    return HttpResponse(rest + request.GET.get("q", "") + request.headers.get("X-One", ""))


def ask_for_all_kinds(lane: Lane, numbers: range) -> None:
    visitor = lane.visitor()
    for number in numbers:
        long = f"{number}{'x' * 400}"
        for address in (
            *(f"/any/{number}/", f"/any/?q={number}", f"/any/?unread={number}"),
            *(f"/any/{long}/", f"/any/?q={long}", f"/any/none{number}", f"/nothing/{number}"),
        ):
            visitor.get(address)
        for headers in (
            {"Host": f"h{number}.example"},
            {"User-Agent": f"agent {number}"},
            {"Accept-Language": f"x-{number}"},
            {"X-One": f"{number}"},
            {"Cookie": f"seen={number}"},
            {"Accept-Encoding": f"x-{number}"},
            {"Cache-Control": f"max-age={number}"},
        ):
            lane.get("/any/one/", headers=headers)


@through(WSGI, stores=(REDIS,))
def test_what_a_process_remembers_of_requests_is_bounded(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in modules():
        if getattr(module, "MOST", 0) >= 1000:
            monkeypatch.setattr(module, "MOST", FEW)
    monkeypatch.setattr(variants, "_most", FEW)
    lane.settings.ALLOWED_HOSTS = ["*"]
    lane.configure(LOCAL="validate", LOCAL_BYTES=50_000, MAX_VARIANTS=10)
    page = lane.page(anything)
    lane.mount(path("any/<path:rest>", page), path("any/", page, {"rest": ""}))
    ask_for_all_kinds(lane, range(FEW + 6))
    before = memories()
    assert len(known_tags) == FEW
    ask_for_all_kinds(lane, range(FEW + 6, 3 * FEW))
    now = memories()
    assert {name: size for name, size in now.items() if size > max(before.get(name, 0), FEW)} == {}


def test_every_memo_has_an_end() -> None:
    memos = [one for one in gc.get_objects() if type(one) is _lru_cache_wrapper]
    ours = [one for one in memos if (one.__module__ or "").startswith("pagecache")]
    assert len(ours) > 20
    assert [one for one in ours if not 0 < (one.cache_info().maxsize or 0) <= 10_000] == []


@through(WSGI, stores=(MEMORY,))
def test_a_long_address_is_remembered_by_a_digest(lane: Lane) -> None:
    lane.mount(path("any/<path:rest>", lane.page(anything)))
    assert lane.see(f"/any/{'x' * 3000}?q={'y' * 3000}").stored
    assert len(stored_uris) == 1
    assert max(map(len, (*stored_uris, *variants._ends))) <= MAX_TAG
