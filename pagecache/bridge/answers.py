"""What is sent in place of a whole page, because of what the client has already or wants of it."""

from typing import Any

from django.http import HttpResponse, HttpResponseNotModified

from pagecache.bridge.fields import by_lower_name, copied
from pagecache.core import conditions, ranges
from pagecache.recording.mappings import CONDITIONAL

RANGE, IF_RANGE = "HTTP_RANGE", "HTTP_IF_RANGE"
BEYOND = frozenset((*CONDITIONAL, RANGE))  # what asks for less than a page
# RFC 9110 15.4.5, and what caches further down go by.
IN_304 = (
    "Age Cache-Control Cache-Status CDN-Cache-Control Content-Location Date ETag Expires No-Vary-Search Vary"
).split()
IN_416 = ("Age", "Cache-Status", "Date", "Vary")

Asked = dict[str, str]  # what a request asks beyond the page: names of `META`, with values


def answer(response: Any, asked: Asked, made: float) -> Any:
    """Answer conditions, then a range, from the response for a page that was made at some time (RFC 9110 13.2.2)."""
    if response.status_code != 200 or response.streaming:  # noqa: PLR2004 a status code
        return response
    headers = by_lower_name(response)
    tags, since = (asked.get(name) for name in CONDITIONAL)
    if conditions.is_known(tags, since, headers, made):
        return _not_modified(response)
    part = ranges.wanted(asked.get(RANGE, ""), len(response.content))
    if part is None or (IF_RANGE in asked and not ranges.holds(asked[IF_RANGE], headers, made)):
        return response
    return _partial(response, part) if part else _unsatisfiable(response)


def _not_modified(response: Any) -> HttpResponse:
    names = IN_304 if response.has_header("ETag") else [*IN_304, "Last-Modified"]
    answer = HttpResponseNotModified()
    for name in names:
        if response.has_header(name):
            answer[name] = response[name]
    answer.cookies = response.cookies
    return answer


def like(response: Any, body: bytes) -> Any:
    """Return a response like another, with another body; that one stays as it is: its view may send it again."""
    made = object.__new__(type(response))
    vars(made).update(vars(response))
    made.headers = copied(response)
    made.content = body
    return made


def _partial(response: Any, part: range) -> Any:
    """Return a part of a response (RFC 9110 15.3.7)."""
    whole = response.content
    answer = like(response, whole[part.start : part.stop])
    answer.status_code = 206
    answer["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(whole)}"
    answer["Content-Length"] = str(len(part))
    return answer


def _unsatisfiable(response: Any) -> HttpResponse:
    """Say how long the page is (RFC 9110 15.5.17)."""
    answer = HttpResponse(status=416)
    del answer["Content-Type"]
    answer["Content-Range"] = f"bytes */{len(response.content)}"
    for name in IN_416:
        if response.has_header(name):
            answer[name] = response[name]
    return answer
