"""Whatever the cache server does, no request fails, no answer is old and none is another visitor's.

Each lane has its share of the faults here; `make soak` lets every lane see every fault, and writes the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.elsewhere import FAULTS, NAMES
from tests.faults.load import see_through
from tests.faults.place import place as place  # noqa: PLC0414 a fixture
from tests.lanes import MEMORY, SIX, Kind, Lane, through

TABLE = Path(__file__).parent.parent / "docs" / "faults.md"
BUDGET = 0.5  # seconds, for the machine may be busy


def share_of(kind: Kind) -> Callable[..., None]:
    """Return the test of a lane."""

    @through(kind, stores=(MEMORY,))
    @pytest.mark.django_db(transaction=True, databases=["default", "replica"])
    @pytest.mark.parametrize("name", NAMES[SIX.index(kind) :: len(SIX)])
    def no_visitor_sees_it(lane: Lane, place: Any, name: str) -> None:
        for verdict in see_through(FAULTS[name].happens(place), lane, BUDGET):
            assert verdict.wrong == (0, 0, 0), verdict.told

    return no_visitor_sees_it


(
    test_middleware_sync,
    test_middleware_async,
    test_decorator_sync,
    test_decorator_async,
    test_wsgi,
    test_asgi,
) = map(share_of, SIX)


def test_the_table_has_each_fault_in_each_lane_and_zeros_alone() -> None:
    rows = re.findall(
        r"^\| (.+?) \| ([a-z-]+) \| (\d+) \| (\d+) \| (\d+) \|", TABLE.read_text(), re.MULTILINE
    )
    assert {row[:2] for row in rows} == {(name, kind.name) for name in FAULTS for kind in SIX}
    assert {row[2:] for row in rows} == {("0", "0", "0")}
