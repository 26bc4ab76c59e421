"""Language and time zone are found out as Django's own functions say, wherever code runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from gettext import NullTranslations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.local import Local
from asgiref.sync import sync_to_async
from django.utils import timezone, translation
from django.utils.translation import trans_real

from pagecache.core.types import UNSET
from pagecache.recording import ambient

TOKYO = ZoneInfo("Asia/Tokyo")


@contextmanager
def untranslated() -> Iterator[None]:
    with translation.override("de"):
        translation.deactivate_all()
        yield


@contextmanager
def nothing_active() -> Iterator[None]:
    with translation.override("de", deactivate=True), timezone.override(TOKYO):
        translation.deactivate()
        timezone.deactivate()
        yield


ACTIVE = {
    "as it is": nullcontext,
    "nothing": nothing_active,
    "a language": lambda: translation.override("de"),
    "no translations": untranslated,
    "a time zone": lambda: timezone.override(TOKYO),
    "an offset": lambda: timezone.override(timezone.get_fixed_timezone(90)),
}


def found() -> tuple[object, object]:
    return ambient.language(), ambient.time_zone()


def said() -> tuple[object, object]:
    return translation.get_language(), timezone.get_current_timezone()


@pytest.mark.parametrize("name", ACTIVE)
def test_it_is_what_django_says(name: str) -> None:
    within: AbstractContextManager[None] = ACTIVE[name]()  # type: ignore[operator]
    with within:
        assert found() == said()


@pytest.mark.parametrize("name", ACTIVE)
def test_another_thread_has_its_own(name: str) -> None:
    within: AbstractContextManager[None] = ACTIVE[name]()  # type: ignore[operator]
    with within, ThreadPoolExecutor(1) as pool:
        assert pool.submit(found).result() == pool.submit(said).result()


def test_a_task_takes_it_along_to_a_thread() -> None:
    async def there() -> tuple[object, object]:
        with translation.override("de"), timezone.override(TOKYO):
            assert found() == said()
            return await sync_to_async(found)()

    assert asyncio.run(there()) == ("de", TOKYO)


def test_translations_that_tell_no_language_are_those_of_the_site(settings: Any) -> None:
    with translation.override("de"):
        trans_real._active.value = NullTranslations()  # type: ignore[attr-defined]
        assert found() == said()
        assert ambient.language() == settings.LANGUAGE_CODE


@pytest.mark.parametrize("language", ["de", None])
@pytest.mark.parametrize("name", ACTIVE)
def test_a_language_is_spoken_inside_and_what_was_active_is_so_again(
    name: str, language: str | None
) -> None:
    within: AbstractContextManager[None] = ACTIVE[name]()  # type: ignore[operator]
    active = trans_real._active  # type: ignore[attr-defined]
    with within:
        before, was_held = said(), ambient.held_by(active)
        with ambient.speaking(language):
            assert translation.get_language() == language
        assert said() == before
        assert (ambient.held_by(active) is None) == (was_held is None)


def test_a_local_of_another_make_is_not_looked_into() -> None:
    assert ambient.held_by(object()) is UNSET
    assert ambient.held_by(Local(thread_critical=True)) in {None, UNSET}


def test_where_it_is_not_seen_django_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ambient, "held_by", lambda _local: UNSET)
    with translation.override("de"), timezone.override(TOKYO):
        assert found() == said() == ("de", TOKYO)
