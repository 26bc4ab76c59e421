"""The two loops do the same: results go in, what an effect raises is raised inside the flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from pagecache.engine.drive import adrive, drive


@dataclass(frozen=True)
class Add:
    """Adds to what the view gives."""

    number: int

    def run(self, render: Any) -> int:
        result: int = self.number + render()
        return result

    async def arun(self, render: Any) -> int:
        result: int = self.number + await render()
        return result


Flow = Generator[Any, Any, Any]


def on_thread(flow: Flow, view: Callable[[], int]) -> Any:
    return drive(flow, view)


def on_loop(flow: Flow, view: Callable[[], int]) -> Any:
    async def aview() -> int:
        return view()

    return asyncio.run(adrive(flow, aview))


both = pytest.mark.parametrize("run", [on_thread, on_loop])
Run = Callable[[Flow, Callable[[], int]], Any]


def five() -> int:
    return 5


def zero() -> int:
    raise ZeroDivisionError


def total() -> Flow:
    one = yield Add(1)
    two = yield Add(2)
    return one, two


def careful() -> Flow:
    try:
        yield Add(1)
    except ZeroDivisionError:
        return "caught"


def second_try() -> Flow:
    try:
        yield Add(1)
    except ZeroDivisionError:
        yield Add(2)


def nothing() -> Flow:
    yield from ()
    return "nothing"


@both
def test_results_are_sent_into_the_flow(run: Run) -> None:
    assert run(total(), five) == (6, 7)


@both
def test_a_flow_without_effects_gives_its_value(run: Run) -> None:
    assert run(nothing(), zero) == "nothing"


@both
def test_what_an_effect_raises_is_the_flows_to_catch(run: Run) -> None:
    assert run(careful(), zero) == "caught"


@both
@pytest.mark.parametrize("flow", [total, second_try])
def test_what_the_flow_does_not_catch_is_raised(run: Run, flow: Callable[[], Flow]) -> None:
    with pytest.raises(ZeroDivisionError):
        run(flow(), zero)
