"""What C code makes of a recorded query is what it makes of a QueryDict."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.functional import SimpleLazyObject

from pagecache.core.types import QUERY_STRING, Input
from pagecache.recording.mappings import RecordedQuery
from pagecache.recording.recorder import Recorder


def star(**kwargs: Any) -> dict[str, Any]:
    return kwargs


def updated(query: Any) -> dict[str, Any]:
    made = {"z": 1}
    made.update(query)
    return made


def twice(query: Any) -> Any:
    return [(dict(query), query["a"]) for _ in range(2)]


COPIES: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "{**}": lambda query: {**query},
    "f(**)": lambda query: star(**query),
    "update": updated,
    "defaultdict": lambda query: defaultdict(list, query),
    "MultiValueDict": MultiValueDict,
    "with more": lambda query: dict(query, z=1),
    "twice": twice,
}
OTHERS: dict[str, Callable[[Any], Any]] = {
    "OrderedDict": OrderedDict,
    "lazy": lambda query: dict(SimpleLazyObject(lambda: query)),
    "loop": lambda query: [query[name] for name in query.keys()],  # noqa: SIM118 is what is meant
    "map": lambda query: list(map(query.__getitem__, query.keys())),
    "sorted": lambda query: sorted(query.keys(), key=query.__getitem__),
    "set": lambda query: query.keys() & {"a", "z"},
    "len": lambda query: (len(query.keys()), "a" in query.keys()),  # noqa: SIM118 the same
    "reversed": lambda query: list(reversed(query.keys())),
    "repr": lambda query: repr(query.keys()),
    "%": lambda query: "%(a)s" % query,  # noqa: UP031 a way to read
    "item": lambda query: (list(query.keys()), query["a"]),
}


@pytest.mark.parametrize("text", ["", "a=1&a=2", "b=3&a=1&a=2&c="])
@pytest.mark.parametrize("use", (COPIES | OTHERS).values(), ids=COPIES | OTHERS)
def test_it_finds_what_it_would_find_in_a_query_that_is_not_recorded(text: str, use: Any) -> None:
    recorder, plain = Recorder(), QueryDict(text)
    assert tried(use, RecordedQuery(plain, recorder)) == tried(use, plain)


def tried(use: Callable[[Any], Any], query: Any) -> Any:
    try:
        return use(query)
    except KeyError as error:
        return repr(error)


@pytest.mark.parametrize("use", COPIES.values(), ids=COPIES)
def test_a_copy_is_a_look_at_the_whole(use: Any) -> None:
    recorder = Recorder()
    use(RecordedQuery(QueryDict("a=1"), recorder))
    assert Input(QUERY_STRING) in recorder.inputs
