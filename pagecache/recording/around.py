"""Code of ours around a function of Django's, put there once for the process, whoever else stands around it."""

from collections.abc import Callable
from typing import Any

OURS = "_pagecache_stands_here"


def put_around(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` returns for a function of a class or a module in its place, unless ours stands there already.

    A library that measures may stand there before, with the marks of any wrapper; one that comes later shows ours.
    """
    found = getattr(owner, name)
    if not hasattr(found, OURS):
        made = make(found)
        setattr(made, OURS, True)
        setattr(owner, name, made)
