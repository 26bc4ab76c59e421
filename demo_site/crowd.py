"""``python -m demo_site.crowd``: how many answers come from the cache while many people look around; each is checked.

Strangers, and then members, see half of forty pages, in an order of their own and each page once. Everybody has a
browser, languages and analytics cookies of their own. Some send the contact form, so that a message waits for them on
the next page. Every answer is compared with the one that the same visitor gets of the same site without pagecache.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client, override_settings
from django.test.client import ClientHandler

from demo_site.cache_status import Outcome, read_outcome
from demo_site.drive import release
from demo_site.promises import promise
from demo_site.server import environment, prepare
from demo_site.visitor import form_with, without_tokens

STRANGERS, MEMBERS = 300, 30
OF_STRANGERS, OF_MEMBERS = 0.97, 0.9  # of their answers come from the cache, at least
SENDERS = 10  # one in so many sends the contact form
A_WHILE = 3600  # seconds; on a busy machine the pages should not end before the crowd does
SEED = 20
MOST_SHOWN = 10
CONTACT = "contact/"
GENERAL = ("", "films/", "films/?sort=title&rating=6", "genres/", "studios/", "directors/")
FORMS = (CONTACT, "contact/thanks/", "search/?q=the")
LISTS = ("decades/1990/", "genres/western/", "studios/miramax/", "directors/ridley-scott/")
FILMS = "the-godfather alien pulp-fiction inception groundhog-day waterworld fargo".split()
PAGECACHE = "pagecache.middleware.PageCacheMiddleware"
# What tells of the cache, what a shared page must say in its place, and what a clock says.
APART = {"Age", "Cache-Control", "Cache-Status", "ETag", "Server-Timing", "Vary"}


def in_both_languages(lists: Iterable[str], films: Iterable[str]) -> tuple[str, ...]:
    """The pages: those of every catalog, and of this one."""
    pages = (*GENERAL, *FORMS, *lists, *(f"films/{slug}/" for slug in films))
    return tuple(f"/{language}/{page}" for language in ("en", "de") for page in pages)


PAGES = in_both_languages(LISTS, FILMS)


@dataclass(frozen=True, slots=True)
class Sites:
    """The whole site twice, with pagecache and without it; both check where forms come from."""

    cached: ClientHandler
    plain: ClientHandler

    @classmethod
    def made(cls) -> Sites:
        """Set both up."""
        plain = [path for path in settings.MIDDLEWARE if path != PAGECACHE]
        return cls(handler(settings.MIDDLEWARE), handler(plain))


def handler(middleware: Sequence[str]) -> ClientHandler:
    """What answers requests, behind some middleware."""
    made = ClientHandler(enforce_csrf_checks=True)
    with override_settings(MIDDLEWARE=middleware):
        made.load_middleware()
    return made


class Person:
    """Somebody with a browser; a twin of it asks the site without pagecache, and what that gives is not kept."""

    def __init__(self, number: int, sites: Sites, pages: list[str]) -> None:
        headers = {
            "User-Agent": f"Browser/{number}",
            "Accept-Language": f"x-{number}, de;q=0.{number % 9}, en;q=0.5",
        }
        self.browser, self.twin = Client(headers=headers), Client(headers=headers)
        self.browser.handler, self.twin.handler = sites.cached, sites.plain
        self.browser.cookies.load({"_ga": f"GA1.1.{number}", "_fbp": f"fb.1.{number}"})
        self.pages = pages
        self.sends = number % SENDERS == 0

    def look(self) -> Look:
        """See the next page, and send the form if it has the one to send."""
        path = self.pages.pop()
        self.twin.cookies = deepcopy(self.browser.cookies)
        had = set(self.browser.cookies)
        answer, fresh = self.get(path), self.twin.get(path)
        outcome = read_outcome(answer.headers["Cache-Status"])
        apart = differences(seen(answer, had), seen(fresh, had))
        return Look(path, outcome, apart, self.sends_from(path, answer))

    def get(self, path: str) -> Any:
        """See a page; a browser does not keep cookies that have expired."""
        answer = self.browser.get(path)
        for name, cookie in answer.cookies.items():
            if cookie["max-age"] == 0:
                del self.browser.cookies[name]
        return answer

    def sends_from(self, path: str, page: HttpResponse) -> bool:
        """Send the contact form from a page that was just seen, if it is there and still to be sent."""
        if not self.sends or not path.endswith(CONTACT):
            return False
        form = dict(form_with(page.content.decode(), {"name", "message"}))
        sent = self.browser.post(path, form | {"name": "Somebody", "message": "It works."})
        promise(sent.status_code == 302, f"{path} answered {sent.status_code} to its form")  # noqa: PLR2004
        self.sends = False
        return True


def seen(answer: Any, had: set[str]) -> dict[str, object]:
    """What comes of an answer, but for the tokens of forms, which are new each time."""
    return {
        "status": answer.status_code,
        "body": without_tokens(answer.content),
        "headers": {name: value for name, value in answer.items() if name not in APART},
        "cookies": {
            name: name not in had or cookie.value for name, cookie in answer.cookies.items()
        },
    }


def differences(one: dict[str, object], other: dict[str, object]) -> tuple[str, ...]:
    """The names of what is not the same."""
    return tuple(name for name in one if one[name] != other[name])


@dataclass(frozen=True, slots=True)
class Look:
    """One answer: how it came about, in what it differs from the one without pagecache, and if its form was sent."""

    path: str
    outcome: Outcome
    differences: tuple[str, ...]
    sent: bool


@dataclass(slots=True)
class Tally:
    """What came of all looks."""

    looks: int = 0
    hits: int = 0
    sent: int = 0
    stored: set[str] = field(default_factory=set)
    wrong: list[Look] = field(default_factory=list)

    def add(self, look: Look) -> None:
        """Count one."""
        self.looks += 1
        self.hits += look.outcome.kind == "hit"
        self.sent += look.sent
        if look.outcome.stored:
            self.stored.add(look.path)
        if look.differences:
            self.wrong.append(look)

    @property
    def ratio(self) -> float:
        """The part of all answers that came from the cache."""
        return self.hits / self.looks

    def __str__(self) -> str:
        share = f"{self.hits:,} of {self.looks:,} answers from the cache ({self.ratio:.1%})"
        counts = f"{len(self.stored)} pages stored, {self.sent} forms sent"
        return f"{share}, {counts}, {len(self.wrong)} answers differ"


def crowd(
    strangers: int = 0, members: int = 0, *, pages: Sequence[str] = PAGES, seed: int = SEED
) -> Tally:
    """Let people look around from an empty cache, all at the same time, each at half of the pages."""
    draw, tally = Random(seed), Tally()  # noqa: S311 an order, not a secret
    own = {"KEY_PREFIX": release(), "TIMEOUT": A_WHILE}
    with override_settings(PAGECACHE=settings.PAGECACHE | own):
        sites = Sites.made()
        people = [
            Person(number, sites, draw.sample(pages, len(pages) // 2))
            for number in range(strangers + members)
        ]
        for number, person in enumerate(people[strangers:]):
            person.browser.force_login(get_user_model().objects.create_user(f"member {number}"))
        turns = [person for person in people for _ in person.pages]
        draw.shuffle(turns)
        for person in turns:
            tally.add(person.look())
    return tally


def verdict(title: str, tally: Tally, least: float) -> bool:
    """Print what came of a crowd, and say whether all pages were stored, enough answers hits, and all right."""
    print(f"{title}: {tally}", flush=True)
    for look in tally.wrong[:MOST_SHOWN]:
        parts = ", ".join(look.differences)
        print(f"{look.path} ({look.outcome}) differs in {parts}", file=sys.stderr)
    return len(tally.stored) == len(PAGES) and tally.ratio >= least and not tally.wrong


def main() -> int:
    """Send strangers, and then members; 0 if all went as it should."""
    parser = argparse.ArgumentParser(prog="python -m demo_site.crowd", description=__doc__)
    parser.add_argument("--strangers", type=int, default=STRANGERS)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="demo-crowd-") as folder:
        env = environment(Path(folder) / "films.sqlite3", release())
        prepare(env)
        os.environ.update(env)
        django.setup()
        strangers = crowd(strangers=options.strangers, seed=options.seed)
        kept = [verdict(f"{options.strangers} strangers", strangers, OF_STRANGERS)]
        members = crowd(members=options.members, seed=options.seed)
        kept += [verdict(f"{options.members} members", members, OF_MEMBERS)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
