"""Structured fields (RFC 9651), parsed by the package http-sf (extra `http`)."""

from collections.abc import Mapping
from typing import Any

from http_sf import parse


def dictionary(value: str) -> Mapping[str, tuple[Any, Any]] | None:
    """Return the members of a Dictionary, each with its parameters; None for what is no Dictionary."""
    try:
        members: Any = parse(value.encode("ascii"), tltype="dictionary")
    except ValueError:
        return None
    found: Mapping[str, tuple[Any, Any]] = members
    return found
