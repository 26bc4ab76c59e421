"""A site in front of another server, as `docs/http.md` shows it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from freezegun import freeze_time

from tests.lanes import MEMORY, MIDDLEWARE, Lane, status, text

SHOWN = re.findall(
    r"```python\n(.*?)```",
    (Path(__file__).parent.parent / "docs" / "http.md").read_text(),
    re.DOTALL,
)
LANES = MIDDLEWARE  # inside of which the observer stands
ON = (MEMORY,)
PROXY = ModuleType("shop.proxy")
exec(SHOWN[0], vars(PROXY))  # noqa: S102 our own page; a class is watched once


@pytest.fixture
def front(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> Lane:
    """A lane with the middleware and the settings that are shown."""
    shown: dict[str, Any] = {}
    exec(SHOWN[1], shown)  # noqa: S102 our own page
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.proxy", PROXY)
    lane.settings.MIDDLEWARE = shown["MIDDLEWARE"]
    lane.configure(**shown["PAGECACHE"])
    return lane


class Origin:
    """The other server: it answers with these fields, and says what it was sent."""

    def __init__(self, lane: Lane, status: int = 200, **fields: str) -> None:
        self.sent: list[dict[str, str]] = []
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}
        self.status = status
        lane.show(self.view)

    def view(self, request: Any) -> HttpResponse:
        self.sent.append(request.taken)
        is_known = request.taken.get("If-None-Match") == self.fields.get("ETag", "")
        made = f"{len(self.sent)}"
        code = 304 if is_known else self.status
        return HttpResponse("" if is_known else made, headers=self.fields, status=code)


def test_what_the_other_server_does_not_vary_by_splits_nothing(front: Lane) -> None:
    Origin(front, Cache_Control="max-age=60")

    assert [text(front.get(headers={"X-Own": value})) for value in "abc"] == ["1", "1", "1"]


def test_what_the_other_server_varies_by_keeps_pages_apart(front: Lane) -> None:
    Origin(front, Cache_Control="max-age=60", Vary="X-Own")

    assert [text(front.get(headers={"X-Own": value})) for value in "abab"] == ["1", "2", "1", "2"]


@pytest.mark.parametrize("control", ["private, max-age=60", "no-store", "public"])
def test_what_the_other_server_does_not_allow_is_not_kept(front: Lane, control: str) -> None:
    Origin(front, Cache_Control=control)

    assert [text(front.get()) for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_what_was_one_clients_alone_is_not_kept(front: Lane, header: str) -> None:
    Origin(front, Cache_Control="max-age=60")
    front.get(headers={header: "sessionid=1"})

    assert text(front.get()) == "2"


def test_the_other_server_is_asked_by_pagecache_and_not_by_the_client(front: Lane) -> None:
    origin = Origin(front, Cache_Control="max-age=60", ETag='"one"', X_Own="first")
    asked = {"If-None-Match": '"old"', "Range": "bytes=0-0"}
    with freeze_time("2026-11-26 12:00") as clock:
        front.get(headers=asked)
        clock.tick(90)
        origin.fields["X-Own"] = "second"
        answers = [front.get(headers=asked), front.get(headers=asked)]

    assert [sent.get("If-None-Match") for sent in origin.sent] == [None, '"one"']
    assert [(text(answer), answer["X-Own"]) for answer in answers] == [("1", "second")] * 2
    assert [answer.status_code for answer in answers] == [206, 206]
    assert status(answers[1]).hit


def test_an_error_of_the_other_server_is_stood_in_for(front: Lane) -> None:
    origin = Origin(front, Cache_Control="max-age=60")
    with freeze_time("2026-11-26 12:00") as clock:
        front.get()
        origin.status = 502
        clock.tick(90)
        assert text(front.get()) == "1"


@pytest.fixture
def origin(front: Lane) -> Iterator[Any]:
    """A server of its own, and the view that is shown in front of it."""
    asked: list[tuple[str, str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.command, self.path, dict(self.headers), body))
            if self.path.endswith("interim"):
                self.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n")
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: <early>\r\n\r\n")
            is_known = self.headers.get("If-None-Match") == '"one"'
            self.send_response(304 if is_known else 200)
            for name, value in (
                *(
                    ("ETag", '"one"'),
                    ("Cache-Control", "max-age=60"),
                    ("Link", "<a>"),
                    ("Link", "<b>"),
                ),
                *(("Connection", "X-Hop, close"), ("X-Hop", "1"), ("Keep-Alive", "1")),
            ):
                self.send_header(name, value)
            if self.command == "POST":
                self.send_header("Set-Cookie", "a=1; Path=/")
                self.send_header("Set-Cookie", "b=2")
            self.end_headers()
            if not is_known:
                self.wfile.write(b"page")

        do_GET = do_POST = answer  # noqa: N815 its names

        def log_message(self, *_said: Any) -> None:
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    PROXY.ORIGIN = server.server_address  # type: ignore[attr-defined]
    front.show(PROXY.hand_on)
    server.asked = asked
    yield server
    server.shutdown()
    server.server_close()


def test_pages_of_the_other_server_are_kept_and_asked_about(front: Lane, origin: Any) -> None:
    with freeze_time("2026-11-26 12:00") as clock:
        answers = [front.get("/page/?q=1", headers={"X-Own": "mine"}) for _ in range(2)]
        clock.tick(90)
        answers += [front.get("/page/?q=1") for _ in range(2)]
        origin.shutdown()
        origin.server_close()
        clock.tick(90)
        answers.append(front.get("/page/?q=1"))

    assert [(answer.status_code, text(answer)) for answer in answers] == [(200, "page")] * 5
    assert [status(answer).hit for answer in answers] == [False, True, False, True, False]
    assert all(answer["Link"] == "<a>, <b>" for answer in answers)
    assert not any(
        answer.headers.keys() & {"X-Hop", "Keep-Alive", "Connection"} for answer in answers
    )
    assert [(one[0], one[1]) for one in origin.asked] == [("GET", "/page/?q=1")] * 2
    assert origin.asked[0][2]["X-Own"] == "mine"
    assert origin.asked[1][2]["If-None-Match"] == '"one"'


def test_what_is_sent_to_the_other_server_comes_there(front: Lane, origin: Any) -> None:
    front.get()
    answer = front.visitor().ask("post", data="body", content_type="text/plain")

    assert [cookie.value for cookie in answer.cookies.values()] == ["1", "2"]
    assert (origin.asked[1][0], origin.asked[1][3]) == ("POST", b"body")
    assert not front.see().hit


def test_interim_answers_of_the_other_server_are_no_page(front: Lane, origin: Any) -> None:
    answers = [front.get("/page/?interim") for _ in range(2)]

    assert [(answer.status_code, text(answer)) for answer in answers] == [(200, "page")] * 2
    assert [answer["Link"] for answer in answers] == ["<a>, <b>"] * 2
    assert [status(answer).hit for answer in answers] == [False, True]


def test_headers_that_the_view_reads_itself_refuse_the_page(front: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(len(request.headers)), headers={"Cache-Control": "max-age=60"})

    front.show(view)

    assert front.see().reason == "all-headers"
