"""The benchmark's asker knows a right answer, however it comes."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.load import HOST, PATIENCE, Judge, Line, Order, poll_of, requests
from benchmarks.text import TEXT, marked

KEPT = Order(port=0, path="/", connections=1, seconds=1, proof="cache-status: hit", is_kept=True)
HEAD = b"HTTP/1.1 200 OK\r\nCache-Status: hit\r\n\r\n"
WHOLE = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 12000\r\n\r\n")


def body(time: int) -> bytes:
    return (marked(time) + TEXT).encode()


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


def test_a_new_page_is_asked_for_where_it_is_to_be_no_hit() -> None:
    asked = requests(replace(KEPT, path="/page/", hits=0))

    words = [next(asked)[0].split()[1] for _ in range(3)]

    assert len(set(words)) == 3
    assert all(re.fullmatch(rb"/page/\d+/", word) for word in words)


def test_nothing_but_the_page_is_asked_for_where_all_are_hits() -> None:
    asked = requests(KEPT)

    assert {next(asked)[0].split()[1] for _ in range(3)} == {b"/"}
