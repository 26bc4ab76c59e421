"""How a request stands where holes are filled: what is written over later is not there when they are filled again."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

from django.http import HttpRequest

from pagecache.core.types import COOKIE, HEADER, META, QUERY, QUERY_STRING, Input
from pagecache.recording.ambient import language, time_zone
from pagecache.recording.mappings import ALL, Recorded, RecordedMeta
from pagecache.recording.recorder import quietly
from pagecache.recording.request import RecordedRequest

PARSED = {  # of which variable, and what is read of it
    "COOKIES": ("HTTP_COOKIE", {COOKIE}),
    "GET": ("QUERY_STRING", {QUERY, QUERY_STRING}),
}
ACTIVE = "active"


def take_note(request: HttpRequest) -> None:
    """Take note of how a request stands, if it is recorded."""
    if isinstance(request, RecordedRequest):
        stored = request.__dict__
        stood = {name: stored.get(name) for name in PARSED}
        for mapping in (stored["META"], *stood.values()):
            if isinstance(mapping, Recorded):
                mapping.written.clear()
        stored["META"].stood = {**stood, ACTIVE: _active()}


def is_written_over(request: HttpRequest, reads: Iterable[Input]) -> bool:
    """Whether something was written over that was read of a request, which may be recorded, or stand for one.

    What shows a text may read the language and the time zone that are active.
    """
    if not isinstance(request.META, RecordedMeta):
        return False
    reads, stood = list(reads), request.META.stood
    return (
        stood is None  # somebody put others in the place of its variables
        or stood[ACTIVE] != _active()
        or any(map(request.META.is_written, filter(None, map(_variable, reads))))
        or any(_is_other(request, name, reads) for name in PARSED)
    )


def _active() -> tuple[str | None, tzinfo]:
    return language(), time_zone()


def _variable(item: Input) -> str | None:
    if item.kind == HEADER:
        return "HTTP_" + item.name.upper().replace("-", "_")
    return item.name if item.kind == META else None


def _is_other(request: Any, name: str, reads: Iterable[Input]) -> bool:
    """Whether what is parsed of a variable was read, or may have been, and is not what it was."""
    variable, kinds = PARSED[name]
    before = request.META.stood[name]
    with quietly():
        now = getattr(request, name, None)
    if not isinstance(now, Recorded):
        return now is not before
    read = [item.name or ALL for item in reads if item.kind in kinds]
    is_parsed_later = before is None and request.META.is_written(variable)
    return bool(read) and (is_parsed_later or any(map(now.is_written, read)))
