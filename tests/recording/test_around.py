"""What of ours stands around Django's functions: once, and whoever else wraps them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.core.signing import TimestampSigner
from django.template.response import SimpleTemplateResponse

from pagecache.recording import handlers, observers, signatures
from pagecache.recording.around import OURS, put_around


class Owner:
    def said(self) -> str:
        return "django"


@pytest.fixture
def owner() -> Any:
    return type("Owner", (Owner,), {"said": Owner.said})


def saying(word: str) -> Callable[[Any], Any]:
    def make(method: Any) -> Any:
        @wraps(method)
        def said(self: Any) -> str:
            return f"{word}({method(self)})"

        return said

    return make


def test_it_stands_there_once(owner: Any) -> None:
    for _ in range(2):
        put_around(owner, "said", saying("ours"))
    assert owner().said() == "ours(django)"


def test_it_stands_around_what_stood_there_before(owner: Any) -> None:
    owner.said = saying("theirs")(owner.said)
    put_around(owner, "said", saying("ours"))
    assert owner().said() == "ours(theirs(django))"


def test_it_is_not_put_there_again_where_others_came_later(owner: Any) -> None:
    put_around(owner, "said", saying("ours"))
    owner.said = saying("theirs")(owner.said)
    put_around(owner, "said", saying("ours"))
    assert owner().said() == "theirs(ours(django))"


@pytest.mark.parametrize(
    "place, name, install",
    [
        (BaseHandler, "load_middleware", handlers.install),
        (SimpleTemplateResponse, "render", observers._record_templates),
        (TimestampSigner, "unsign", signatures.install),
    ],
)
def test_what_a_library_wrapped_is_watched_all_the_same(
    place: Any, name: str, install: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = getattr(place, name)
    measured = saying("theirs")(getattr(found, "__wrapped__", found))  # around Django's own
    monkeypatch.setattr(place, name, measured)
    assert not hasattr(measured, OURS)
    install()
    assert hasattr(getattr(place, name), OURS)
