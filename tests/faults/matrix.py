"""Every fault in every lane: `pytest tests/faults/matrix.py` writes the table of docs/faults.md.

Rows of faults and lanes that were left out (`-k`) stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.elsewhere import FAULTS, NAMES
from tests.faults.load import Verdict, see_through
from tests.faults.place import place as place  # noqa: PLC0414 a fixture
from tests.lanes import MEMORY, SIX, Lane

LANES = SIX
ON = (MEMORY,)  # the lane's own store; the place has another
BUDGET = 0.05  # seconds: what a site has that says nothing
TABLE = Path(__file__).parent.parent.parent / "docs" / "faults.md"
HEAD = """\
# Faults

What visitors see of a cache that misbehaves, a Redis where nothing else is said: {faults} faults, each in {lanes}
lanes. Two readers, each with a cookie that its page shows, and a writer are at work while it lasts; `STORE_BUDGET` is
its default, {budget:.0f} ms.
Written by `pytest tests/faults/matrix.py`, which is a part of `make soak`.

*failed* are requests and writes that raised or answered an error, *stale* answers that lack a write whose call had
returned before they were asked for, *leaked* answers with another visitor's cookie. *renders* and *reads* are those
while the fault lasted, *longest* is what the slowest of them took, with its render and on a machine that was doing
everything at once.

| fault | lane | failed | stale | leaked | renders | reads | longest (ms) |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


@pytest.fixture(scope="module")
def table() -> Iterator[dict[tuple[str, str], Verdict]]:
    """The verdicts, written down in the end."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    yield verdicts
    head = HEAD.format(faults=len(FAULTS), lanes=len(LANES), budget=BUDGET * 1000)
    rows = _written() | {of: _row(*of, verdict) for of, verdict in verdicts.items()}
    known = sorted((fault, kind.name) for fault in FAULTS for kind in LANES)
    TABLE.write_text(head + "".join(rows[of] for of in known if of in rows))


def _written() -> dict[tuple[str, str], str]:
    """Return the rows that the page has."""
    lines = TABLE.read_text().splitlines(keepends=True)
    parts = [(line.split(" | ", 2), line) for line in lines if line.startswith("| ")]
    return {(fault.removeprefix("| "), lane): line for (fault, lane, _), line in parts}


def _row(fault: str, lane: str, verdict: Verdict) -> str:
    figures = (*verdict.wrong, verdict.renders, verdict.reads, round(verdict.longest * 1000))
    return f"| {fault} | {lane} | {' | '.join(map(str, figures))} |\n"


@pytest.mark.django_db(transaction=True, databases=["default", "replica"])
@pytest.mark.parametrize("name", NAMES)
def test_no_visitor_sees_it(
    lane: Lane, place: Any, table: dict[tuple[str, str], Verdict], name: str
) -> None:
    meanwhile, afterwards = see_through(FAULTS[name].happens(place), lane, BUDGET)
    assert afterwards.wrong == (0, 0, 0), afterwards.told
    assert meanwhile.wrong == (0, 0, 0), meanwhile.told
    table[name, lane.kind.name] = meanwhile
