"""HTTP over the wire: real servers of both kinds, and other people's caches in front of them."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests
from hishel import CacheOptions, SqliteStorage
from hishel.requests import CacheAdapter
from requests_cache import CachedSession

from tests import http_cases, servers
from tests.http_cases import CHANGES, CODED, FRESHNESS, TARGETED, dated
from tests.lanes import Status, status
from tests.server_fixtures import present
from tests.servers import HOST, Server
from tests.wire.urls import PAGE, TEN

ROOT = Path(__file__).parent.parent
PATIENCE = 10  # seconds that may pass between two requests of one case
COMMANDS = {
    "gunicorn": "gunicorn --threads 4 --no-control-socket --chdir {root} --bind {host}:{port} tests.wire.site:wsgi",
    "uvicorn": "uvicorn --no-date-header --app-dir {root} --host {host} --port {port} tests.wire.site:asgi",
}


@contextmanager
def serving(name: str) -> Iterator[Server]:
    """Have a server of the site on a free port."""
    port = servers.free_port()
    words = COMMANDS[name].format(root=ROOT, host=HOST, port=port).split()
    with servers.running([sys.executable, "-m", *words]) as process:
        servers.wait_until(lambda: servers.answers(port), process, name)
        yield Server(HOST, port, f"http://{HOST}:{port}")


@pytest.fixture(scope="module", params=COMMANDS)
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The site on a server, WSGI or ASGI."""
    with serving(request.param) as server:
        yield server


def said(answer: Any) -> Status:
    """What pagecache says of an answer, whichever library it came by."""
    return status(answer.headers)


@dataclass(frozen=True)
class Answer:
    """What came over the wire."""

    code: int
    headers: Any
    body: bytes

    @property
    def said(self) -> Status:
        return said(self)


class Wire:
    """A connection that sends what it is told and adds nothing."""

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(server.host, server.port, timeout=30)
        self.now = int(time.time())  # that the dates of cases are counted from

    def ask(self, path: str, asked: Mapping[str, str] = {}, method: str = "GET") -> Answer:
        self._connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": "testserver", **asked}.items():
            self._connection.putheader(name, dated(value, self.now))
        self._connection.endheaders()
        response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def case(self, table: str, at: int, asked: Mapping[str, str] = {}) -> Answer:
        return self.ask(f"/{table}/{at}/{self.now}/", asked)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def wire(site: Server) -> Iterator[Wire]:
    with closing(Wire(site)) as wire:
        yield wire


def wrong(cases: Sequence[Any], is_right: Any) -> list[str]:
    """The cases that are answered otherwise, of those that every server sends."""
    numbered = [(at, case) for at, case in enumerate(cases) if is_sent(getattr(case, "fields", {}))]
    assert len(numbered) > len(cases) * 0.9
    return [case.id for at, case in numbered if not is_right(at, case)]


def is_sent(fields: Mapping[str, str]) -> bool:
    return all(value and value == value.strip() for value in fields.values())


@pytest.mark.parametrize(
    "name, table", [("freshness", FRESHNESS), ("targeted", TARGETED)], ids=["own", "targeted"]
)
def test_pages_are_kept_as_long_as_the_book_says(
    wire: Wire, name: str, table: Sequence[Any]
) -> None:
    def is_right(at: int, case: http_cases.Freshness) -> bool:
        first, second = wire.case(name, at), wire.case(name, at)
        if not case.life:
            return not (first.said.stored or second.said.hit)
        is_ttl = case.life - PATIENCE <= (first.said.ttl or 0) <= case.life
        is_age = case.age <= int(second.headers["Age"]) <= case.age + PATIENCE
        return first.said.stored and second.said.hit and is_ttl and is_age

    assert wrong(table, is_right) == []


def test_conditions_are_answered_by_the_book(wire: Wire) -> None:
    def is_right(at: int, case: http_cases.Condition) -> bool:
        wire.case("conditions", at)
        answer = wire.case("conditions", at, case.asked)
        told = (304, b"") if case.is_known else (200, b"hello")
        return answer.said.hit and (answer.code, answer.body) == told

    assert wrong(http_cases.CONDITIONS, is_right) == []


def test_parts_are_cut_out_of_the_stored_page(wire: Wire) -> None:
    def is_right(at: int, case: http_cases.Part) -> bool:
        wire.case("parts", at)
        answer = wire.case("parts", at, case.asked)
        expected = {None: (200, TEN), "": (416, "")}.get(case.part, (206, str(case.part)))
        return answer.said.hit is True and (answer.code, answer.body.decode()) == expected

    assert wrong(http_cases.PARTS, is_right) == []


def test_each_client_gets_the_page_as_it_likes(wire: Wire) -> None:
    def is_right(at: int, case: http_cases.Coded) -> bool:
        asked = {} if case.field is None else {"Accept-Encoding": case.field}
        first, second = (wire.case("coded", at, asked) for _ in range(2))
        opened = gzip.decompress(second.body) if case.is_taken else second.body
        told = second.headers["Content-Encoding"] == ("gzip" if case.is_taken else None)
        return first.body == second.body and opened.decode() == PAGE and told and second.said.hit

    assert wrong(CODED, is_right) == []


def test_requests_are_obeyed(wire: Wire) -> None:
    def is_right(at: int, case: http_cases.Asking) -> bool:
        wire.case("asking", at)
        return wire.case("asking", at, case.asked).said.hit is case.is_answered

    assert wrong(http_cases.ASKING, is_right) == []


def test_pages_that_an_unsafe_request_names_are_dropped(wire: Wire) -> None:
    def is_right(at: int, case: http_cases.Change) -> bool:
        wire.ask(http_cases.OTHER)
        if not wire.ask(http_cases.OTHER).said.hit:
            return False
        wire.ask(f"/changes-{at}/", {"Content-Length": "0"}, "POST")
        return wire.ask(http_cases.OTHER).said.hit is not case.drops

    assert wrong(CHANGES, is_right) == []


def test_head_is_answered_from_a_stored_get(wire: Wire) -> None:
    for asked in ({}, {"Accept-Encoding": "gzip"}):
        wire.ask("/page/", asked)
        whole, head = wire.ask("/page/", asked), wire.ask("/page/", asked, "HEAD")
        assert (head.said.hit, head.body) == (True, b"")
        assert head.headers["Content-Length"] == str(len(whole.body))
        for name in ("ETag", "Vary", "Content-Encoding"):
            assert head.headers[name] == whole.headers[name]


Client = Any


@pytest.fixture(params=["hishel", "requests-cache"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """A client with a cache: shared among visitors, or of one of them."""
    made: dict[str, Callable[[], Client]] = {
        "hishel": lambda: shared(tmp_path),
        "requests-cache": lambda: CachedSession(backend="memory", cache_control=True),
    }
    with made[request.param]() as session:
        yield session


def is_kept(answer: Any) -> bool:
    """Whether the client's cache gave the page, asking the site before or not."""
    said = answer.headers.get("X-Hishel-From-Cache")
    return bool(answer.from_cache) if said is None else said == "true"


def was_asked(answer: Any) -> bool:
    """Whether the site was asked whether the page is still right."""
    said = answer.headers.get("X-Hishel-Revalidated")
    return bool(answer.revalidated) if said is None else said == "true"


def test_clients_keep_a_fresh_page(site: Server, client: Client) -> None:
    requests.get(f"{site.url}/fresh/", timeout=30)  # it is the site's already

    first, second = (client.get(f"{site.url}/fresh/") for _ in range(2))

    assert said(first).hit
    assert 30 <= int(first.headers["Age"]) <= 30 + PATIENCE
    assert [is_kept(answer) for answer in (first, second)] == [False, True]
    assert not was_asked(second)
    assert first.text == second.text


def shared(tmp_path: Path) -> requests.Session:
    """A client that keeps pages for many, and counts their age from `Date`."""
    storage = SqliteStorage(database_path=tmp_path / "cache.db")
    session = requests.Session()
    session.mount("http://", CacheAdapter(storage=storage, rfc=CacheOptions(shared=True)))
    return session


@pytest.mark.parametrize("site", ["uvicorn"], indirect=True)  # the other sends a date of its own
def test_the_age_of_a_page_adds_up_further_down(site: Server, tmp_path: Path) -> None:
    with shared(tmp_path) as client:
        fresh = [client.get(f"{site.url}/fresh/") for _ in range(2)]
        requests.get(f"{site.url}/kept/", timeout=30)
        old = [client.get(f"{site.url}/kept/") for _ in range(2)]

    assert [is_kept(answer) for answer in fresh] == [False, True]
    assert 30 <= int(fresh[1].headers["Age"]) <= 30 + PATIENCE
    assert [said(answer).hit for answer in old] == [True, True]
    assert [was_asked(answer) for answer in old] == [False, True], "it is older than it may be"
    assert all(20 <= int(answer.headers["Age"]) <= 20 + PATIENCE for answer in old)
    assert old[0].text == old[1].text


def test_clients_are_told_that_their_page_is_right_until_it_is_not(
    site: Server, client: Client
) -> None:
    first, second = (client.get(f"{site.url}/page/") for _ in range(2))
    client.post(f"{site.url}/new/")
    third = client.get(f"{site.url}/page/")

    assert (is_kept(second), was_asked(second)) == (True, True)
    assert first.text == second.text != third.text


def people(site: Server, get: Any) -> dict[str, list[str]]:
    """What each of three people finds on a page of their own, twice, through the same cache."""
    found: dict[str, list[str]] = {}
    for name in ("nobody", "ann", "bob"):
        cookies = requests.post(f"{site.url}/name/", {"name": name}, timeout=30).cookies
        kept = {} if name == "nobody" else cookies.get_dict()
        for _ in range(2):
            found.setdefault(name, []).append(get("/mine/", cookies=kept).text)
    return found


THEIR_OWN = {name: [name] * 2 for name in ("nobody", "ann", "bob")}


def test_clients_keep_nothing_of_one_visitor_for_another(site: Server, tmp_path: Path) -> None:
    with shared(tmp_path) as session:

        def get(path: str, **asked: Any) -> Any:
            session.cookies.clear()
            return session.get(site.url + path, **asked)

        assert people(site, get) == THEIR_OWN
        forms = [get("/form/") for _ in range(3)]
    assert len({form.text for form in forms}) == 3
    assert not any(map(is_kept, forms))
    assert said(forms[2]).hit


@pytest.fixture
def nginx(site: Server, tmp_path: Path) -> Iterator[Server]:
    """A cache in front of the site."""
    with present(lambda: servers.nginx(tmp_path, site.url)) as server:
        yield server


@pytest.fixture
def through(nginx: Server) -> Iterator[Wire]:
    with closing(Wire(nginx)) as wire:
        yield wire


def test_nginx_keeps_a_fresh_page_in_each_coding(through: Wire) -> None:
    for asked in ({}, {"Accept-Encoding": "gzip"}):
        first, second = (through.ask("/fresh/", asked) for _ in range(2))
        assert [first.headers["X-Cache"], second.headers["X-Cache"]] == ["MISS", "HIT"]
        assert first.body == second.body
        assert (gzip.decompress(first.body) if asked else first.body).decode().endswith(PAGE)
        known = through.ask("/fresh/", asked | {"If-None-Match": first.headers["ETag"]})
        assert (known.code, known.headers["X-Cache"]) == (304, "HIT")


def test_nginx_sends_no_old_page(through: Wire) -> None:
    numbers = []
    for _ in range(2):
        numbers += [through.ask("/page/").body for _ in range(2)]
        through.ask("/new/", {"Content-Length": "0"}, "POST")

    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]


def test_nginx_keeps_nothing_of_one_visitor_for_another(nginx: Server) -> None:
    def get(path: str, **asked: Any) -> Any:
        return requests.get(nginx.url + path, timeout=30, **asked)

    assert people(nginx, get) == THEIR_OWN
    forms = [get("/form/") for _ in range(3)]
    assert len({form.text for form in forms}) == 3
    assert {form.headers["X-Cache"] for form in forms} == {"MISS"}
    assert said(forms[2]).hit
