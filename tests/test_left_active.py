"""What functions for one visitor leave active for the page."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils import translation

from pagecache import segment_by
from tests.lanes import ALL, Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def speaking(request: HttpRequest) -> str:
    translation.activate(request.headers["X-Lang"])
    return "all"


def test_a_language_that_a_hole_left_active_is_in_no_page(lane: Lane) -> None:
    tag = f'{{% load pagecache %}}{{% pagecache_hole "{__name__}.speaking" %}}'
    made = engines["django"].from_string(tag)
    lane.show(
        lambda request: HttpResponse(f"{made.render({}, request)} {translation.get_language()}")
    )

    with translation.override("en"):
        seen = []
        for language in ("de", "en") * 2:
            translation.activate("en")
            seen.append(lane.read(headers={"X-Lang": language}))

    assert seen in (["all de", "all en"] * 2, ["all en"] * 4)


def test_a_language_that_a_segment_function_left_active_is_in_no_page(lane: Lane) -> None:
    shown = showing(lambda request: translation.get_language())
    if lane.kind.decorated:
        lane.configure(SEGMENT=f"{__name__}.speaking", AUTHENTICATED="segment")
        lane.show(shown)
    else:
        lane.show(shown, segment_by(speaking))

    with translation.override("en"):
        seen = []
        for language in ("de", "en") * 2:
            translation.activate("en")
            seen.append(lane.read(headers={"X-Lang": language}))

    assert seen in (["de", "en"] * 2, ["en"] * 4)
