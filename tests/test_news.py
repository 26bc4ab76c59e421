"""News: nobody who looked before something changed takes it for known afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pagecache import news as module
from pagecache.news import Noted, news

Memo = Noted[str, int]
LOOKING = {"get", "items", "keys", "values"}
CHANGES: dict[str, tuple[Callable[[Memo], object], dict[str, int]]] = {
    "one is set": (lambda memo: memo.__setitem__("b", 2), {"a": 1, "b": 2}),
    "one is set anew": (lambda memo: memo.__setitem__("a", 2), {"a": 2}),
    "one is deleted": (lambda memo: memo.__delitem__("a"), {}),
    "one is taken out": (lambda memo: memo.pop("a", None), {}),
    "the last is taken out": (lambda memo: memo.popitem(), {}),
    "one is set by default": (lambda memo: memo.setdefault("b", 2), {"a": 1, "b": 2}),
    "others are taken over": (lambda memo: memo.update(b=2), {"a": 1, "b": 2}),
    "others are added": (lambda memo: memo.__ior__({"b": 2}), {"a": 1, "b": 2}),
    "all are taken out": (lambda memo: memo.clear(), {}),
}


class Told:
    """What there was each time that something was told."""

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.found: list[dict[str, int]] = []

    def tell(self) -> None:
        self.found.append(dict(self.memo))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_once_it_is_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, after = CHANGES[name]
    memo = Noted(a=1)
    told = Told(memo)
    monkeypatch.setattr(module, "news", told)

    change(memo)

    assert told.found == [after]


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_told_is_news(name: str) -> None:
    change, _ = CHANGES[name]
    before = news.latest

    change(Noted(a=1))

    assert news.latest is not before


def test_to_look_is_no_news() -> None:
    memo, before = Noted(a=1), news.latest
    assert (memo.get("a"), memo["a"], "a" in memo, dict(memo)) == (1, 1, True, {"a": 1})
    assert news.latest is before


def test_a_memo_changes_in_no_other_way() -> None:
    """What a dictionary has beside the ways that are told of only looks, or makes another."""
    rest = vars(dict).keys() - vars(Noted).keys()
    assert {name for name in rest if not name.startswith("__")} == {"copy", "fromkeys", *LOOKING}


def test_what_is_taken_out_is_returned() -> None:
    assert Noted(a=1).pop("a") == 1
    with pytest.raises(KeyError):
        Noted[str, int]().pop("a")
