"""What it costs to make a page that is not stored: `python -m benchmarks.misses`, and with `--count`, with valgrind.

Two pages of one site are asked for under addresses that nobody asked for before: one that takes 5 ms of work and two
queries, and the demo site's list of films. Processes without pagecache and with it are asked in turns; one of them
sees each text of SQL as if for the first time, and one notes how long each part took. The goals are for what it takes
to save a page; a look-up, which a hit takes too, and the lease are beside that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import count
from statistics import median
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.calls import environ_of
from benchmarks.instructions import COLLECTED
from benchmarks.precision import Catalog, catalog
from benchmarks.report import Table, aligned
from benchmarks.servers import ROOT
from benchmarks.systems import OURS, TRUTH, System
from tests.servers import redis

WORK = 0.005  # seconds
PAGES = {"a view of 5 ms": "/work/?q={}", "the list of films": "/en/films/?rating={}"}
# What it may take to save a page: so large a part of what it takes without pagecache, and so many microseconds more.
GOALS = {"a view of 5 ms": (0.1, 0.0), "the list of films": (0.0, 150.0)}
ROUNDS, CALLS, WARM_UPS, COUNTED = 40, 10, 30, 20
COLUMNS = (
    *("a miss", "without, µs", "more, µs", "more processor, µs"),
    "and at first sight of its SQL",
)
CLOCK, CPU = 0, 1
VIEW = "view"
TO_SAVE = ("recorder", "footprints", "save", "save trip")
PARTS = (*TO_SAVE, "look-up, all else", "look-up trip", "lease trip")
VALGRIND = (
    *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"),
    *(sys.executable, "-m", "benchmarks.misses"),
)


def work(request: HttpRequest) -> HttpResponse:
    """Ask for two things, and compute as long as the environment says."""
    from demo_site.films.models import Film, Genre  # noqa: PLC0415 Django is set up first

    wanted = request.GET.get("q", "")
    films, genre = Film.objects.filter(title=wanted).count(), Genre.objects.get(pk=1)
    data = wanted.encode()
    for _ in range(int(os.environ["BENCH_WORK"])):
        data = sha256(data).digest()
    return HttpResponse(f"{films} {genre.name} {data.hex()}" * 100)


def rounds_of_work() -> int:
    """Return how often the view is to compute to take as long as it should."""
    data, times = b"", 10_000
    spent = []
    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(times):
            data = sha256(data).digest()
        spent.append(time.perf_counter() - begun)
    return int(times * WORK / min(spent))


class Asker:
    """A process of a site that is told which page to make, and how often."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.told()

    def ask(self, page: str, times: int) -> Any:
        """Return what it tells of so many misses."""
        self.tell([page, times])
        return self.told()

    def tell(self, what: object) -> None:
        print(json.dumps(what), file=self.child.stdin, flush=True)

    def told(self) -> Any:
        line = self.child.stdout.readline() if self.child.stdout else ""
        if not line:
            raise RuntimeError(self.child.args)
        return json.loads(line)


@contextmanager
def asker(site: Catalog, system: System, mode: str, *command: str) -> Iterator[Asker]:
    """Run a process of the site."""
    env = os.environ | {
        "BENCH_RUN": f"{site.database.parent.name}:",
        "BENCH_SYSTEM": system.name,
        "DEMO_DB": str(site.database),
        "DJANGO_SETTINGS_MODULE": "benchmarks.systems_settings",
        "PYTHONHASHSEED": "0",
        "REDIS_URL": site.redis_url,
    }
    words = [*(command or (sys.executable, "-m", "benchmarks.misses")), mode]
    pipe = subprocess.PIPE
    errors = pipe if command else None  # valgrind says there what it counted
    child = subprocess.Popen(
        words, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=errors, text=True
    )
    with child:
        try:
            yield Asker(child)
        finally:
            if child.stdin:
                child.stdin.close()


def answer(mode: str) -> None:
    """Make pages as told, and tell how long each took, in seconds."""
    import django  # noqa: PLC0415 only here
    from django.conf import settings  # noqa: PLC0415 the same

    settings.PAGECACHE |= {"MAX_VARIANTS": 1_000_000, "STORE_BUDGET": 20.0}
    django.setup()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 Django is set up first

    from demo_site import urls  # noqa: PLC0415 the same

    urls.urlpatterns.insert(0, path("work/", work))
    if mode == "count":
        from pagecache.stores import lines  # noqa: PLC0415 the same

        lines.QUIET = float("inf")  # valgrind is so slow that a server would be asked who it is
    watch = Watch()
    if mode == "parts":
        watch.begin()
    before = forgets_texts() if mode == "first" else lambda: None
    application, numbers = get_wsgi_application(), count()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        page, times = json.loads(line)
        watch.spent.clear()
        spent = [
            timed(application, PAGES[page].format(f"{mode}-{next(numbers)}"), before)
            for _ in range(times)
        ]
        shares = {name: watch.spent[name] / times for name in PARTS}
        print(json.dumps(shares if mode == "parts" else spent), flush=True)


def timed(application: Any, address: str, before: Callable[[], object]) -> tuple[float, float]:
    """Ask for a page; return the seconds that it took, by the clock and of the processor."""
    where, _, query = address.partition("?")
    environ = environ_of(where, query)
    heads: list[Any] = []
    before()
    begun, used = time.perf_counter(), time.thread_time()
    response = application(environ, lambda *head: heads.append(head))
    b"".join(response)
    response.close()
    spent = time.perf_counter() - begun, time.thread_time() - used
    status, headers = heads[0]
    said = dict(headers).get("Cache-Status", "")
    if status != "200 OK" or (os.environ["BENCH_SYSTEM"] == OURS.name and "stored" not in said):
        message = f"{address}: {status}, {said}"
        raise AssertionError(message)
    return spent


def forgets_texts() -> Callable[[], None]:
    """Return what lets each text of SQL be seen for the first time."""
    from pagecache import rows, tags  # noqa: PLC0415 Django is set up first
    from pagecache.core import footprint  # noqa: PLC0415 the same
    from pagecache.recording import sql  # noqa: PLC0415 the same

    memos: tuple[Any, ...] = (
        *(footprint._remembered, footprint._remembered_folded),  # noqa: SLF001 no site needs them
        *(rows.lookup_of, tags.tags_written, sql._touched),  # noqa: SLF001 likewise
    )

    def forget() -> None:
        for memo in memos:
            memo.cache_clear()

    return forget


class Watch:
    """Notes the processor time of functions, without that of others inside of them that it watches too."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside: list[float] = []  # of those that are under way

    def around(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return the function, watched."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            begun = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - begun
                self.spent[part] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return watched

    def steps_of(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a function that gives steps, none of which fails, watched but while they are carried out."""

        def watched(*args: Any) -> Generator[Any, Any, Any]:
            steps = function(*args)
            take, result = self.around(steps.send, part), None
            while True:
                try:
                    effect = take(result)
                except StopIteration as stop:
                    return stop.value
                result = yield effect

        return watched

    def begin(self) -> None:
        """Watch the parts of a miss."""
        from pagecache import database  # noqa: PLC0415 Django is set up first
        from pagecache.engine import flow  # noqa: PLC0415 the same
        from pagecache.engine.effects import Fetch, Lease, Render, Save  # noqa: PLC0415 the same
        from pagecache.middleware import PageCacheMiddleware  # noqa: PLC0415 the same

        owners: list[tuple[Any, str, str]] = [
            (Fetch, "run", "look-up trip"),
            (Lease, "run", "lease trip"),
            (Save, "run", "save trip"),
            (PageCacheMiddleware, "__call__", "look-up, all else"),
        ]
        for owner, name, part in owners:
            setattr(owner, name, self.around(getattr(owner, name), part))
        steps: Any = flow
        steps.store = self.steps_of(steps.store, "save")
        run, send = Render.run, database._run  # noqa: SLF001 there is no other way to see it
        Render.run = self.around(  # type: ignore[method-assign]
            lambda effect, render: run(effect, self.around(render, VIEW)), "recorder"
        )
        database._run = self.around(  # noqa: SLF001
            lambda execute, *rest: send(self.around(execute, VIEW), *rest), "footprints"
        )


def measured(site: Catalog) -> tuple[Table, Table]:
    """Ask in turns; return a row for each page: what a miss takes, and its parts."""
    table: Table = [COLUMNS]
    shares: Table = [("processor of a miss, µs", *PARTS, "to save", "goal")]
    with ExitStack() as stack:
        modes = {"bare": TRUTH, "ours": OURS, "first": OURS, "parts": OURS}
        askers = {
            mode: stack.enter_context(asker(site, system, mode)) for mode, system in modes.items()
        }
        for page, (share, more) in GOALS.items():
            for one in askers.values():
                one.ask(page, WARM_UPS)
            told = [
                {mode: one.ask(page, CALLS) for mode, one in askers.items()} for _ in range(ROUNDS)
            ]
            used, spent = ([figures(each, of) for each in told] for of in (CPU, CLOCK))
            goal = more + share * median(one["bare"] for one in used)
            table.append(
                (
                    page,
                    f"{median(one['bare'] for one in spent):,.0f}",
                    f"{median(one['ours'] - one['bare'] for one in spent):,.0f}",
                    f"{median(one['ours'] - one['bare'] for one in used):,.0f}",
                    f"{median(one['first'] - one['ours'] for one in used):,.0f}",
                )
            )
            parts = {name: median(each["parts"][name] for each in told) * 1e6 for name in PARTS}
            saving = sum(parts[name] for name in TO_SAVE)
            shares.append((page, *(f"{part:,.0f}" for part in (*parts.values(), saving, goal))))
    return table, shares


def figures(told: dict[str, Any], of: int) -> dict[str, float]:
    """Return the median of each process, in microseconds by the clock or of the processor."""
    return {
        mode: median(pair[of] for pair in told[mode]) * 1e6 for mode in ("bare", "ours", "first")
    }


def counted(site: Catalog) -> Table:
    """Return a row for each page: the instructions of the processor that a miss takes."""
    table: Table = [("instructions of a miss, without the work", "without pagecache", "more")]
    for page in PAGES:
        bare, ours = (instructions(site, system, page) for system in (TRUTH, OURS))
        table.append((page, f"{bare:,}", f"{ours - bare:,}"))
    return table


def instructions(site: Catalog, system: System, page: str) -> int:
    """Return the instructions of one miss."""
    with asker(site, system, "count", *VALGRIND) as one:
        one.ask(page, WARM_UPS)
        for switch in ("on", "off"):
            control = ("callgrind_control", "-i", switch, str(one.child.pid))
            subprocess.run(control, check=True, capture_output=True)
            if switch == "on":
                one.ask(page, COUNTED)
        one.child.stdin.close()  # type: ignore[union-attr]
        found = COLLECTED.search(one.child.stderr.read() if one.child.stderr else "")
    if found is None:
        message = f"valgrind counted nothing of {page}"
        raise RuntimeError(message)
    return int(found[1]) // COUNTED


def main(*, counts: bool) -> None:
    """Print the tables."""
    # Valgrind makes the work last so long that a connection would be asked again each time who answers.
    os.environ["BENCH_WORK"] = "0" if counts else str(rounds_of_work())
    with redis() as server, catalog(server.url) as site:
        if counts:
            print(aligned(counted(site)))
        else:
            print("\n\n".join(map(aligned, measured(site))))


if __name__ == "__main__":
    if sys.argv[1:2] in ([], ["--count"]):
        main(counts="--count" in sys.argv)
    else:
        answer(sys.argv[1])
