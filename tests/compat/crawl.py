"""A site as the same visitor finds it with pagecache and without: the answers are the same on every page."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpResponse
from django.test import Client

from demo_site.visitor import form_with
from tests.lanes import PAGECACHE, Lane, LoopClient, Status, Visitor, status, text

SECRETS = re.compile(r"\b[A-Za-z0-9]{64}\b|nonce-[\w+/=-]+|nonce=\"[^\"]+\"")  # each answer's own
MOST = 150  # pages of one site
KEPT = ("Content-Type", "Location", "Content-Language", "Content-Security-Policy")
ORIGIN = "http://testserver/"
QUOTED = re.compile(f'"({ORIGIN}[^"]*)"')


class Site:
    """A site in one lane; without pagecache it goes by the same settings and the same rows."""

    def __init__(self, lane: Lane, middleware: list[str]) -> None:
        self.lane = lane
        self.varying = [SECRETS]  # what no two answers have in common
        self.arrange(*middleware)

    def arrange(self, *middleware: str) -> None:
        """Set the whole list of middleware, with pagecache where it is to stand."""
        self.lane.settings.MIDDLEWARE = [name for name in middleware if name != PAGECACHE]
        self._plain = self._browser().handler
        self._plain.load_middleware(self.lane.kind.on_loop)
        self.lane.middleware()
        self.lane.settings.MIDDLEWARE = list(middleware)

    def _browser(self) -> Any:
        return LoopClient() if self.lane.kind.on_loop else Client()

    def visitor(self, user: AbstractBaseUser | None = None) -> Visitor:
        """Return somebody new, logged in or not."""
        visitor = self.lane.visitor()
        return visitor if user is None else visitor.log_in(user)

    def twins(self, user: AbstractBaseUser | None = None) -> Twins:
        """Return somebody new who goes everywhere both ways."""
        browser = self._browser()
        browser.handler = self._plain
        plain = Visitor(browser)
        return Twins(self, self.visitor(user), plain if user is None else plain.log_in(user))

    def crawled_by(self, *users: AbstractBaseUser, **how: Any) -> dict[str, Status]:
        """Let a stranger go everywhere, then each of these users, then a stranger again, of whose visits it tells.

        Who is logged in shares what reads neither session nor user, so that more could go wrong.
        """
        self.lane.configure(AUTHENTICATED="unread")
        for user in (None, *users):
            self.twins(user).crawl(**how)
        return self.twins().crawl(**how)

    def masked(self, page: str) -> str:
        """Return a page without what no two answers have in common."""
        for varying in self.varying:
            page = varying.sub("*", page)
        return page


@dataclass(frozen=True)
class Seen:
    """What a visitor makes of an answer."""

    code: int
    headers: tuple[str | None, ...]
    cookies: frozenset[str]
    body: str


@dataclass
class Twins:
    """The same visitor twice: one meets pagecache, the other does not."""

    site: Site
    cached: Visitor
    plain: Visitor

    def get(self, path: str, **asked: Any) -> tuple[Status, HttpResponse]:
        """Visit a page twice each; every answer is the one that is made without pagecache."""
        self._visit(path, **asked)
        answer = self._visit(path, **asked)
        return status(answer), answer

    def _visit(self, path: str, **asked: Any) -> HttpResponse:
        expected = self._seen(self.plain.get(path, **asked))
        answer = self.cached.get(path, **asked)
        seen = self._seen(answer)
        assert seen == expected, f"{path}\n{difference(expected, seen)}"
        return answer

    def _seen(self, response: HttpResponse) -> Seen:
        return Seen(
            code=response.status_code,
            headers=tuple(self.site.masked(response.get(name, "")) for name in KEPT),
            cookies=frozenset(response.cookies),
            body=self.site.masked(text(response)),
        )

    def crawl(
        self, start: str = "/", *, depth: int = 9, without: Container[str] = (), **asked: Any
    ) -> dict[str, Status]:
        """Follow every link, so many steps deep; gives what was said of each page at its second visit."""
        found: dict[str, Status] = {}
        steps = [start]
        for _ in range(depth):
            ahead: dict[str, None] = {}
            for path in steps:
                found[path], answer = self.get(path, **asked)
                ahead |= dict.fromkeys(links(path, answer))
            steps = [path for path in ahead if path not in found and path not in without]
            assert len(found) < MOST, steps
        return found


def difference(expected: Seen, seen: Seen) -> str:
    """Say how two answers differ."""
    one, other = (str(answer).replace("\\n", "\n").splitlines() for answer in (expected, seen))
    return "\n".join([*unified_diff(one, other, n=0)][:20])


class Anchors(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def links(path: str, answer: HttpResponse) -> Iterator[str]:
    """Yield the addresses on the same site to which an answer leads, each once."""
    page = text(answer)
    if answer["Content-Type"].startswith("text/html"):
        anchors = Anchors()
        anchors.feed(page)
        led = anchors.found
    else:
        led = QUOTED.findall(page)
    led.append(answer.get("Location", path))
    for url in dict.fromkeys(urljoin(f"http://testserver{path}", link) for link in led):
        parts = urlsplit(url)
        if url.startswith(ORIGIN):
            yield parts._replace(scheme="", netloc="", fragment="").geturl()


def submit(visitor: Visitor, path: str, button: str = "", **filled: str) -> HttpResponse:
    """Open a page, fill in the form that has these fields, and send it to where the page is."""
    kept = dict(form_with(text(visitor.get(path)), set(filled)))
    pressed = {button: "1"} if button else {}
    return visitor.ask("post", path, data={**kept, **filled, **pressed})
