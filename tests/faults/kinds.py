"""The faults: what goes wrong with a cache server, from the beginning of it to its end."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import redis

from tests.faults.proxy import Change, Proxy, as_it_is
from tests.lanes import Lane
from tests.stores.backends import redis_backend
from tests.stores.instances import QUIETLY, Instance

VERSION = 40  # bytes; what is longer is an entry or a recipe
SLOW = 0.2  # seconds before each answer


@dataclass
class Place:
    """A Redis, and the proxy through which the site reaches it."""

    instance: Instance
    proxy: Proxy
    folder: Path

    @property
    def admin(self) -> Any:
        return self.instance.admin

    @property
    def keys(self) -> list[bytes]:
        return list(self.admin.keys())


@contextmanager
def behind_a_proxy(lane: Lane, folder: Path) -> Iterator[Place]:
    """Let the site reach its Redis through a proxy."""
    with Instance(*QUIETLY, "--dir", str(folder)) as instance, Proxy(instance.port) as proxy:
        lane.settings.CACHES = {"default": redis_backend(f"redis://127.0.0.1:{proxy.port}/0")}
        yield Place(instance, proxy, folder)


At = Callable[[Lane, Path], AbstractContextManager[Any]]
BeginAndEnd = Callable[[Any], Iterator[None]]


@dataclass(frozen=True)
class Fault:
    """What happens, and where: to what the site keeps its pages in."""

    happens: Callable[[Any], AbstractContextManager[None]]
    at: At


FAULTS: dict[str, Fault] = {}


def fault(name: str, at: At = behind_a_proxy) -> Callable[[BeginAndEnd], BeginAndEnd]:
    """Add a fault to the list by what it is called in the table."""

    def add(begin_and_end: BeginAndEnd) -> BeginAndEnd:
        FAULTS[name] = Fault(contextmanager(begin_and_end), at)
        return begin_and_end

    return add


@contextmanager
def changing(proxy: Proxy, **changes: Change) -> Iterator[None]:
    """Change what goes through; the connections whose talk was changed end with it."""
    for name, change in changes.items():
        setattr(proxy, name, change)
    try:
        yield
    finally:
        for name in changes:
            setattr(proxy, name, as_it_is)
        proxy.cut()


@contextmanager
def configured(place: Place, **options: Any) -> Iterator[None]:
    """Configure the server, and give back what was."""
    before = {name.replace("_", "-"): value for name, value in options.items()}
    kept = {name: place.admin.config_get(name)[name] for name in before}
    for name, value in before.items():
        place.admin.config_set(name, value)
    try:
        yield
    finally:
        for name, value in kept.items():
            place.admin.config_set(name, value)


@contextmanager
def over_and_over(step: Callable[[], object]) -> Iterator[None]:
    """Do something all the time."""
    over = Event()

    def work() -> None:
        while not over.wait(0.002):
            step()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@fault("connections are refused")
def refused(place: Place) -> Iterator[None]:
    place.proxy.refuse()
    yield
    place.proxy.listen()


@fault("it takes connections and never answers")
def hung(place: Place) -> Iterator[None]:
    with changing(place.proxy, asking=lambda _: b""):
        yield


@fault("it does what it is asked and never answers")
def mute(place: Place) -> Iterator[None]:
    with changing(place.proxy, answering=lambda _: b""):
        yield


@fault("each answer takes 200 ms")
def slow(place: Place) -> Iterator[None]:
    def late(piece: bytes) -> bytes:
        time.sleep(SLOW)  # the fault itself
        return piece

    with changing(place.proxy, answering=late):
        yield


@fault("the connection ends before the answer")
def cut_before(place: Place) -> Iterator[None]:
    with changing(place.proxy, answering=lambda _: None):
        yield


@fault("the connection ends within the answer")
def cut_within(place: Place) -> Iterator[None]:
    """The rest of it never comes; a second answer ends the connection."""
    with changing(place.proxy, answering=lambda piece: piece[: len(piece) // 2] or None):
        yield


@fault("answers are corrupted")
def corrupted(place: Place) -> Iterator[None]:
    chance = random.Random(7)

    def noisy(piece: bytes) -> bytes:
        changed = bytearray(piece)
        for _ in range(1 + len(changed) // 20):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        return bytes(changed)

    with changing(place.proxy, answering=noisy):
        yield


@fault("it answers another protocol")
def foreign(place: Place) -> Iterator[None]:
    with changing(place.proxy, answering=lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        yield


@fault("open connections are dead, new ones work")
def half_dead(place: Place) -> Iterator[None]:
    place.proxy.cut()
    yield


@fault("connections are closed all the time")
def closing(place: Place) -> Iterator[None]:
    with over_and_over(place.proxy.cut):
        yield


@fault("it is killed, and comes back empty")
def killed(place: Place) -> Iterator[None]:
    place.instance.process.kill()
    place.instance.process.wait()
    yield
    place.instance.begin_again()


@fault("it is stopped for a while")
def stopped(place: Place) -> Iterator[None]:
    place.instance.process.send_signal(signal.SIGSTOP)
    yield
    place.instance.process.send_signal(signal.SIGCONT)


@fault("it is restarted from an old snapshot")
def restored(place: Place) -> Iterator[None]:
    place.admin.save()
    yield
    place.instance.process.kill()
    place.instance.process.wait()
    place.instance.begin_again()


@fault("another server takes its place")
def replaced(place: Place) -> Iterator[None]:
    with Instance() as another:
        target, place.proxy.target = place.proxy.target, another.port
        place.proxy.cut()
        yield
        place.proxy.target = target
        place.proxy.cut()


@fault("it is flushed all the time")
def flushed(place: Place) -> Iterator[None]:
    with over_and_over(place.admin.flushall):
        yield


@fault("it evicts what it has just been given")
def evicting(place: Place) -> Iterator[None]:
    with configured(place, maxmemory_policy="allkeys-random", maxmemory="1"):
        yield


@fault("its memory is full (noeviction)")
def full(place: Place) -> Iterator[None]:
    with configured(place, maxmemory_policy="noeviction", maxmemory="1"):
        yield


@fault("it became a replica")
def replica(place: Place) -> Iterator[None]:
    place.admin.replicaof("127.0.0.1", "1")
    yield
    place.admin.replicaof("NO", "ONE")


@fault("it is loading its data")
def loading(place: Place) -> Iterator[None]:
    place.proxy.refusal = b"-LOADING Redis is loading the dataset in memory\r\n"
    yield
    place.proxy.refusal = None


@fault("it takes no writes (MISCONF)")
def misconfigured(place: Place) -> Iterator[None]:
    place.proxy.refusal = b"-MISCONF Errors writing to the disk\r\n"
    yield
    place.proxy.refusal = None


@fault("a script keeps it busy")
def busy(place: Place) -> Iterator[None]:
    def block() -> None:
        with redis.Redis(port=place.instance.port) as other:
            try:
                other.eval("while true do end", 0)
            except redis.RedisError:
                return

    thread = Thread(target=block)
    with configured(place, lua_time_limit="1"):
        thread.start()
        yield
        place.admin.script_kill()
        thread.join()


@fault("its password was changed")
def locked_out(place: Place) -> Iterator[None]:
    place.admin.config_set("requirepass", "another")
    place.proxy.cut()
    yield
    place.admin.execute_command("AUTH", "another")
    place.admin.config_set("requirepass", "")


@fault("it has no room for connections")
def crowded(place: Place) -> Iterator[None]:
    place.proxy.cut()
    with configured(place, maxclients="1"):
        yield


@fault("its scripts are forgotten all the time")
def forgotten(place: Place) -> Iterator[None]:
    with over_and_over(place.admin.script_flush):
        yield


@fault("our keys hold values of another type")
def mistyped(place: Place) -> Iterator[None]:
    def mistype() -> None:
        for key in place.keys:
            with place.admin.pipeline() as pipeline:  # at once
                pipeline.delete(key).rpush(key, "x").execute()

    with over_and_over(mistype):
        yield


@fault("our keys hold noise")
def noise(place: Place) -> Iterator[None]:
    chance = random.Random(7)

    def overwrite() -> None:
        for key in place.keys:
            place.admin.set(key, chance.randbytes(chance.choice((0, 1, 16, 40, 200))))

    with over_and_over(overwrite):
        yield


@fault("our entries lie under each other's keys")
def swapped(place: Place) -> Iterator[None]:
    chance = random.Random(7)

    def swap() -> None:
        keys = place.keys
        if len(keys) > 1:
            one, other = chance.sample(keys, 2)
            value, old = place.admin.mget(one, other)
            if min(len(value or b""), len(old or b"")) > VERSION:
                place.admin.set(other, value)

    with over_and_over(swap):
        yield
