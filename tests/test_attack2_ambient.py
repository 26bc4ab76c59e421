"""What is active when a request comes."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
from django.utils import translation
from django.utils.translation import trans_real

from tests.lanes import ALL, Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


def test_translations_that_tell_no_language_are_in_no_request_s_way(lane: Lane) -> None:
    lane.show(showing(lambda request: translation.get_language()))

    with translation.override("de"):
        trans_real._active.value = NullTranslations()  # type: ignore[attr-defined]
        seen = [lane.read() for _ in range(3)]

    assert seen == ["en"] * 3
