"""A rolling deploy: two releases, or two formats, at work at once in processes of their own, on one real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from pagecache.core import codec
from tests.beside import Worker
from tests.site.factories import make_article
from tests.stores.instances import Instance

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ("/articles/", "/template/")
# A worker that does what it is told: to write, to invalidate, or to answer a request.
WORKER = """
import json, sys
import django
django.setup()
{change}
from django.test import Client
from pagecache import invalidate
from tests.site.models import Author

client = Client()
for line in sys.stdin:
    verb, what = line.split()
    said = None
    if verb == "write":
        Author.objects.update(name=what)
    elif verb == "invalidate":
        invalidate(what)
    else:
        answer = client.get(what)
        said = answer.status_code, answer.content.decode(), answer.headers["Cache-Status"]
    print(json.dumps(said), flush=True)
"""
NEWER_ENTRIES = """
from pagecache.core import codec
codec.REVISION += 1
codec.SEALED += 1
"""
OLDER_ENTRIES = NEWER_ENTRIES.replace("+=", "-=")
NEWER_NAMES = """
from pagecache import versions
versions.FORMAT += ".1"
"""
FORMATS = {
    "an older format of entries": OLDER_ENTRIES,
    "a newer format of entries": NEWER_ENTRIES,
    "a newer format of names": NEWER_NAMES,
}
Begin = Callable[..., "Release"]


class Release:
    """One worker of a release."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def tell(self, verb: str, what: str) -> Any:
        return json.loads(self._worker.ask(f"{verb} {what}"))

    def get(self, path: str) -> tuple[str, str]:
        """Return the body, and "hit", "stored", or why neither."""
        status, body, said = self.tell("get", path)
        assert status == 200
        words = said.split("; ")
        return body, next((word for word in ("hit", "stored") if word in words), said)

    def warm_up(self) -> None:
        for page in PAGES:
            assert [self.get(page)[1] for _ in range(2)] == ["stored", "hit"]


@pytest.fixture(scope="module")
def instance() -> Generator[Instance]:
    with Instance() as running:
        yield running


@pytest.fixture
def begin(settings: Any, instance: Instance) -> Generator[Begin]:
    """Begin a release of a site with one article."""
    settings.CACHES = {"default": {**instance.backend, "KEY_PREFIX": uuid4().hex}}
    settings.PAGECACHE = {
        "ENABLED": True,
        "STORE_BUDGET": 20,
        "REVEAL": "tests.lanes_site.access.everybody",
    }
    make_article()
    with ExitStack() as stack:

        def one(release: str, change: str = "", **options: Any) -> Release:
            code = WORKER.format(change=change)
            worker = Worker(settings, "-c", code, RELEASE=release, **options)
            return Release(stack.enter_context(worker))

        yield one


def shows(name: str, *releases: Release) -> bool:
    return all(name in release.get(page)[0] for release in releases for page in PAGES)


def test_neither_release_reads_the_entries_of_the_other(begin: Begin) -> None:
    old, new = begin("old"), begin("new")
    old.warm_up()
    new.warm_up()
    assert [old.get(page)[1] for page in PAGES] == ["hit"] * 2


def test_both_obey_what_the_other_writes_and_invalidates(begin: Begin) -> None:
    old, new = begin("old"), begin("new")
    old.warm_up()
    new.warm_up()
    for number, writer in enumerate((old, new, old, new)):
        name = f"Author-{number}"
        writer.tell("write", name)
        assert shows(name, old, new)
        assert {one.get(page)[1] for one in (old, new) for page in PAGES} == {"hit"}
        writer.tell("invalidate", "library.author")
        assert {one.get(page)[1] for one in (old, new) for page in PAGES} == {"stored"}


@pytest.mark.parametrize("options", [{}, {"ENCRYPT": ["k" * 32]}], ids=["plain", "sealed"])
@pytest.mark.parametrize("change", FORMATS.values(), ids=list(FORMATS))
def test_another_format_under_the_same_release_is_a_miss_and_no_error(
    begin: Begin, instance: Instance, change: str, options: dict[str, Any]
) -> None:
    """Where somebody forgot to change `RELEASE`, or names none."""
    instance.admin.flushall()
    ours, other = begin("", **options), begin("", change, **options)
    ours.warm_up()
    revisions = {value[0] for value in stored(instance)}
    assert revisions == {codec.SEALED if options else codec.REVISION}
    other.warm_up()
    if change != NEWER_NAMES:
        assert revisions.isdisjoint(value[0] for value in stored(instance))
        ours.warm_up()
    for number, writer in enumerate((ours, other)):
        writer.tell("write", f"Author-{number}")
        assert shows(f"Author-{number}", ours, other)


def stored(instance: Instance) -> list[bytes]:
    """Return the entries and recipes that the server holds."""
    admin = instance.admin
    return [admin.get(key) for name in ("e", "r") for key in admin.keys(f"*:{name}:*")]
