"""The recorder of one page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, HEADER, META, Input
from pagecache.recording.recorder import (
    Recorder,
    implying,
    quietly,
    recorder,
    recording,
    refuse_all,
    tick,
)


def test_what_was_read_is_kept_once() -> None:
    render = Recorder()
    for _ in range(2):
        render.read(COOKIE, "promo")
    assert render.inputs == {Input(COOKIE, "promo")}


def test_what_is_read_quietly_is_not_kept() -> None:
    render = Recorder()
    with quietly():
        render.read(COOKIE, "promo")
        render.refuse_read(Reason.ALL_COOKIES)
        with quietly():
            pass
        render.read(COOKIE, "promo")
        render.refuse(Reason.CSRF)
    render.refuse_read(Reason.CLIENT)
    assert render.inputs == set()
    assert list(render.refusals) == [Reason.CSRF, Reason.CLIENT]


def test_what_is_read_aside_is_written_down_there() -> None:
    render, aside = Recorder(), set[Input]()
    with quietly(aside):
        render.read(HEADER, "x-country")
        render.refuse_read(Reason.ALL_COOKIES)
        render.refuse_read(Reason.CLIENT)
    assert aside == {Input(HEADER, "x-country"), Input(COOKIE, "*"), Input(META, "*")}
    assert (render.inputs, render.refusals) == (set(), {})


def test_a_page_that_quiet_code_asked_for_is_recorded() -> None:
    render, aside = Recorder(), set[Input]()
    with quietly(aside), implying(COOKIE):
        with recording(render):
            render.read(COOKIE, "promo")
        render.read(HEADER, "x-country")
    assert render.inputs == {Input(COOKIE, "promo")}
    assert aside == {Input(HEADER, "x-country")}


def test_renders_may_begin_and_end_while_all_are_refused() -> None:
    stop = Event()

    def render_often() -> None:
        while not stop.is_set():
            with recording(Recorder()):
                pass

    with ThreadPoolExecutor(4) as threads:
        renders = [threads.submit(render_often) for _ in range(4)]
        for _ in range(20_000):
            refuse_all(Reason.FOREIGN)
        stop.set()
    assert [render.exception() for render in renders] == [None] * 4


def test_reasons_are_kept_once_in_the_order_of_their_coming() -> None:
    render = Recorder()
    for reason in (Reason.WROTE, Reason.CSRF, Reason.WROTE):
        render.refuse(reason)
    assert list(render.refusals) == [Reason.WROTE, Reason.CSRF]


def test_the_earliest_end_wins() -> None:
    render = Recorder()
    for when in (20.0, 10.0, 30.0):
        render.expire(when)
    assert render.expires == 10.0


def test_code_finds_the_page_that_it_is_part_of() -> None:
    outer, inner = Recorder(), Recorder()
    assert recorder() is None
    with recording(outer):
        with recording(inner):
            assert recorder() is inner
        with recording(None):
            assert recorder() is None
        assert recorder() is outer
    assert recorder() is None


def test_a_page_that_raises_is_over() -> None:
    render = Recorder()
    with pytest.raises(ZeroDivisionError), recording(render):
        raise ZeroDivisionError
    refuse_all(Reason.FOREIGN)
    assert recorder() is None
    assert list(render.refusals) == []


def test_all_pages_that_are_being_made_can_be_refused() -> None:
    over, outer, inner = Recorder(), Recorder(), Recorder()
    with recording(over):
        pass
    with recording(outer), recording(inner):
        refuse_all(Reason.FOREIGN)
    refused = [list(render.refusals) for render in (over, outer, inner)]
    assert refused == [[], [Reason.FOREIGN], [Reason.FOREIGN]]


def test_every_tick_is_later_than_all_before() -> None:
    ticks = [tick(), Recorder().epoch, tick(), Recorder().epoch]
    assert ticks == sorted(set(ticks))
