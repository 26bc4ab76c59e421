"""Header fields of a response as a whole: by way of its mapping each takes a dozen calls, and a miss looks often."""

from typing import Any

from django.http.response import ResponseHeaders


def spelled(response: Any) -> list[tuple[str, str]]:
    """Return the header fields, each with the name as it is spelled."""
    return list(response.headers._store.values())  # noqa: SLF001 as they are held


def settle(response: Any) -> None:
    """Hold the header fields as Django does, where somebody put another mapping in their place."""
    if not isinstance(response.headers, ResponseHeaders):
        response.headers = ResponseHeaders(response.headers)


def has(response: Any, name: str) -> bool:
    """Whether there is a header field, whose name is in lower case."""
    return name in response.headers._store  # noqa: SLF001 as they are held


def value_of(response: Any, name: str, default: str = "") -> str:
    """Return the value of a header field, whose name is in lower case."""
    _, value = response.headers._store.get(name, ("", default))  # noqa: SLF001 as they are held
    return value  # type: ignore[no-any-return]


def say(response: Any, name: str, value: str) -> None:
    """Set a header field of ours, which is plain ASCII, or that had its value before."""
    response.headers._store[name.lower()] = name, value  # noqa: SLF001 as they are held


def by_lower_name(response: Any) -> dict[str, str]:
    """Return the header fields by their names in lower case."""
    held = response.headers._store  # noqa: SLF001 as they are held
    return {name: value for name, (_, value) in held.items()}


def copied(response: Any) -> ResponseHeaders:
    """Return the header fields for another response; they were checked when they were set."""
    made = ResponseHeaders({})
    made._store = dict(response.headers._store)  # noqa: SLF001 as they are held
    return made
