"""Lets C code that copies a recorded query find what it would find in a QueryDict: lists, where Python finds values.

`dict(query)`, `**query` and `update(query)` take what a QueryDict holds without asking it. They ask what is recorded,
since that is no plain dict: for all its names first, and then for each item, all in one instruction of the caller.
"""

import sys
from collections.abc import Iterator, KeysView
from types import CodeType
from typing import Any

Place = tuple[CodeType, int]


def place(depth: int) -> Place:
    """Return the instruction that a caller is at, so many calls up."""
    frame = sys._getframe(depth)  # noqa: SLF001 the only way to tell C code from Python's
    return frame.f_code, frame.f_lasti


class Names(KeysView[str]):
    """The names of a query; remembers where all of them were taken."""

    _mapping: Any

    def __init__(self, items: Any, asked: Place) -> None:
        super().__init__(items)
        self._asked = asked
        self.taken: Place | None = None

    def __iter__(self) -> Iterator[str]:
        yield from self._mapping
        self.taken = self._asked

    def __reversed__(self) -> Iterator[str]:
        yield from reversed(self._mapping)

    def __repr__(self) -> str:
        return repr(self._mapping.keys())
