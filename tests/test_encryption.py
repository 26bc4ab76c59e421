"""Encryption: who reads the cache server learns nothing of a page, and who writes there cannot make one up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.contrib.auth.models import User
from django.core.cache.backends import locmem
from django.http import HttpRequest, HttpResponse
from django.urls import path

from pagecache import depends_on
from pagecache.announcing import site_names, site_store
from pagecache.engine.visit import forget
from tests.lanes import Lane, showing, status, text

OLD, NEW = "an old secret of 32 letters or more", b"a new secret of 32 letters or more"

by_name = showing(lambda request: f"hello {request.GET.get('name')}")


def held(lane: Lane) -> Iterator[bytes]:
    """All that lies in the cache server for the site, keys and values."""
    site = site_names().version("").partition(":v:")[0]
    for key, value in items(lane):
        if site.encode() in key:
            yield key
            yield value


def items(lane: Lane) -> Iterator[tuple[bytes, bytes]]:
    if lane.location == "lanes":
        for name, value in locmem._caches["lanes"].items():  # type: ignore[attr-defined]
            yield name.encode(), value
        return
    with redis.Redis.from_url(lane.location) as server:
        for key in server.scan_iter():
            if (value := server.get(key)) is not None:
                yield key, value


def shown(lane: Lane, words: set[str]) -> set[str]:
    """The words that can be read in the cache server."""
    everything = b"\n".join(held(lane))
    return {word for word in words if word.encode() in everything}


def words_of_a_page(lane: Lane) -> set[str]:
    """Have a page stored of which every part is a word of its own."""
    names = "path parameter value header content tag body".split()
    words = {name: f"{name}{uuid4().hex}" for name in names}

    def view(request: HttpRequest) -> HttpResponse:
        depends_on(words["tag"])
        body = request.GET.get(words["parameter"], "") + words["body"]
        return HttpResponse(body, headers={words["header"]: words["content"]})

    lane.mount(path(f"{words['path']}/", lane.page(view)))
    url = f"/{words['path']}/?{words['parameter']}={words['value']}"
    assert [lane.see(url).stored, lane.see(url).hit] == [True, True]
    assert lane.read(url) == words["value"] + words["body"]
    return {*words.values(), "testserver"}


def test_who_reads_the_cache_server_reads_nothing_of_a_page(lane: Lane) -> None:
    words = words_of_a_page(lane)
    assert shown(lane, words) == words, "without encryption it can be read"
    lane.configure(ENCRYPT=[OLD], KEY_PREFIX="sealed")

    assert shown(lane, words_of_a_page(lane)) == set()


@pytest.mark.django_db(transaction=True)
def test_who_reads_the_cache_server_does_not_learn_whose_page_it_is(lane: Lane) -> None:
    lane.configure(ENCRYPT=[OLD], AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(showing(lambda request: request.user.get_username()))
    user = User.objects.create_user(f"alice{uuid4().hex}", pk=7_654_321)
    alice = lane.visitor().log_in(user)

    assert [text(alice.get()) for _ in range(2)] == [user.username] * 2
    assert status(alice.get()).hit
    assert shown(lane, {user.username, "7654321"}) == set()


def page_of(lane: Lane, name: str) -> tuple[str, bytes]:
    """Have a page stored; gives its key in the store and what is under it."""
    url = f"/page/?name={name}"
    assert lane.read(url) == f"hello {name}"
    answer = lane.get(url)
    assert status(answer).hit
    key = str(status(answer).key)
    (stored,) = site_store().fetch([key])
    assert stored is not None
    return key, stored


def is_missed(lane: Lane, name: str) -> bool:
    answer = lane.get(f"/page/?name={name}")
    assert text(answer) == f"hello {name}"
    return status(answer).stored and not status(answer).hit


def test_two_pages_that_are_swapped_are_missed(lane: Lane) -> None:
    lane.configure(ENCRYPT=[OLD])
    lane.show(by_name)
    (ann, of_ann), (bob, of_bob) = (page_of(lane, name) for name in ("ann", "bob"))

    site_store().put({ann: of_bob, bob: of_ann}, 60)

    assert is_missed(lane, "ann")
    assert is_missed(lane, "bob")


def test_a_page_of_which_a_bit_was_flipped_is_missed(lane: Lane) -> None:
    lane.configure(ENCRYPT=[OLD])
    lane.show(by_name)
    key, stored = page_of(lane, "ann")
    for place in (*range(0, len(stored), 23), len(stored) - 1):
        damaged = bytearray(stored)
        damaged[place] ^= 1 << place % 8
        site_store().put({key: bytes(damaged)}, 60)
        assert is_missed(lane, "ann"), place
        site_store().put({key: stored}, 60)


def test_a_recipe_that_was_swapped_or_damaged_is_found_out_anew(lane: Lane) -> None:
    lane.configure(ENCRYPT=[OLD])
    lane.mount(path("page/", lane.page(by_name)), path("other/", lane.page(showing(str))))
    page_of(lane, "ann")
    lane.get("/other/")
    recipe, other = (site_names().recipe(f"/{name}/") for name in ("page", "other"))
    right, wrong = site_store().fetch([recipe, other])
    assert right is not None
    assert wrong is not None
    for stored in (wrong, right[:-1] + bytes([right[-1] ^ 1]), b"", b"\x81", right[:3]):
        site_store().put({recipe: stored}, 60)
        forget()
        assert is_missed(lane, "ann")
        assert site_store().fetch([recipe]) != [stored]
        forget()
        assert lane.see("/page/?name=ann").hit


def test_a_page_that_an_older_key_sealed_still_opens(lane: Lane) -> None:
    lane.configure(ENCRYPT=[OLD])
    lane.show(by_name)
    page_of(lane, "ann")

    lane.configure(ENCRYPT=[NEW, OLD])

    assert lane.see("/page/?name=ann").hit
    assert is_missed(lane, "bob")
    lane.configure(ENCRYPT=[NEW])
    assert is_missed(lane, "ann")
    assert lane.see("/page/?name=bob").hit, "the first key had sealed it"


@pytest.mark.parametrize(
    "before, after", [([], [OLD]), ([OLD], []), ([OLD], [NEW])], ids=["on", "off", "another"]
)
def test_a_page_that_was_stored_under_another_setting_is_missed(
    lane: Lane, before: list[Any], after: list[Any]
) -> None:
    lane.configure(ENCRYPT=before)
    lane.show(by_name)
    page_of(lane, "ann")

    lane.configure(ENCRYPT=after)

    assert is_missed(lane, "ann")
    assert lane.see("/page/?name=ann").hit
