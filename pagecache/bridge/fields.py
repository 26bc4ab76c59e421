"""Header fields of a response as a whole: by way of its mapping each takes a dozen calls, and a miss looks often."""

from typing import Any

from django.http.response import ResponseHeaders


def spelled(response: Any) -> list[tuple[str, str]]:
    """Return the header fields, each with the name as it is spelled."""
    return list(response.headers._store.values())  # noqa: SLF001 as they are held


def by_lower_name(response: Any) -> dict[str, str]:
    """Return the header fields by their names in lower case."""
    held = response.headers._store  # noqa: SLF001 as they are held
    return {name: value for name, (_, value) in held.items()}


def copied(response: Any) -> ResponseHeaders:
    """Return the header fields for another response; they were checked when they were set."""
    made = ResponseHeaders({})
    made._store = dict(response.headers._store)  # noqa: SLF001 as they are held
    return made
