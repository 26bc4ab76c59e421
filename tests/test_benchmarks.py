"""The benchmark runs, however short, and has a row for each contender."""

from __future__ import annotations

import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chart import bars
from benchmarks.contenders import BASELINES, BY_NAME
from benchmarks.load import HOST, PATIENCE, Judge, Line, Order, poll_of
from benchmarks.precision import Failure, Result, Score, measured, score, table
from benchmarks.process import LABELS
from benchmarks.report import aligned, call_table
from benchmarks.rounds import Spread, ratios
from benchmarks.systems import EDITS, OURS, SYSTEMS
from benchmarks.text import TEXT, marked
from benchmarks.writes import WRONG, Answer, seen_in, stale
from tests.servers import MissingServerError, redis

FAST = ("pagecache-wsgi", "pagecache-asgi")
HTTP = (*BASELINES, "no-cache", "pagecache", *FAST)
CALLS = (*BASELINES, "pagecache", "pagecache-wsgi", "get-many")
ROOT = Path(__file__).resolve().parent.parent
KEPT = Order(port=0, path="/", connections=1, seconds=1, proof="cache-status: hit", is_kept=True)
HEAD = b"HTTP/1.1 200 OK\r\nCache-Status: hit\r\n\r\n"


WHOLE = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 12000\r\n\r\n")


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
    command += ["--only", "no-cache", "pagecache", *FAST, "get-many"]

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


def test_the_kept_answer_is_right_and_another_is_wrong() -> None:
    judge = Judge(KEPT)

    assert judge.is_right(HEAD + body(1))
    assert judge.known == HEAD + body(1)
    assert judge.is_right(HEAD + body(1))
    assert not judge.is_right(HEAD + body(2))
    assert judge.known == HEAD + body(1)


def test_what_is_made_anew_each_time_is_looked_at_each_time() -> None:
    judge = Judge(replace(KEPT, is_kept=False))

    assert judge.is_right(HEAD + body(1))
    assert judge.is_right(HEAD + body(2))
    assert judge.known == b""


@pytest.mark.parametrize(
    "head, text",
    [
        pytest.param(HEAD.replace(b"200", b"500"), body(1), id="an error"),
        pytest.param(HEAD.replace(b"hit", b"fwd=miss"), body(1), id="not from the cache"),
        pytest.param(HEAD, body(1)[:-1], id="cut off"),
        pytest.param(HEAD, body(1).replace(b"page", b"wage"), id="another text"),
    ],
)
def test_a_wrong_answer_is_seen(head: bytes, text: bytes) -> None:
    assert not Judge(KEPT).is_right(head + text)


@pytest.fixture
def pair() -> Iterator[tuple[Line, socket.socket]]:
    with socket.create_server((HOST, 0)) as listener:
        line = Line(listener.getsockname()[1])
        server, _ = listener.accept()
        with server:
            yield line, server
        line.close()


def test_the_known_answer_is_heard_as_itself(pair: tuple[Line, socket.socket]) -> None:
    line, server = pair
    known = WHOLE + body(1)

    server.sendall(known)

    assert heard(line, known) is known


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(WHOLE + body(2), id="as long"),
        pytest.param(WHOLE.replace(b"hit", b"hit; ttl=1") + body(1), id="longer"),
        pytest.param(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", id="shorter"),
    ],
)
def test_another_answer_is_heard_as_it_is(pair: tuple[Line, socket.socket], other: bytes) -> None:
    line, server = pair

    server.sendall(other)

    assert heard(line, WHOLE + body(1)) == other


def test_an_answer_in_parts_is_heard_once_it_is_whole(pair: tuple[Line, socket.socket]) -> None:
    line, server = pair
    known = WHOLE + body(1)

    for part in (known[:10], known[10:500], known[500:5000]):
        server.sendall(part)
        poll_of([line])(PATIENCE)
        assert line.hear(known) is None
    server.sendall(known[5000:])

    assert heard(line, known) is known


def test_an_end_before_the_answer_is_an_error(pair: tuple[Line, socket.socket]) -> None:
    line, server = pair

    server.close()

    with pytest.raises(ConnectionError):
        heard(line, b"")


def test_without_epoll_selectors_do(
    pair: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, server = pair
    monkeypatch.delattr(select, "epoll", raising=False)
    poll = poll_of([line])

    assert not poll(0)
    server.sendall(WHOLE)

    assert [number for number, _ in poll(PATIENCE)] == [line.fileno()]


def heard(line: Line, known: bytes) -> bytes:
    poll = poll_of([line])
    while poll(PATIENCE):
        answer = line.hear(known)
        if answer is not None:
            return answer
    raise TimeoutError


def test_answers_are_compared_within_their_round() -> None:
    assert ratios([30, 80, 10], [10, 20, 10]) == Spread(median=3, low=1, high=4)


def test_a_call_is_compared_with_the_trip() -> None:
    shown = aligned(call_table({"pagecache": [80.0, 90.0, 100.0], "get-many": [40.0, 45.0, 40.0]}))

    assert re.search(r"pagecache's middleware +90 +80-100 +2.00 \(2.00-2.50\)", shown)


def test_an_edit_drops_what_had_to_go_and_few_film_pages_more(redis_url: str) -> None:
    found = measured(redis_url, lambda _progress: None, [OURS], films=20, lists=4)

    assert len(found) == len(EDITS)
    for result in found:
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


def test_page_of_a_row_tells_its_save() -> None:
    head = b"HTTP/1.1 200 OK\r\nCache-Status: pagecache; hit\r\n\r\n"

    assert seen_in(head + body(7)) == (7, True)
    assert seen_in(HEAD + body(7)) == (7, False)
    assert seen_in(head + body(7)[:-1]) == (WRONG, False)
    assert seen_in(head.replace(b"200", b"500") + body(7)) == (WRONG, False)


def test_chart_has_a_bar_for_each_figure() -> None:
    drawn = bars([("one & all", 100.0), ("another", 50.0)])

    widths = [int(width) for width in re.findall(r'<rect [^>]*width="(\d+)"', drawn)]
    assert widths[0] == 2 * widths[1]
    assert "one &amp; all" in drawn
