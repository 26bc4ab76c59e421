"""The two loops that carry out the effects of a flow."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from pagecache.stores.waiting import in_request

T = TypeVar("T")
Flow = Generator[Any, Any, T]


def drive(flow: Flow[T], render: Callable[[], Any] | None = None) -> T:
    """Carry out a flow on this thread; what an effect raises is raised inside the flow."""
    with in_request():
        try:
            effect = next(flow)
            while True:
                try:
                    result = effect.run(render)
                except BaseException as error:  # noqa: BLE001 the flow decides
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


async def adrive(flow: Flow[T], render: Callable[[], Awaitable[Any]] | None = None) -> T:
    """Carry out a flow on the event loop."""
    with in_request():
        try:
            effect = next(flow)
            while True:
                try:
                    result = await effect.arun(render)
                except BaseException as error:  # noqa: BLE001 the flow decides
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
