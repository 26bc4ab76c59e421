"""What calls of cache backends mean for the page that makes them, and what the site gets from them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import copy_context
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis import get_redis_connection

from pagecache.announcing import site_store
from pagecache.core.reasons import Reason
from pagecache.recording import backends
from pagecache.recording.recorder import Recorder, recording
from tests.servers import Server

READS: dict[str, Callable[[BaseCache], Any]] = {
    "get": lambda backend: backend.get("key", "default"),
    "get by name": lambda backend: backend.get(key="key", default="default", version=1),
    "get_many": lambda backend: backend.get_many(["key", "none"]),
    "get_many by name": lambda backend: backend.get_many(keys=iter(["key", "none"])),
    "get_many of nothing": lambda backend: backend.get_many([]) or backend.get("key"),
    "get_or_set": lambda backend: backend.get_or_set("key", lambda: "made"),
    "has_key": lambda backend: backend.has_key("key"),
    "in": lambda backend: "key" in backend,
    "incr": lambda backend: backend.incr("key"),
    "decr": lambda backend: backend.decr("key"),
    "incr_version": lambda backend: backend.incr_version("key"),
    "decr_version": lambda backend: backend.decr_version("key", version=1),
    "touch": lambda backend: backend.touch("key"),
    "add": lambda backend: backend.add("key", 2),
    "delete": lambda backend: backend.delete("key"),
}
AWAITED: dict[str, Callable[[BaseCache], Any]] = {
    "aget": lambda backend: backend.aget("key", "default"),
    "aget_many": lambda backend: backend.aget_many(["key", "none"]),
    "aget_or_set": lambda backend: backend.aget_or_set("key", "made"),
    "ahas_key": lambda backend: backend.ahas_key("key"),
    "aincr": lambda backend: backend.aincr("key"),
    "adecr": lambda backend: backend.adecr("key"),
    "aincr_version": lambda backend: backend.aincr_version("key"),
    "adecr_version": lambda backend: backend.adecr_version("key"),
    "atouch": lambda backend: backend.atouch("key"),
    "aadd": lambda backend: backend.aadd("key", 2),
    "adelete": lambda backend: backend.adelete("key"),
}
WRITES: dict[str, Callable[[BaseCache], Any]] = {
    "set": lambda backend: backend.set("key", 2, timeout=5),
    "set_many": lambda backend: backend.set_many({"key": 2}),
    "delete_many": lambda backend: backend.delete_many(["key"]),
    "clear": lambda backend: backend.clear(),
    "close": lambda backend: backend.close(),
    "make_key": lambda backend: backend.make_key("key"),
    "make_and_validate_key": lambda backend: backend.make_and_validate_key("key"),
    "get_backend_timeout": lambda backend: backend.get_backend_timeout(5),
}
MISSED: dict[str, Any] = {  # by "miss": the others answer as they are
    "get": "default",
    "get by name": "default",
    "get_many": {},
    "get_many by name": {},
    "get_many of nothing": None,
    "get_or_set": "made",
    "has_key": False,
    "in": False,
    "aget": "default",
    "aget_many": {},
    "aget_or_set": "made",
    "ahas_key": False,
}
UNREFUSED = {*MISSED, "add", "delete", "aadd", "adelete"}


class Native(LocMemCache):
    """A third party's cache: methods of its own, and asynchronous ones."""

    size = 7

    @property
    def client(self) -> str:
        """The connection."""
        return "raw"

    async def aget(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return super().get(key, default, version)

    def get_or_set(self, key: Any, default: Any, *args: Any, **kwargs: Any) -> Any:
        return self.get("inner") or default()

    def ttl(self, key: Any) -> int:
        return len(self.client)

    @staticmethod
    def about() -> str:
        return "a cache"


class NativeChild(Native):
    """A subclass, made later."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, **kwargs)


class Foreign:
    """A cache that is not derived from Django's."""

    def get(self, key: Any, default: Any = None) -> Any:
        return default


@pytest.fixture(params=["locmem", "files", "redis", "django-redis", "memcached"])
def backend(request: pytest.FixtureRequest, settings: Any, tmp_path: Any) -> BaseCache:
    """A backend of the site, with the key set to 1."""
    paths = {
        "locmem": ("django.core.cache.backends.locmem.LocMemCache", ""),
        "files": ("django.core.cache.backends.filebased.FileBasedCache", str(tmp_path)),
        "redis": ("django.core.cache.backends.redis.RedisCache", "redis_server"),
        "django-redis": ("django_redis.cache.RedisCache", "redis_server"),
        "memcached": ("django.core.cache.backends.memcached.PyMemcacheCache", "memcached_server"),
    }
    path, place = paths[request.param]
    if place.endswith("_server"):
        server: Server = request.getfixturevalue(place)
        place = own_pool(server) if request.param == "django-redis" else server.url
    prefix = uuid4().hex
    return opened(settings, {"BACKEND": path, "LOCATION": place, "KEY_PREFIX": prefix})


def own_pool(server: Server) -> str:
    """Return a URL that no other test uses: django-redis keeps its connections by URL."""
    return f"{server.url}?client_name=reads"


def opened(settings: Any, config: dict[str, Any]) -> BaseCache:
    settings.CACHES = settings.CACHES | {"own": config}
    made = caches["own"]
    made.set("key", 1)
    return made


def native(settings: Any, kind: type = Native) -> Any:
    location = uuid4().hex
    return opened(settings, {"BACKEND": f"{__name__}.{kind.__name__}", "LOCATION": location})


def declare(settings: Any, reads: dict[str, Any]) -> None:
    settings.PAGECACHE = settings.PAGECACHE | {"CACHE_READS": reads}


def answer(call: Callable[[Any], Any], backend: Any) -> Any:
    """Return what a call gives, awaited or not; what it raises, by its class."""
    try:
        given = call(backend)
        return asyncio.run(given) if asyncio.iscoroutine(given) else given
    except (ValueError, TypeError) as error:
        return type(error)


def made(call: Callable[[Any], Any], backend: Any) -> tuple[Any, Recorder]:
    """Return what a call gives to a page, and what was recorded."""
    render = Recorder()
    with recording(render):
        given = answer(call, backend)
    return given, render


def reasons(call: Callable[[Any], Any], backend: Any) -> list[Reason]:
    return list(made(call, backend)[1].refusals)


@pytest.mark.parametrize("name", READS | AWAITED)
def test_each_read_refuses_the_page_and_answers_as_ever(backend: BaseCache, name: str) -> None:
    call = (READS | AWAITED)[name]
    expected = answer(call, backend)
    backend.clear()
    backend.set("key", 1)

    given, render = made(call, backend)

    assert given == expected
    assert list(render.refusals) == [Reason.CACHE_READ]


@pytest.mark.parametrize("name", WRITES)
def test_no_write_refuses_the_page(backend: BaseCache, name: str) -> None:
    assert reasons(WRITES[name], backend) == []


@pytest.mark.parametrize("name", READS | AWAITED)
@pytest.mark.parametrize("declared, tags", [(None, set()), ([], set()), (["a", "b"], {"a", "b"})])
def test_what_is_declared_decides(
    settings: Any, backend: BaseCache, name: str, declared: Any, tags: set[str]
) -> None:
    declare(settings, {"k*": declared, "none": None, "*": "miss"})
    expected = answer((READS | AWAITED)[name], backend)
    backend.clear()
    backend.set("key", 1)

    given, render = made((READS | AWAITED)[name], backend)

    assert (given, render.tags, list(render.refusals)) == (expected, tags, [])


@pytest.mark.parametrize("name", READS | AWAITED)
def test_a_look_is_missed_and_a_change_is_not(settings: Any, backend: BaseCache, name: str) -> None:
    call = (READS | AWAITED)[name]
    declare(settings, {"*": "miss"})
    expected = MISSED[name] if name in MISSED else answer(call, backend)
    backend.clear()
    backend.set("key", 1)

    given, render = made(call, backend)

    assert given == expected
    assert list(render.refusals) == ([] if name in UNREFUSED else [Reason.CACHE_READ])


def test_several_keys_are_missed_one_by_one(settings: Any, backend: BaseCache) -> None:
    declare(settings, {"key": None, "missed": "miss"})
    backend.set("missed", 3)
    given, render = made(lambda backend: backend.get_many(("key", "missed")), backend)
    assert (given, list(render.refusals)) == ({"key": 1}, [])


@pytest.mark.parametrize(
    "pattern, key, matches",
    [
        ("a.b", "a.b", True),
        ("a.b", "axb", False),
        ("a", "a1", False),
        ("a*", "a", True),
        ("a*c", "abbc", True),
        ("*:[x]", "y:[x]", True),
        ("*:[x]", "y:x", False),
        ("?", "a", False),
    ],
)
def test_a_pattern_stands_for_whole_keys(
    settings: Any, pattern: str, key: str, matches: bool
) -> None:
    declare(settings, {pattern: None})
    refused = reasons(lambda backend: backend.get(key), native(settings))
    assert refused == ([] if matches else [Reason.CACHE_READ])


def test_the_first_pattern_wins(settings: Any) -> None:
    declare(settings, {"a:*": ["first"], "a*": ["second"]})
    _, render = made(lambda backend: backend.get_many(["a:1"]), native(settings))
    assert render.tags == {"first"}


def test_a_key_may_be_anything_that_the_backend_takes(settings: Any) -> None:
    declare(settings, {"42": None})
    assert reasons(lambda backend: backend.get(42), native(settings)) == []


def test_a_wrong_call_raises_as_ever(settings: Any) -> None:
    backend = native(settings)
    assert made(lambda backend: backend.get(), backend)[0] is TypeError
    assert made(lambda backend: backend.get_many(), backend)[0] is TypeError


def test_what_only_some_backends_have_refuses_the_page(settings: Any) -> None:
    declare(settings, {"*": None})
    backend = native(settings)
    assert made(lambda backend: backend.ttl("key"), backend)[0] == 3
    assert reasons(lambda backend: backend.ttl("key"), backend) == [Reason.CACHE_READ]
    assert reasons(lambda backend: backend.client, backend) == [Reason.CACHE_READ]
    assert reasons(lambda backend: (backend.size, backend.about()), backend) == []
    assert type(backend).client.__doc__ == "The connection."


def test_a_subclass_is_watched_too(settings: Any) -> None:
    backend = native(settings, NativeChild)
    assert reasons(lambda backend: backend.get("key"), backend) == [Reason.CACHE_READ]
    assert reasons(lambda backend: backend.has_key("key"), backend) == [Reason.CACHE_READ]


def test_methods_stay_what_they_are(settings: Any) -> None:
    backend = native(settings)
    assert iscoroutinefunction(backend.aget)
    assert not iscoroutinefunction(backend.get)
    assert backend.get.__name__ == "get"
    assert BaseCache.get_or_set is vars(BaseCache)["get_or_set"]
    assert not hasattr(BaseCache.get, "__wrapped__")


def test_asynchronous_methods_of_a_backend_are_watched(settings: Any) -> None:
    backend = native(settings)
    assert reasons(AWAITED["aget"], backend) == [Reason.CACHE_READ]
    declare(settings, {"key": "miss"})
    assert made(AWAITED["aget"], backend)[0] == "default"


def test_what_makes_a_value_reads_for_the_page(settings: Any) -> None:
    """Inside a `get_or_set` of the backend's own, too."""
    declare(settings, {"key": None, "inner": None})
    backend = native(settings)
    call = lambda backend: backend.get_or_set("key", lambda: backend.get("other"))  # noqa: E731
    assert reasons(call, backend) == [Reason.CACHE_READ]
    assert reasons(lambda backend: backend.get_or_set("key", str), backend) == []


def test_what_a_backend_gets_or_makes_by_itself_is_never_missed(settings: Any) -> None:
    declare(settings, {"key": "miss", "inner": None})
    call = lambda backend: backend.get_or_set("key", str)  # noqa: E731
    assert reasons(call, native(settings)) == [Reason.CACHE_READ]


def test_a_backend_that_is_not_djangos_is_watched() -> None:
    backends.watch(Foreign)
    wrapped = Foreign.get
    backends.watch(Foreign)
    assert Foreign.get is wrapped
    assert reasons(lambda backend: backend.get("key"), Foreign()) == [Reason.CACHE_READ]


def test_clients_and_conditions_of_django_redis(settings: Any, redis_server: Server) -> None:
    path = "django_redis.cache.RedisCache"
    config = {"BACKEND": path, "LOCATION": own_pool(redis_server), "KEY_PREFIX": uuid4().hex}
    backend: Any = opened(settings, config)
    calls: list[Callable[[Any], Any]] = [
        lambda backend: backend.ttl("key"),
        lambda backend: backend.keys("*"),
        lambda backend: list(backend.iter_keys("*")),
        lambda backend: backend.lock("key2"),
        lambda backend: backend.client,
        lambda _backend: get_redis_connection("own").get("key"),
        lambda backend: backend.set("key", 1, nx=True),
        lambda backend: backend.set("key", 1, 5, None, None, True),
    ]
    for call in calls:
        assert reasons(call, backend) == [Reason.CACHE_READ]
    declare(settings, {"key": "miss"})
    assert reasons(calls[-1], backend) == []


def test_outside_of_a_page_nothing_is_missed_or_recorded(settings: Any) -> None:
    declare(settings, {"key": "miss"})
    backend = native(settings)
    assert backend.get("key") == 1
    render = Recorder()
    with recording(render), recording(None):
        assert backend.get("key") == 1
    assert list(render.refusals) == []


def in_thread(work: Callable[[], object]) -> None:
    thread = Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "declared, refused",
    [("none", True), ("miss", True), (["tag"], True), (None, False), ([], False)],
)
def test_a_thread_without_request_may_read_for_any_page(
    settings: Any, declared: Any, refused: bool
) -> None:
    declare(settings, {} if declared == "none" else {"key": declared})
    backend, given = native(settings), []
    render = Recorder()
    with recording(render):
        in_thread(lambda: given.append(backend.get("key")))
    assert given == [1]
    assert list(render.refusals) == ([Reason.FOREIGN] if refused else [])
    assert render.tags == set()


def test_what_outlives_its_page_reads_as_if_there_were_none(settings: Any) -> None:
    declare(settings, {"key": "miss"})
    backend = native(settings)
    with recording(Recorder()):
        context = copy_context()
    render = Recorder()
    with recording(render):
        assert context.run(backend.get, "key") == 1
    assert list(render.refusals) == [Reason.FOREIGN]


def test_the_store_and_other_requests_do_no_harm(settings: Any) -> None:
    backend = native(settings)
    render = Recorder()

    def other_request() -> None:
        with recording(None):
            backend.get("key")

    with recording(render):
        site_store().fetch(["a"])
        in_thread(lambda: site_store().fetch(["a"]))
        in_thread(other_request)
    assert list(render.refusals) == []


def test_installing_again_changes_nothing(settings: Any) -> None:
    backend = native(settings)
    before = type(backend).get
    backends.install()
    assert type(backend).get is before
    assert reasons(lambda backend: backend.get("key"), backend) == [Reason.CACHE_READ]


def test_a_backend_that_was_opened_before_is_watched(settings: Any) -> None:
    class Early(LocMemCache):
        pass

    caches["default"] = early = Early(uuid4().hex, {})
    backends.install()
    assert reasons(lambda backend: backend.get("key"), early) == [Reason.CACHE_READ]


@pytest.fixture(autouse=True)
def _open(settings: Any) -> Generator[None]:
    yield
    caches.close_all()
