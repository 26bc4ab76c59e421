"""Every no has a name, and says why."""

from __future__ import annotations

import re

import pytest

from pagecache.core.reasons import Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_a_token_of_a_structured_field_and_says_why(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z][a-z-]*", reason)
    assert reason.why
    assert not reason.why.endswith(".")


def test_no_two_reasons_say_the_same() -> None:
    assert len({reason.why for reason in Reason}) == len(Reason)


def test_a_reason_is_written_as_its_name() -> None:
    assert f"{Reason.SET_COOKIE}" == "set-cookie"
    assert {reason.value: reason for reason in Reason}["set-cookie"] is Reason.SET_COOKIE
