"""The setting `PAGECACHE`: what is wrong is said with key, value and fix; what is right is frozen."""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from django.core.cache.backends.db import DatabaseCache
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from pagecache import announcing, conf
from pagecache.core.types import UNSET, Policy, Resolved
from pagecache.events import settings_reloaded
from pagecache.options import Options, problems
from pagecache.segments import by_user

VIEW = Resolved("blog:detail", ("blog",), ("weblog",), False, Policy())
SECONDS = "Make it a number of seconds, 0 or more, or None for no limit."
COUNT = "Make it a whole number, 0 or more."

SECRET = "0123456789abcdef0123456789abcdef"
SECRETS = (
    "Make it a list of secrets of 32 characters or more, such as one of secrets.token_urlsafe()."
)

WRONG: list[tuple[str, Any, str]] = [
    ("ENABLED", "yes", "Make it True, False or None (automatic)."),
    ("ENABLED", 1, "Make it True, False or None (automatic)."),
    ("MODE", "some", "Make it one of 'all', 'decorated'."),
    ("MODE", [], "Make it one of 'all', 'decorated'."),
    ("TIMEOUT", "300", SECONDS),
    ("TIMEOUT", -1, SECONDS),
    ("TIMEOUT", True, SECONDS),
    ("TIMEOUT", float("inf"), SECONDS),
    ("TIMEOUT", float("nan"), SECONDS),
    ("CLOCK_TIMEOUT", "1", SECONDS),
    ("NEGATIVE_TIMEOUT", -1, SECONDS),
    ("STALE_IF_ERROR", None, "Make it a number of seconds, 0 or more."),
    ("STALE_WHILE_REVALIDATE", None, "Make it a number of seconds, 0 or more."),
    ("BACKGROUND", "yes", "Make it True, False or None (automatic)."),
    ("EARLY_REFRESH", None, "Make it a number, 0 (never) or more, such as 1."),
    ("EARLY_REFRESH", -1, "Make it a number, 0 (never) or more, such as 1."),
    ("JITTER", 2, "Make it a share of lifetimes: a number from 0 to 1, such as 0.1."),
    ("WAIT_SECONDS", None, "Make it a number of seconds, 0 or more."),
    ("SETTLE_SECONDS", None, "Make it a number of seconds, 0 or more."),
    ("TWO_PHASE", "yes", "Make it True or False."),
    (
        "HEURISTIC",
        10,
        "Make it a share of the time since the last change: a number from 0 to 1, such as 0.1.",
    ),
    ("VERIFY", 5, "Make it a share of hits: a number from 0 to 1, such as 0.01."),
    ("SHADOW", None, "Make it True or False."),
    ("RANGES", 1, "Make it True or False."),
    ("OBEY_REQUEST_DIRECTIVES", "yes", "Make it True or False."),
    ("MAX_TRANSACTION_SECONDS", 0, "Make it a number of seconds above 0, at most 86400 (a day)."),
    ("MAX_TRANSACTION_SECONDS", 86_401, "at most 86400 (a day)."),
    (
        "MAX_TRANSACTION_SECONDS",
        None,
        "Make it a number of seconds above 0, at most 86400 (a day).",
    ),
    ("ON_INVALIDATION_FAILURE", "ignore", "Make it one of 'log', 'raise'."),
    ("CACHE", None, "Make it the alias of a cache in CACHES."),
    ("KEY_PREFIX", None, "Make it a string."),
    ("RELEASE", 7, "Make it a string that differs between deploys, such as a commit id."),
    ("EXCLUDE", "^/admin/", "Make it a list of patterns: "),
    ("EXCLUDE", ["["], "Make it a list of patterns: "),
    ("EXCLUDE", {"a"}, "Make it a list of patterns: "),
    ("INCLUDE", [1], "Make it a list of patterns, as EXCLUDE."),
    ("RULES", {"match": "/"}, "Make it a list of dicts with the key 'match' (a pattern)"),
    ("RULES", ["/"], "Make it a list of dicts with the key 'match' (a pattern)"),
    ("RULES", [{}], "Make it a list of dicts with the key 'match' (a pattern)"),
    ("RULES", [{"match": "["}], "Make it a list of dicts"),
    ("RULES", [{"match": "/", "time": 1}], "any of 'timeout' (seconds), 'segment' (dotted path)"),
    ("RULES", [{"match": "/", "timeout": -1}], "Make it a list of dicts"),
    ("RULES", [{"match": "/", "segment": print}], "Make it a list of dicts"),
    ("RULES", [{"match": "/", "tags": "news"}], "Make it a list of dicts"),
    ("RULES", [{"match": "/", "min_hits": None}], "'min_hits' (number), 'min_cost' (seconds)"),
    ("RULES", [{"match": "/", "min_cost": "1"}], "Make it a list of dicts"),
    ("AUTHENTICATED", "share", "Make it one of 'bypass', 'segment', 'unread'."),
    ("SEGMENT", print, "Make it the dotted path of a callable."),
    ("KEY_COOKIES", "promo", "Make it a list of cookie names, or a dict"),
    ("KEY_COOKIES", {"promo": "a"}, "Make it a list of cookie names, or a dict"),
    ("KEY_COOKIES", {1: None}, "Make it a list of cookie names, or a dict"),
    ("KEY_HEADERS", [1], "Make it a list of header names, or a dict, as KEY_COOKIES."),
    ("SENSITIVE_PARAMS", "token", "Make it a list of query parameter names."),
    ("MAX_BYTES", 1.5, "Make it a whole number of bytes, 0 or more."),
    ("MAX_BYTES", -1, "Make it a whole number of bytes, 0 or more."),
    (
        "STATUSES",
        [500],
        "Make it a list of statuses out of 200, 203, 204, 300, 301, 308, 404, 410, or None for the usual.",
    ),
    ("STATUSES", [[200]], "Make it a list of statuses out of 200,"),
    ("STATUSES", 200, "Make it a list of statuses out of 200,"),
    ("MAX_INPUTS", True, COUNT),
    ("MAX_VARIANTS", 0, "Make it a whole number, 1 or more."),
    ("MAX_VARIANTS", True, "Make it a whole number, 1 or more."),
    ("MIN_HITS", 0, "Make it a whole number from 1 (each page is stored) to 100."),
    ("MIN_HITS", 101, "Make it a whole number from 1"),
    ("MIN_COST", None, "Make it a number of seconds, 0 or more."),
    ("MAX_ROWS", -1, COUNT),
    ("OUTSIDE", "a.B", "Make it a list of dotted paths of middleware"),
    ("OBSERVERS", "a.B", "Make it a list of dotted paths of middleware that only looks on"),
    ("IGNORE", "log", "Make it a list of 'table' and 'table.column'"),
    ("ROUTINES", "f", "Make it a list of SQL function names"),
    ("ALIASES", {"v": "t"}, "Make it a dict from names of views,"),
    ("CACHE_READS", ["rates"], "Make it a dict from patterns of cache keys ('*' stands for any"),
    ("CACHE_READS", {"rates": "library.article"}, "to 'miss', a list of tags, or None"),
    ("CACHE_READS", {"": None}, "Make it a dict from patterns of cache keys"),
    ("CACHE_READS", {1: None}, "Make it a dict from patterns of cache keys"),
    ("ENCRYPT", SECRET, SECRETS),
    ("ENCRYPT", [SECRET, SECRET[:31]], SECRETS),
    ("ENCRYPT", [b"short"], SECRETS),
    ("ENCRYPT", [None], SECRETS),
    ("ENCRYPT", {SECRET}, SECRETS),
    ("COMPRESS", "deflate", "Make it True (gzip), False, or one of 'gzip', 'br', 'zstd'."),
    ("COMPRESS", None, "Make it True (gzip), False,"),
    ("COMPRESS", 1, "Make it True (gzip), False,"),
    ("DOWNSTREAM_MAX_AGE", None, "Make it a whole number of seconds, 0 or more."),
    ("REVEAL", print, "Make it the dotted path of a callable request -> bool, or None."),
    ("LOCAL", True, "Make it None or one of 'validate', 'push'."),
    ("LOCAL_BYTES", 0, "Make it a whole number of bytes, 1 or more."),
    ("PUSH_BOUND", 0, "Make it a number of seconds above 0."),
    ("STORE_BUDGET", 0, "Make it a number of seconds above 0."),
    ("STORE_BUDGET", None, "Make it a number of seconds above 0."),
]


@pytest.mark.parametrize("key, value, fix", WRONG)
def test_a_wrong_value_is_named_with_its_key_and_the_fix(key: str, value: Any, fix: str) -> None:
    ((message, hint),) = problems({key: value})
    shown = "<not shown>" if key == "ENCRYPT" else repr(value)
    assert message == f"PAGECACHE[{key!r}] is {shown}."
    assert hint.startswith(fix) or fix in hint


def test_every_key_has_a_case_of_a_wrong_value() -> None:
    assert {key for key, _, _ in WRONG} == {item.name for item in fields(Options)}


def test_an_unknown_key_is_named_with_the_one_that_was_meant() -> None:
    assert problems({"TIME_OUT": 5}) == [
        ("PAGECACHE has the unknown key 'TIME_OUT' (value 5).", "Did you mean 'TIMEOUT'?")
    ]


def test_no_message_shows_a_secret() -> None:
    assert problems({"ENCRYPTION": [SECRET]}) == [
        (
            "PAGECACHE has the unknown key 'ENCRYPTION' (value <not shown>).",
            "Did you mean 'ENCRYPT'?",
        )
    ]
    assert SECRET not in repr(Options(ENCRYPT=[SECRET]))


def test_an_unknown_key_that_is_like_none_is_answered_with_all_keys() -> None:
    ((_, hint),) = problems({"zzz": 5})
    assert hint.startswith("Remove it; the keys are ENABLED, MODE, TIMEOUT")


def test_something_else_than_a_dict_is_a_problem() -> None:
    assert problems([]) == [("PAGECACHE is [].", "Make it a dict, such as {'TIMEOUT': 300}.")]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems({"MODE": 1, "TIMEOUT": "1", "X": 1})) == 3


RIGHT: dict[str, list[Any]] = {
    "ENABLED": [None, True, False],
    "TIMEOUT": [None, 0, 0.5, 10**9],
    "EXCLUDE": [[], ("name:x", "^/a"), ["namespace:a", "app:b"]],
    "RULES": [
        [{"match": "/"}],
        [{"match": "/", "min_hits": 100, "min_cost": 0.5}],
        ({"match": "/", "timeout": None, "segment": "pagecache.segments.by_user", "tags": []},),
    ],
    "KEY_COOKIES": [["a"], {"a"}, {"a": None, "b": ["x", "y"]}],
    "STATUSES": [[], [200, 404], {410}],
    "IGNORE": [None, [], ["log", "user.seen"]],
    "CACHE_READS": [None, {}, {"a": None, "b.*": [], "*": "miss", "c": ["library.article", "d"]}],
    "ENCRYPT": [[], (), [SECRET], (SECRET, SECRET.encode() * 2)],
    "COMPRESS": [True, False, "gzip", "br", "zstd"],
    "REVEAL": [None, "a.b"],
    "LOCAL": [None, "validate", "push"],
    "PUSH_BOUND": [0.05, 1, 60],
    "LOCAL_BYTES": [1, 10**10],
    "STORE_BUDGET": [0.01, 5],
}


@pytest.mark.parametrize("key", RIGHT)
def test_a_right_value_is_no_problem(key: str) -> None:
    assert [problems({key: value}) for value in RIGHT[key]] == [[]] * len(RIGHT[key])


def test_every_default_is_a_right_value() -> None:
    assert problems({item.name: item.default for item in fields(Options)}) == []


def test_wrong_settings_are_refused_where_they_are_read(settings: Any) -> None:
    settings.PAGECACHE = {"MODE": "some"}
    with pytest.raises(ImproperlyConfigured) as raised:
        conf.get()
    assert str(raised.value) == "PAGECACHE['MODE'] is 'some'. Make it one of 'all', 'decorated'."


def test_a_missing_package_is_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pagecache.sealing", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    settings.PAGECACHE = {"ENCRYPT": [SECRET]}
    with pytest.raises(ImproperlyConfigured) as raised:
        conf.get()
    assert 'pip install "django-pagecache[encrypt]"' in str(raised.value)
    assert SECRET not in str(raised.value)


def test_the_package_is_not_asked_for_without_keys(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pagecache.sealing", None)
    settings.PAGECACHE = {"ENCRYPT": []}
    assert conf.get().sealer is None


@pytest.mark.parametrize("stated, name", [(True, "gzip"), ("br", "br"), ("zstd", "zstd")])
def test_pages_are_compressed_where_that_is_set(settings: Any, stated: Any, name: str) -> None:
    assert conf.get().coding is None
    settings.PAGECACHE = {"COMPRESS": stated}
    coding = conf.get().coding
    assert coding is not None
    assert coding.name == name
    assert [conf.get().coding_of(one) is not None for one in (name, "gzip", "x")] == [
        True,
        True,
        False,
    ]


def test_structured_fields_are_not_parsed_without_their_package(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pagecache.structured", None)
    settings.PAGECACHE = {}
    assert conf.get().dictionary is None


def test_the_settings_are_read_once_and_cannot_be_changed(settings: Any) -> None:
    settings.PAGECACHE = {"TIMEOUT": 7}
    config = conf.get()
    assert conf.get() is config
    with pytest.raises((FrozenInstanceError, AttributeError)):
        config.prefix = ""  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, AttributeError)):
        config.options.TIMEOUT = 1  # type: ignore[misc]


def test_without_the_setting_the_defaults_hold(settings: Any) -> None:
    del settings.PAGECACHE
    assert conf.get().options == Options()


@pytest.mark.parametrize(
    "setting, value",
    [("PAGECACHE", {"TIMEOUT": 7}), ("CACHES", {}), ("DEBUG", True), ("MIDDLEWARE", [])],
)
def test_changed_settings_are_read_anew(setting: str, value: Any) -> None:
    before, told = conf.get(), []
    settings_reloaded.connect(receiver := lambda **_: told.append(1))
    with override_settings(**{setting: value}):
        assert conf.get() is not before
    settings_reloaded.disconnect(receiver)
    assert told == [1, 1]


def test_other_settings_change_nothing() -> None:
    before, names = conf.get(), announcing.site_names()
    with override_settings(APPEND_SLASH=False):
        assert conf.get() is before
        assert announcing.site_names() is names


@pytest.mark.parametrize(
    "enabled, debug, expected",
    [(True, True, True), (False, False, False), (None, False, False), (None, True, False)],
)
def test_pagecache_is_off_while_debugging_and_under_a_test_runner(
    settings: Any, enabled: bool | None, debug: bool, expected: bool
) -> None:
    settings.PAGECACHE, settings.DEBUG = {"ENABLED": enabled}, debug
    assert conf.get().enabled is expected


@pytest.mark.parametrize("debug", [True, False])
def test_without_a_test_runner_debug_decides(
    settings: Any, debug: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("django.core.mail.outbox")
    settings.PAGECACHE, settings.DEBUG = {}, debug
    assert conf.get().enabled is not debug


def test_rules_become_patterns_with_policies(settings: Any) -> None:
    stated = {
        "match": "^/a",
        "timeout": None,
        "segment": "pagecache.segments.by_user",
        "tags": ["news"],
    }
    settings.PAGECACHE = {"RULES": [stated, {"match": "name:blog:detail"}]}
    full, bare = conf.get().rules
    assert full.policy == Policy(timeout=None, tags=("news",))
    assert (full.segment, full.matches("/a", VIEW), full.matches("/b/a", VIEW)) == (
        by_user,
        True,
        False,
    )
    assert (bare.segment, bare.matches("/b", VIEW), bare.policy.timeout) == (None, True, UNSET)


def test_names_are_compared_as_http_compares_them(settings: Any) -> None:
    settings.PAGECACHE = {
        "KEY_COOKIES": {"Promo": ["a", "a"]},
        "KEY_HEADERS": ["X-Device"],
        "SENSITIVE_PARAMS": ["Token"],
        "ROUTINES": ["Slugify"],
    }
    config = conf.get()
    assert config.cookies == {"Promo": frozenset("a")}
    assert config.headers == {"x-device": None}
    assert config.sensitive_params == {"token"}
    assert config.routines == {"slugify"}


def test_what_django_writes_by_itself_is_ignored(settings: Any) -> None:
    assert conf.get().ignored == {
        "django_session",
        "django_admin_log",
        "django_migrations",
        "auth_user.last_login",
    }


def test_a_user_model_that_is_not_there_is_not_looked_for(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "nowhere.User"
    assert "auth_user.last_login" in conf.get().ignored


class SiteCache(DatabaseCache):
    """A site's own subclass."""


def test_tables_of_database_caches_are_ignored_also_if_ignore_is_stated(settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache", "LOCATION": "x"},
        "pages": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "Kept"},
        "own": {"BACKEND": f"{__name__}.SiteCache", "LOCATION": "own_cache"},
        "gone": {"BACKEND": "nowhere.Cache", "LOCATION": "gone"},
    }
    settings.PAGECACHE = {"IGNORE": ["Audit_Log"]}
    assert conf.get().ignored == {"audit_log", "kept", "own_cache"}


def test_the_prefix_of_the_cache_keeps_sites_apart(settings: Any) -> None:
    settings.CACHES = {"default": {"KEY_PREFIX": "a"}, "other": {}}
    prefixes = set()
    for options in ({}, {"KEY_PREFIX": "b"}, {"CACHE": "other"}, {"CACHE": "gone"}):
        settings.PAGECACHE = options
        prefixes.add(conf.get().prefix)
    assert prefixes == {"a:", "a:b", ":"}
