"""The No-Vary-Search response field: by which query parameters a page does not differ."""

from collections.abc import Collection

from pagecache.core.types import HEADER, META, QUERY, QUERY_STRING, VARY, Input

ALL = "key-order, params"


def no_vary_search(inputs: Collection[Input]) -> str | None:
    """Return the field for a page with these inputs; None for one that may differ by all of its query.

    Names beyond ASCII depend on how the page decodes them, which the field cannot say.
    """
    names = sorted(item.name for item in inputs if item.kind == QUERY)
    if any(map(_may_hold_query, inputs)) or not all(map(_is_plain, names)):
        return None
    listed = " ".join(f'"{_quoted(name)}"' for name in names)
    return f"{ALL}, except=({listed})" if names else ALL


def _may_hold_query(item: Input) -> bool:
    """Whether an input holds the whole query, by its own name or in the URL that a server or a proxy wrote there."""
    if item.kind == META:
        return not item.name.startswith("SERVER_")
    in_header = item.kind in {HEADER, VARY} and any(word in item.name for word in ("uri", "url"))
    return in_header or item.kind == QUERY_STRING


def _is_plain(name: str) -> bool:
    return name.isascii() and name.isprintable()


def _quoted(name: str) -> str:
    """Return a name as in a query, where only letters, digits and `-._~` stand for themselves."""
    return "".join(
        char if char.isalnum() or char in "-._~" else f"%{ord(char):02X}" for char in name
    )
