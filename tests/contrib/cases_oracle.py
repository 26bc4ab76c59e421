"""Whenever a write changes the answer of a query, a trigger tells of what was read: a real database judges."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress

import pytest
from django.db import DatabaseError, connection

from pagecache.contrib.triggers import listening
from pagecache.contrib.triggers.channel import Channel
from pagecache.contrib.triggers.sql import CREATE_FUNCTION, DROP_FUNCTION, create_triggers
from pagecache.recording.recorder import Recorder, recording
from tests.oracle import Model, Site, Work

pytestmark = pytest.mark.django_db(transaction=True)

SEED, SCHEMAS, PAIRS = 42, 16, 25


@contextmanager
def told(models: list[Model]) -> Generator[Channel]:
    quote = connection.ops.quote_name
    with (
        connection.cursor() as cursor,
        closing(Channel(connection.get_connection_params())) as made,
    ):
        cursor.execute(CREATE_FUNCTION)
        for model in models:
            for statement in create_triggers(quote(model._meta.db_table)):
                cursor.execute(statement)
        made.open()
        yield made


def judge(site: Site, channel: Channel, read: Work, write: Work) -> tuple[set[str], set[str], bool]:
    """Return what a query read, what was told of a write, and whether the answer changed."""
    render, state = Recorder(), site.dice.getstate()
    with recording(render):
        before = repr(read())
    after_read = site.dice.getstate()
    with suppress(DatabaseError):
        write()
    with connection.cursor() as cursor:
        cursor.execute('NOTIFY pagecache, \'{"table": "the_end"}\'')
    messages: list[str] = []
    while not any("the_end" in message for message in messages):
        messages += channel.heard(10)
    site.dice.setstate(state)
    changed = repr(read()) != before
    site.dice.setstate(after_read)
    return render.tags, set(listening._meant(messages)), changed


def report() -> Counter[str]:
    dice, seen = random.Random(SEED), Counter[str]()
    for _ in range(SCHEMAS):
        site = Site(dice)
        with site.standing(), told(site.models) as channel:
            for _ in range(PAIRS):
                model = dice.choice(site.models)
                other = dice.choice([model, model, *site.models])
                (read_name, read), (write_name, write) = site.query(model), site.write(other)
                tags, moved, changed = judge(site, channel, read, write)
                common = not tags.isdisjoint(moved)
                seen["changed"] += changed
                seen["kept"] += len(moved) > 1 and not common
                if changed and not common:
                    seen[f"missed: {read_name} / {write_name}: {sorted(tags)} {sorted(moved)}"] += 1
    with connection.cursor() as cursor:
        cursor.execute(DROP_FUNCTION)
    return seen


def test_no_write_that_changes_an_answer_is_missed() -> None:
    seen = report()
    print(dict(seen))
    assert [name for name in seen if name.startswith("missed")] == []
    assert seen["changed"] > 10, "some writes change some answers"
    assert seen["kept"] > 50, "some writes drop nothing of what was read"


def test_teeth_the_rows_that_changed_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_keys", lambda _changes: set())
    assert any(name.startswith("missed") for name in report())
