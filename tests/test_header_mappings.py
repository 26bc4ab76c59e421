"""Responses as Django takes them."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse

from tests.lanes import ALL, Lane

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def replacing_headers(request: HttpRequest) -> HttpResponse:
    made = HttpResponse("hello")
    made.headers = {"Content-Type": "text/plain", "X-Upstream": "yes"}  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("method", ["get", "post"])
def test_headers_of_a_response_may_be_another_mapping(lane: Lane, method: str) -> None:
    lane.show(replacing_headers)

    for _ in range(2):
        answer = lane.visitor().ask(method)
        assert (answer.status_code, answer.content, answer["X-Upstream"]) == (200, b"hello", "yes")
