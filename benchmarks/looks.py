"""Looks at pages, edits a film in the admin and looks again: `python -m benchmarks.looks FILMS LISTS`.

Runs in a process of its own, with the cache that the environment names, and prints what came as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import chain, islice, zip_longest
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks.systems import EDITS, TRUTH, Looks
from demo_site.films.models import Film, Genre, Studio
from demo_site.visitor import form_with, without_tokens

WARM_UPS = 2  # a page may be kept only from the second look on
DECADES = range(1930, 2020, 10)
LIST_PAGES = 30


def main(films: int, lists: int) -> None:
    """Print the addresses of both kinds, and what came of each edit."""
    best = list(Film.objects.order_by("-imdb_votes", "pk")[:films])
    own = [f"/en/films/{film.slug}/" for film in best]
    listed = list(islice(addresses(), lists))
    visitor, editor = Client(), Client()
    editor.force_login(User.objects.get(username="admin"))
    looks = []
    for change in EDITS.items():
        before = warm(visitor, [*own, *listed])
        edit(editor, best[0], dict([change]))
        looks.append((before, look(visitor, [*own, *listed])))
    print(json.dumps({"films": own, "lists": listed, "looks": looks}))


def addresses() -> Iterator[str]:
    """Yield lists of all films page by page, by genre, by decade and by studio, in turn."""
    kinds = (
        [f"/en/films/?page={number}" for number in range(1, LIST_PAGES + 1)],
        [f"/en/genres/{genre.slug}/" for genre in Genre.objects.order_by("slug")],
        [f"/en/decades/{decade}/" for decade in DECADES],
        [f"/en/studios/{studio.slug}/" for studio in Studio.objects.order_by("slug")],
    )
    return filter(None, chain.from_iterable(zip_longest(*kinds)))


def warm(visitor: Client, paths: list[str]) -> Looks:
    """Look until all pages are kept; a site without a cache keeps none."""
    for _ in range(WARM_UPS):
        look(visitor, paths)
    came = look(visitor, paths)
    made = [path for path, (asked, _body) in came.items() if asked]
    if made and os.environ["BENCH_SYSTEM"] != TRUTH.name:
        message = f"{len(made)} pages are not kept, such as {made[0]}"
        raise AssertionError(message)
    return came


def look(visitor: Client, paths: list[str]) -> Looks:
    """Return for each page whether its answer asked the database, and a digest of the answer without tokens."""
    return {path: answer(visitor, path) for path in paths}


def answer(visitor: Client, path: str) -> tuple[bool, str]:
    """Look at one page."""
    statements: list[str] = []

    def note(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return run(sql, *rest)

    with connection.execute_wrapper(note):
        response = visitor.get(path)
    expect(response.status_code, 200, path)
    return bool(statements), sha256(without_tokens(response.content)).hexdigest()


def edit(editor: Client, film: Film, change: dict[str, str]) -> None:
    """Open the film's form in the admin, change a field, and send it."""
    address = reverse("admin:films_film_change", args=[film.pk])
    fields: dict[str, list[str]] = {}
    for name, value in form_with(editor.get(address).content.decode(), {"title", "note"}):
        fields.setdefault(name, []).append(value)
    expect(editor.post(address, {**fields, **change}).status_code, 302, address)


def expect(status: int, wanted: int, path: str) -> None:
    """Stop at another status."""
    if status != wanted:
        message = f"{status} for {path}"
        raise AssertionError(message)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
