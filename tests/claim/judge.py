"""The judge: the same site without pagecache says what each answer should have been."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User

from tests.claim.answers import different, disagreeing, lost, made_anew, shown
from tests.claim.cases import Case, case
from tests.claim.holes import Visits
from tests.claim.shrinking import smallest
from tests.claim.standing import SESSIONS, Standing, standing
from tests.claim.surfaces import SURFACES
from tests.claim.visitors import Visitor
from tests.lanes import MEMORY, status

PEOPLE = ("alice", "bob", "boss")
MOST = 5  # wrong cases that are enough


@dataclass(frozen=True)
class Verdict:
    """What is said of one answer; `wrong` says what differs from the view's own."""

    hit: bool
    reason: str | None
    surfaces: frozenset[str]  # that the view's own answer read
    wrong: str


@dataclass
class Judge:
    """Asks a site, with pagecache and without, and compares."""

    site: Standing
    _etags: dict[Any, str] = field(default_factory=dict)  # that are known of a page
    _bodies: dict[str, str] = field(default_factory=dict)  # by their ETags
    _given: set[str] = field(default_factory=set)  # tokens and nonces, to whoever came

    def verdict(self, visitor: Visitor) -> Verdict:
        """Judge the answer for a visitor."""
        Visits.number += 1
        page = visitor["path"], visitor["query"], visitor["host"]
        etag = self._etags.get(page) if visitor["revalidates"] else None
        answer = self.site.ask(visitor, {} if etag is None else {"If-None-Match": etag})
        own = self.site.ask_bare(visitor)
        said = status(answer)
        if said.reason in {"error", "store-error"}:
            wrong = f"pagecache failed: {said.reason}"
        elif answer.status_code == 304 and own.status_code == 200:
            wrong = self._wrongly_known(visitor, self._bodies[etag or ""])
        else:
            wrong = self._compared(visitor, answer, own, hit=said.hit)
        if answer.has_header("ETag") and answer.status_code == 200 and visitor["method"] == "GET":
            self._etags[page] = answer["ETag"]
            self._bodies[answer["ETag"]] = shown(answer, visitor, hit=said.hit)["body"]
        return Verdict(said.hit, said.reason, frozenset(self._surfaces(own)), wrong)

    def _wrongly_known(self, visitor: Visitor, known: str) -> str:
        """Say what is wrong with telling a visitor that what it has is the page."""
        own = self.site.ask_bare({**visitor, "method": "GET"})
        expected = shown(own, visitor, hit=False)["body"]
        return "" if known == expected else f"304 for {known!r}, not {expected!r}"

    def _compared(self, visitor: Visitor, answer: Any, own: Any, *, hit: bool) -> str:
        given, expected = shown(answer, visitor, hit=hit), shown(own, visitor, hit=False)
        if hit:  # with a secret that the visitor sent, and may see
            sent = shown(own, visitor, hit=True)
            expected |= {name: given[name] for name in given if given[name] == sent.get(name)}
        name, is_segmented = settings.SESSION_COOKIE_NAME, "SEGMENT" in self.site.site.pages
        is_none = visitor["session"] == "nonsense" or visitor.get(f"cookie:{name}")
        if is_segmented:  # its function found session and user out before
            whole = self.site.ask_bare({**visitor, "method": "GET"})
            if is_none or "SynchronousOnlyOperation" in str(shown(whole, visitor, hit=False)):
                return "; ".join(
                    self._given_before(answer, str(self.site.session_key(visitor["session"])))
                )
        if hit if is_none else is_segmented and not hit:  # who looks at it renews it
            for one in (given, expected):
                one["cookies"].pop(name, None)
        for_one = any(SURFACES[name].own for name in self._surfaces(own))
        for_one |= self.site.site.program.decorated == "ensure_csrf_cookie"
        said = [
            *different(given, expected),
            *lost(answer, own, for_one=for_one),
            *self._given_before(answer, self.site.session_key(visitor["session"]) or ""),
        ]
        return "; ".join([*said, *filter(None, [disagreeing(answer)])])

    def _given_before(self, answer: Any, own: str) -> Iterator[str]:
        """Say what of an answer somebody was given before, beside what is in a visitor's `own` key of a session."""
        anew = {one for one in made_anew(answer) if one not in own}
        if again := anew & self._given:
            yield f"{again} were given before"
        self._given |= anew

    def _surfaces(self, own: Any) -> Iterator[str]:
        request = getattr(own, "wsgi_request", None) or getattr(own, "asgi_request", None)
        numbers = getattr(request, "shown", {})
        return (read.surface for read in self.site.site.program.reads if read.number in numbers)


def judged(case: Case, location: str = "") -> Iterator[Verdict]:
    """Judge the answers of a case, in its order."""
    with standing(case.site, location) as site:
        yield from map(Judge(site).verdict, case.visits)


def wrong(case: Case, location: str = "") -> str:
    """Say what is wrong first in a case; nothing where all is as it should be."""
    verdicts = enumerate(judged(case, location))
    return next((f"visit {at}: {one.wrong}" for at, one in verdicts if one.wrong), "")


def report(
    seed: object, cases: int, stores: tuple[str, ...] = (MEMORY,), location: str = ""
) -> Counter[str]:
    """Count what was seen; cases in which an answer is wrong are named, made small."""
    counts: Counter[str] = Counter()
    for number in range(cases):
        made = case(seed, number, stores)
        counts["cases"] += 1
        # What a case leaves in a context is copied for each awaited call of those that follow.
        if said := copy_context().run(_counted, counts, made, location):
            small = smallest(made, partial(wrong, location=location))
            counts[f"wrong: {small}\n{wrong(small, location) or said}"] += 1
        if len(found(counts)) == MOST:
            break
    return counts


def _counted(counts: Counter[str], made: Case, location: str) -> str:
    """Count what is seen in a case, up to what is wrong."""
    for verdict in judged(made, location):
        counts["answers"] += 1
        counts["hits"] += verdict.hit
        counts[f"reason: {verdict.reason}"] += verdict.reason is not None
        for surface in verdict.surfaces:
            counts[f"drawn: {surface}"] += 1
            counts[f"shared: {surface}"] += verdict.hit
        if verdict.wrong:
            return verdict.wrong
    return ""


def found(counts: Counter[str]) -> list[str]:
    """Return what was wrong."""
    return [name for name in counts if name.startswith("wrong")]


@contextmanager
def people() -> Iterator[None]:
    """Let there be visitors with sessions and accounts; nothing is logged meanwhile."""
    readers = Group.objects.create(name="readers")
    users = [User(username=name, is_staff=name == "boss") for name in PEOPLE]
    for user in users:
        user.set_unusable_password()
        user.save()
        user.groups.add(*[readers] * (not user.is_staff))
    users[-1].user_permissions.add(Permission.objects.get(codename="add_user"))
    own = {user.username: _session_of(user) for user in users}
    SESSIONS.update({"empty": {}, "basket": {"basket": "apples"}, **own})
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        SESSIONS.clear()
        for row in (*users, readers):
            row.delete()


def _session_of(user: User) -> dict[str, str]:
    return {
        "_auth_user_id": str(user.pk),
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": user.get_session_auth_hash(),
        "basket": f"of {user.username}",
    }
