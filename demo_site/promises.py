"""What the drive needs to keep score: the site, a row of the table, and a promise that is checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from demo_site.visitor import Visit, Visitor

HITS_MEASURED = 15


class BrokenPromiseError(Exception):
    """Something did not happen as promised; the message says what."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; times in milliseconds, None where there is none."""

    page: str
    happened: str
    uncached: float | None = None
    cached: float | None = None
    broken: str = ""


@dataclass(slots=True)
class Site:
    """Where the site is, and who is on it."""

    host: str
    port: int
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(self, cookies: dict[str, str] | None = None, **headers: str) -> Visitor:
        """Somebody new."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        somebody = Visitor(self.host, self.port, sent, dict(cookies or {}))
        self.visitors.append(somebody)
        return somebody

    def member(self, name: str) -> Visitor:
        """Somebody who has logged in with one of the demo's accounts."""
        member = self.visitor()
        answer = member.submit("/en/account/login/", username=name, password="demo")
        promise("sessionid" in member.cookies, f"{name} cannot log in: status {answer.status}")
        return member

    def close(self) -> None:
        """Everybody goes home."""
        for visitor in self.visitors:
            visitor.leave()


def promise(kept: object, otherwise: str) -> None:
    """Check a promise."""
    if not kept:
        raise BrokenPromiseError(otherwise)


def expect(visit: Visit, kind: str, text: str = "", *, without: str = "") -> Visit:
    """Check how a page came about, and that it shows what it should."""
    promise(visit.status == 200, f"{visit.path} answered {visit.status}")  # noqa: PLR2004 - OK
    promise(visit.outcome.kind == kind, f"{visit.path} was a {visit.outcome}, not a {kind}")
    promise(not text or visit.shows(text), f"{visit.path} ({kind}) does not show “{text}”")
    promise(not without or not visit.shows(without), f"{visit.path} ({kind}) shows “{without}”")
    return visit


def expect_stored(visit: Visit, text: str = "", *, without: str = "") -> Visit:
    """Check that a page was made by its view now and will be a hit next time."""
    expect(visit, "miss", text, without=without)
    promise(visit.outcome.stored, f"{visit.path} was a {visit.outcome}, but should be stored")
    return visit


def expect_private(visit: Visit, text: str = "") -> Visit:
    """Check that the view made the page and nothing of it was kept."""
    promise(visit.outcome.kind != "hit", f"{visit.path} came from the cache: it is private")
    promise(not visit.outcome.stored, f"{visit.path} was stored: it is private")
    return expect(visit, visit.outcome.kind, text)


def expect_same(first: Visit, second: Visit) -> None:
    """Check that two answers have the same body."""
    promise(first.body == second.body, f"{second.path} differs from what was stored")


def hit_time(visitor: Visitor, path: str, text: str = "") -> float:
    """The median time of hits, each of them checked."""
    return median(expect(visitor.get(path), "hit", text).milliseconds for _ in range(HITS_MEASURED))
