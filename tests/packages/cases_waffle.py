"""Flags, switches and samples of django-waffle."""

from __future__ import annotations

from typing import Any

import pytest
import waffle
from django.core.cache import cache
from django.http import HttpRequest
from waffle.models import Flag, Sample, Switch

from tests.lanes import Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)


def flag(request: HttpRequest) -> object:
    return waffle.flag_is_active(request, "new")


def switch(request: HttpRequest) -> object:
    return waffle.switch_is_active("new")


def sample(request: HttpRequest) -> object:
    return waffle.sample_is_active("new")


def switches(request: HttpRequest) -> object:
    return any(item.active for item in Switch.get_all())


SHOWN: list[tuple[Any, Any, dict[str, Any], dict[str, Any]]] = [
    (flag, Flag, {"everyone": False}, {"everyone": True}),
    (switch, Switch, {"active": False}, {"active": True}),
    (switches, Switch, {"active": False}, {"active": True}),
    (sample, Sample, {"percent": "0.0"}, {"percent": "99.9"}),
]


@pytest.mark.parametrize("read, model, off, on", SHOWN)
def test_page_is_dropped_when_it_is_switched(
    lane: Lane, read: Any, model: Any, off: dict[str, Any], on: dict[str, Any]
) -> None:
    lane.show(showing(read))
    model.objects.create(name="new", **off)
    assert [lane.read(), lane.read()] == ["False", "False"]
    assert lane.see().hit

    model.objects.get(name="new").delete()
    model.objects.create(name="new", **on)

    assert not lane.see().hit
    assert lane.see().hit
    assert model is Sample or lane.read() == "True"  # 99.9 percent is most of the time


def test_page_is_right_where_the_cache_holds_an_old_value(lane: Lane) -> None:
    """As whoever read before the commit leaves it there, after waffle deleted it."""
    lane.show(showing(switch))
    Switch.objects.create(name="new", active=False)
    assert Switch.get("new").active is False
    key = Switch._cache_key("new")

    Switch.objects.update(active=True)

    assert cache.get(key).active is False
    assert [lane.read(), lane.read()] == ["True", "True"]
    assert lane.see().hit


def test_flag_for_some_users_is_not_shared_with_them(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.show(showing(flag))
    Flag.objects.create(name="new", authenticated=True)
    assert lane.read() == "False"
    assert lane.see().hit
    assert not lane.visitor(sessionid="a" * 32).get()["Cache-Status"].startswith("pagecache; hit")


def test_missing_flag_is_kept_until_it_is_made(lane: Lane) -> None:
    lane.show(showing(flag))
    assert [lane.read(), lane.read()] == ["False", "False"]
    assert lane.see().hit
    Flag.objects.create(name="new", everyone=True)
    assert lane.read() == "True"
