"""Versions never come twice; names hold nothing of a request or a tag."""

from __future__ import annotations

import re
from hashlib import blake2b

import pytest
from freezegun import freeze_time

from pagecache.versions import Names, fresh, is_soft, several

ODD = ["", "a b", "é", "\udcff", "x\ny", "x" * 5000, "../../etc"]


def test_versions_never_come_twice_though_the_clock_stands_still() -> None:
    with freeze_time():
        made = {*(fresh() for _ in range(1000)), *several(1000)}
    assert len(made) == 2000
    assert {len(version) for version in made} == {16}


def test_a_version_begins_with_the_time_of_its_making() -> None:
    with freeze_time("1970-01-01 00:00:01"):
        for version in (fresh(), *several(2)):
            assert int.from_bytes(version[:8], "big") == 10**9


def test_only_versions_that_say_so_are_soft() -> None:
    assert is_soft(fresh(soft=True))
    assert not any(map(is_soft, (fresh(), *several(100))))


@pytest.mark.parametrize("name", ODD)
def test_every_name_is_a_key_that_every_store_takes(name: str) -> None:
    names = Names(name, name)
    for key in (names.version(name), names.recipe(name), names.entry("0" * 32)):
        assert re.fullmatch("[a-z0-9:]{30,190}", key)


def test_sites_keep_apart_everything_and_releases_the_pages_only() -> None:
    site, release, other = Names("a", "1"), Names("a", "2"), Names("b", "1")
    assert site.version("x") == release.version("x") != other.version("x")
    for name in ("recipe", "entry"):
        assert len({getattr(names, name)("x") for names in (site, release, other)}) == 3


@pytest.mark.parametrize("kind", ["version", "recipe", "entry"])
def test_who_does_not_know_the_prefix_cannot_tell_what_a_name_stands_for(kind: str) -> None:
    hashed = [getattr(Names(prefix, ""), kind)("x").rpartition(":")[2] for prefix in ("a", "b", "")]
    assert len({*hashed, blake2b(b"x", digest_size=16).hexdigest(), "x"}) == 5


def test_kinds_of_names_never_meet() -> None:
    names = Names("", "")
    assert len({names.version("x"), names.recipe("x"), names.entry("x")}) == 3


def test_very_many_names_are_the_same_after_they_were_forgotten() -> None:
    names, many = Names("", ""), tuple(map(str, range(10_005)))
    first = names.versions(many)
    assert names.versions(many[::-1]) == first[::-1]
    assert len(set(first)) == 10_005


def test_a_tag_has_the_same_key_in_processes_that_call_it_differently() -> None:
    names = Names("", "", lambda name: name.replace("blog.article", "table:blog"))
    assert names.version("blog.article") == Names("", "").version("table:blog")
