"""A crowd that comes at once, to several processes on one real Redis: each page is made once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.beside import process
from tests.stores.instances import Instance

PROCESSES, VISITORS = 4, 50
Round = dict[str, Any]


@pytest.fixture(scope="module")
def _instance() -> Any:
    with Instance() as instance:
        yield instance


@pytest.fixture
def crowd(settings: Any, _instance: Instance) -> Any:
    """Let a crowd come twice; give what each process tells of each time."""
    _instance.admin.flushall()
    settings.CACHES = {"default": {**_instance.backend, "KEY_PREFIX": uuid4().hex}}
    settings.PAGECACHE = {"ENABLED": True, "STORE_BUDGET": 20, "WAIT_SECONDS": 50}

    def come(page: str) -> list[list[Round]]:
        url = settings.CACHES["default"]["LOCATION"]
        words = ("-m", "tests.crowding", url, str(PROCESSES), str(VISITORS), page)
        with ThreadPoolExecutor(PROCESSES) as pool:
            said = [pool.submit(process, settings, *words) for _ in range(PROCESSES)]
            told = [json.loads(one.result()) for one in said]
        return [list(one) for one in zip(*told, strict=True)]

    return come


def bodies(rounds: list[Round]) -> list[str]:
    return [body for one in rounds for body in one["bodies"]]


def done(rounds: list[Round], *names: str) -> int:
    return sum(one["done"].get(name, 0) for one in rounds for name in names)


@pytest.mark.django_db
def test_two_hundred_requests_at_four_processes_make_one_render(crowd: Any) -> None:
    first, second = crowd("/shared/")
    assert bodies(first) == bodies(second) == ["1"] * PROCESSES * VISITORS
    assert done(first, "Wait") > PROCESSES * VISITORS / 2
    assert done(second, "Lease", "Wait", "Pause") == 0


@pytest.mark.django_db
def test_an_uncacheable_page_is_waited_for_once_and_known_then(crowd: Any) -> None:
    first, second = crowd("/private/")
    assert len(set(bodies(first))) == PROCESSES * VISITORS, "nobody is given what another got"
    assert max(one["waits"] for one in first) == 1
    assert done(first, "Wait") > PROCESSES * VISITORS / 2
    assert len(set(bodies(second))) == PROCESSES * VISITORS
    assert done(second, "Lease", "Release", "Wait", "Pause") == 0
