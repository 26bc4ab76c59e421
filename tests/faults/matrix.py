"""Every fault in every lane: `pytest tests/faults/matrix.py` writes the table of docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kinds import FAULTS, Place
from tests.faults.load import Verdict, see_through
from tests.faults.place import place as place  # noqa: PLC0414 a fixture
from tests.lanes import MEMORY, SIX, Lane

LANES = SIX
ON = (MEMORY,)  # the lane's own store; the place has another
BUDGET = 0.05  # seconds: what a site has that says nothing
TABLE = Path(__file__).parent.parent.parent / "docs" / "faults.md"
HEAD = """\
# Faults

What visitors see of a cache server that misbehaves: {faults} faults, each in {lanes} lanes. Two readers, each with a
cookie that its page shows, and a writer are at work while it lasts; `STORE_BUDGET` is its default, {budget:.0f} ms.
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
    """The verdicts, written down once all are there."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    yield verdicts
    if len(verdicts) < len(FAULTS) * len(LANES):
        return
    head = HEAD.format(faults=len(FAULTS), lanes=len(LANES), budget=BUDGET * 1000)
    TABLE.write_text(head + "".join(_row(*of, verdicts[of]) for of in sorted(verdicts)))


def _row(fault: str, lane: str, verdict: Verdict) -> str:
    figures = (*verdict.wrong, verdict.renders, verdict.reads, round(verdict.longest * 1000))
    return f"| {fault} | {lane} | {' | '.join(map(str, figures))} |\n"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", FAULTS)
def test_no_visitor_sees_it(
    lane: Lane, place: Place, table: dict[tuple[str, str], Verdict], name: str
) -> None:
    meanwhile, afterwards = see_through(FAULTS[name](place), lane, BUDGET)
    assert afterwards.wrong == (0, 0, 0), afterwards.told
    assert meanwhile.wrong == (0, 0, 0), meanwhile.told
    table[name, lane.kind.name] = meanwhile
