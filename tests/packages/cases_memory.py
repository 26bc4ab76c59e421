"""Settings of django-constance elsewhere: neither in the database nor behind the cache API."""

from __future__ import annotations

import pytest
from constance import config

from pagecache import invalidate
from tests.lanes import MEMORY, Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)
ON = (MEMORY,)

theme = showing(lambda request: config.THEME)


def test_page_that_read_a_setting_is_not_kept(lane: Lane) -> None:
    lane.show(theme)
    config.THEME = "dark"
    assert lane.read() == "dark"
    assert lane.see().reason == "cache-read"


def test_setting_may_be_declared(lane: Lane) -> None:
    lane.configure(CACHE_READS={"THEME": ["settings"]})
    lane.show(theme)
    config.THEME = "dark"
    assert [lane.read(), lane.see().hit] == ["dark", True]
    config.THEME = "light"
    invalidate("settings")
    assert lane.read() == "light"


def test_setting_is_never_missed(lane: Lane) -> None:
    """Constance would put the default in its place."""
    lane.configure(CACHE_READS={"*": "miss"})
    lane.show(theme)
    config.THEME = "dark"
    assert lane.read() == "dark"
    assert lane.see().reason == "cache-read"
    assert config.THEME == "dark"
