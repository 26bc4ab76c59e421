"""A segment function, and what it writes into a request."""

from __future__ import annotations

import pytest
from django.http import HttpRequest

from pagecache import segment_by
from tests.lanes import ALL, Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def writing(request: HttpRequest) -> str:
    """Name one class, but leave a mark of the visitor's in what the request says."""
    who = request.COOKIES.get("who", "nobody")
    request.META["HTTP_X_WHO"] = request.META["site.who"] = who
    request.COOKIES["other"] = who
    return "all"


READS = {
    "a header": lambda request: request.headers.get("X-Who"),
    "a variable": lambda request: request.META.get("site.who"),
    "a cookie": lambda request: request.COOKIES.get("other"),
}


@pytest.mark.parametrize("read", READS)
def test_what_a_segment_function_writes_into_a_request_is_in_no_page(lane: Lane, read: str) -> None:
    shown = showing(READS[read])
    if lane.kind.decorated:
        lane.configure(SEGMENT=f"{__name__}.writing", AUTHENTICATED="segment")
        lane.show(shown)
    else:
        lane.show(shown, segment_by(writing))

    lane.read(cookies={"who": "alice"})
    lane.read(cookies={"who": "alice"})

    assert "alice" not in lane.read(cookies={"who": "bob"})
