"""Reads the ``Cache-Status`` header (RFC 9211) that pagecache puts on each response."""

from __future__ import annotations

from dataclasses import dataclass

CACHE = "pagecache"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a response came about: "hit", "miss", "bypass" or "none", and why if the server says."""

    kind: str
    stored: bool = False
    why: str = ""

    def __str__(self) -> str:
        words = [self.kind]
        if self.kind == "miss":
            words.append("stored" if self.stored else "not stored")
        return ", ".join(words) + (f" ({self.why})" if self.why else "")


def read_outcome(header: str) -> Outcome:
    """Understand one header value; "none" where pagecache said nothing."""
    cache, _, rest = header.partition(";")
    if cache.strip() != CACHE:
        return Outcome("none")
    parameters = dict(parameter(part) for part in rest.split(";"))
    return Outcome(kind(parameters), "stored" in parameters, parameters.get("detail", ""))


def parameter(part: str) -> tuple[str, str]:
    """A name and its value; a bare name has none."""
    name, _, value = part.strip().partition("=")
    return name, value.strip('"')


def kind(parameters: dict[str, str]) -> str:
    """One word for what happened."""
    if "hit" in parameters:
        return "hit"
    return "bypass" if parameters.get("fwd") == "bypass" else "miss"
