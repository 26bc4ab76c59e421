"""The benchmark runs, however short, and has a row for each contender."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.chart import bars
from benchmarks.contenders import BASELINES, BY_NAME, CONTENDERS
from benchmarks.fronts import found
from benchmarks.goals import table as goals_table
from benchmarks.precision import Failure, Result, Score, measured, score, table
from benchmarks.process import LABELS
from benchmarks.report import absent_rows, aligned, call_table
from benchmarks.rounds import Measured, Plan, Spread, ratios
from benchmarks.servers import load, site, up
from benchmarks.sweeps import SWEEPS
from benchmarks.sweeps import table as sweep_table
from benchmarks.systems import EDITS, OURS, SYSTEMS
from benchmarks.text import TEXT, marked
from benchmarks.writes import WRONG, Answer, Page, Run, Written, seen_in, stale
from tests.servers import MissingServerError, redis

FAST = ("pagecache-wsgi", "pagecache-asgi")
ELSEWHERE = ("bare-gunicorn", "pagecache-asgi-push-uvicorn")
HTTP = (*BASELINES, "no-cache", "pagecache", *FAST, *ELSEWHERE)
CALLS = (*BASELINES, "pagecache", "pagecache-wsgi", "get-many")
ROOT = Path(__file__).resolve().parent.parent
HEAD = b"HTTP/1.1 200 OK\r\nCache-Status: hit\r\n\r\n"


def body(time: int) -> bytes:
    return (marked(time) + TEXT).encode()


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    try:
        with redis() as server:
            yield server.url
    except MissingServerError as error:
        pytest.skip(str(error))


def test_a_short_run_has_a_row_for_each_contender(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    page = tmp_path / "benchmarks.md"
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--seconds", "0.2"]
    command += ["--only", *HTTP, "get-many"]

    done = subprocess.run(
        [*command, "--markdown", page], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "--rounds 1 --seconds 0.2" in page.read_text()
    for label in (*(BY_NAME[name].label for name in HTTP), *(LABELS[name] for name in CALLS)):
        figure = re.search(rf"^{re.escape(label)} +([\d,]+) ", done.stdout, re.MULTILINE)
        assert figure, f"{label} has a row"
        assert int(figure[1].replace(",", "")) > 0
        assert f"\n| {label} | " in page.read_text()
    assert "## Goals" in page.read_text()
    assert page.with_suffix(".svg").read_text().startswith("<svg")


def test_pages_are_made_once_for_visitors_who_differ_in_what_nobody_reads() -> None:
    command = [sys.executable, "-m", "benchmarks.visitors"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "pagecache: 300 visitors, 5 pages made"


def test_nothing_stays_in_the_redis(redis_url: str) -> None:
    with Redis.from_url(redis_url) as server:
        server.set("of-others", 1)
        with site(redis_url):
            run = os.environ["BENCH_RUN"]
            server.mset({f"of:{run}:{number}": 1 for number in range(1500)})

        assert server.get("of-others") == b"1"
        assert not server.keys(f"*{run}*")
        server.delete("of-others")


def test_what_is_not_installed_is_said(redis_url: str) -> None:
    other = replace(BY_NAME["nginx"], front="no-such-program")
    module = replace(BY_NAME["fancy"], package="no_such_module")

    with up([other, module]) as servers:
        measured = Measured({}, servers.absent)

    assert not servers.running
    assert [row[1] for row in absent_rows(measured, 3)] == [
        "not here: no-such-program is not installed",
        "not here: no_such_module is not installed",
    ]


def test_cache_before_a_server_keeps_its_answer(redis_url: str) -> None:
    """Varnish keeps it where `make bench` finds it: each of its rows is checked there."""
    if not found("nginx"):
        pytest.skip("needs nginx: its Debian package is nginx-light")
    (front,) = (one for one in CONTENDERS if one.front == "nginx")

    with site(redis_url), up([front]) as servers:
        running = servers.running[front.name]
        load(running, 0.2, 1)
        figures = load(running, 0.2, 1)

    assert len(running.groups) == 2
    assert figures["answers"] > 0
    assert figures["wrong"] == 0


@pytest.mark.parametrize("name", ["cacheops", "fancy", "wagtail"])
def test_caches_of_others_keep_the_page(redis_url: str, name: str) -> None:
    contender = BY_NAME[name]

    with site(redis_url), up([contender]) as servers:
        running = servers.running[name]
        load(running, 0.2, 1)
        figures = load(running, 0.2, 1)

    assert figures["answers"] > 0
    assert figures["wrong"] == 0


def test_a_sweep_has_a_column_for_each_value(redis_url: str) -> None:
    small = replace(SWEEPS["hits"], values=(0.5, 1), only=(*BASELINES, "pagecache"))

    head, *rows = sweep_table(small, Plan(rounds=1, seconds=0.2), redis_url, lambda _progress: None)

    assert head == ("share of hits", "50%", "100%", "wrong")
    assert [row[0] for row in rows] == [BY_NAME[name].label for name in small.only]
    assert all(re.fullmatch(r"[\d,]+ = [\d.]+ \([\d.]+-[\d.]+\)", row[1]) for row in rows)
    assert {row[-1] for row in rows} == {"0"}


def test_answers_are_compared_within_their_round() -> None:
    assert ratios([30, 80, 10], [10, 20, 10]) == Spread(median=3, low=1, high=4)


def test_a_call_is_compared_with_the_trip() -> None:
    shown = aligned(call_table({"pagecache": [80.0, 90.0, 100.0], "get-many": [40.0, 45.0, 40.0]}))

    assert re.search(r"pagecache's middleware +90 +80-100 +2.00 \(2.00-2.50\)", shown)


def test_an_edit_drops_what_had_to_go_and_few_film_pages_more(redis_url: str) -> None:
    results = measured(redis_url, lambda _progress: None, [OURS], films=20, lists=4)

    assert len(results) == len(EDITS)
    for result in results:
        assert isinstance(result, Result)
        assert (result.films.pages, result.films.due, result.lists.pages) == (20, 1, 4)
        assert (result.films.stale, result.lists.stale) == (0, 0)
        assert result.films.needless <= 2


def test_a_page_that_had_to_go_and_stayed_is_stale() -> None:
    before = {"old": (False, "a"), "new": (False, "b"), "same": (False, "c")}
    true = {"old": (True, "x"), "new": (True, "y"), "same": (True, "c")}
    came = {"old": (False, "a"), "new": (True, "y"), "same": (True, "c")}

    counted = score(before, [before, came], [before, true])

    assert counted == Score(pages=3, dropped=2, due=2, needless=1, stale=1)


def test_a_system_that_does_not_run_has_a_row_that_says_so() -> None:
    head, row = table([Failure(SYSTEMS[-1], "ImportError: gone")])

    assert len(row) == len(head)
    assert re.fullmatch(r"does not run with Django [\d.]+: ImportError: gone", row[1])


@pytest.mark.parametrize(
    "asked, value, expected",
    [(5.0, 7, 0), (5.0, 6, 1), (3.5, 6, 0), (4.5, 6, 0)],
    ids=["shows it", "is too old", "asked before", "within the bound"],
)
def test_answer_is_stale_that_shows_less_than_was_saved_before(
    asked: float, value: int, expected: int
) -> None:
    answers = [Answer(asked, 0.1, row, value, is_hit=True) for row in (1, 2)]

    assert stale(answers, {1: [(1.0, 6), (4.0, 7)]}, bound=1.0) == expected


def test_answers_while_somebody_writes_are_counted() -> None:
    quiet = [Answer(float(at), 0.002, 1, 5, is_hit=True) for at in range(4)]
    rows = [
        *(Answer(float(at), 0.003, 1, 5, is_hit=True) for at in range(3)),
        Answer(9.0, 0.1, 1, 6, is_hit=False),
        Answer(9.0, 0.1, 1, WRONG, is_hit=False),
    ]
    written = Written()
    written.runs["pagecache", 0].append(Run.of(quiet, {}))
    written.runs["pagecache", 10].append(Run.of(rows, {1: [(0.5, 6)]}))

    assert written.slower("pagecache", 10).median == pytest.approx(1.5)
    assert [row[1] for row in written.table()] == ["writes/s", "0", "10"]
    assert written.table()[2][3] == "60.00%"
    assert written.table()[2][-3:] == ("1", "2", "1")


def test_goals_stand_beside_what_was_seen() -> None:
    figures = {"seconds": 1.0, "wrong": 0.0}
    rounds = {
        name: [figures | {"answers": answers, "cpu": 2 / answers}]
        for name, answers in (("django", 10.0), ("django-redis", 20.0), ("pagecache", 40.0))
    }

    table = goals_table(Measured(rounds, {}), None)

    assert [row[2:] for row in table[1:]] == [
        (*["4.00 (4.00-4.00)"] * 2, *["2.00 (2.00-2.00)"] * 2),
        ("0", "", "", ""),
    ]


def test_goals_tell_what_may_be_late_from_what_may_not() -> None:
    written, waits = Written(), array("d", [0.001])
    for name in ("django", "pagecache", "pagecache-wsgi-push"):
        for rate in (0, 10):
            written.runs[name, rate].append(Run(1, 0, 3, 1, waits))

    table = goals_table(Measured({}, {}), written)

    assert {row[0]: row[2] for row in table if row[0].startswith("stale")} == {
        "stale pages, but for push": "6",
        "stale pages of push, later than PUSH_BOUND": "2",
        "stale pages of push, within it": "4",
    }


def test_page_of_a_row_tells_its_save() -> None:
    head = b"HTTP/1.1 200 OK\r\nCache-Status: pagecache; hit\r\n\r\n"

    assert seen_in(head + body(7)) == (7, True)
    assert seen_in(HEAD + body(7)) == (7, False)
    assert seen_in(head + body(7)[:-1]) == (WRONG, False)
    assert seen_in(head.replace(b"200", b"500") + body(7)) == (WRONG, False)


def test_answer_that_came_before_is_not_looked_at_again() -> None:
    page, answer = Page(3), HEAD + body(7)
    assert page.seen_in(answer) == (7, False)
    assert page.known is answer
    page._seen = 8, True
    assert page.seen_in(answer) == (8, True)
    assert page.seen_in(HEAD + body(9)) == (9, False)


def test_chart_has_a_bar_for_each_figure() -> None:
    drawn = bars([("one & all", 100.0), ("another", 50.0)])

    widths = [int(width) for width in re.findall(r'<rect [^>]*width="(\d+)"', drawn)]
    assert widths[0] == 2 * widths[1]
    assert "one &amp; all" in drawn
