"""How the memory and the threads of a process and its children grow. On Linux only; elsewhere there are no samples."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from threading import Event, Thread

PARENT, THREADS, PAGES = 1, 17, 21  # fields of `stat`, counted from behind the program's name
PAUSE = 1.0  # seconds between two samples
WARM_UP = 1 / 3  # of the samples, which are left out: caches fill, pools open
FEWEST = 10
HOUR = 3600.0


@dataclass(frozen=True)
class Sample:
    """What they have at a time, in seconds: resident bytes, and threads."""

    at: float
    memory: int
    threads: int


def sample(root: int) -> Sample | None:
    """Look at a process and all that descend from it."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = path.read_text(errors="replace").rpartition(")")[2].split()
            found[int(path.parent.name)] = [int(words[at]) for at in (PARENT, THREADS, PAGES)]
    family = {root} & found.keys()
    while more := {pid for pid, (parent, *_) in found.items() if parent in family} - family:
        family |= more
    if not family:
        return None
    memory = sum(found[pid][2] for pid in family) * resource.getpagesize()
    return Sample(time.monotonic(), memory, sum(found[pid][1] for pid in family))


@contextmanager
def sampled(root: int) -> Iterator[list[Sample]]:
    """Take samples all the time; they are in the list that is given."""
    samples: list[Sample] = []
    over = Event()

    def work() -> None:
        while not over.wait(PAUSE):
            if (one := sample(root)) is not None:
                samples.append(one)

    thread = Thread(target=work)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def slopes(samples: list[Sample]) -> tuple[float, float] | None:
    """Return the growth in an hour, in bytes and threads, by a line through what follows the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    if len(warm) < FEWEST:
        return None
    times = [one.at for one in warm]
    memory = linear_regression(times, [one.memory for one in warm]).slope
    return memory * HOUR, linear_regression(times, [one.threads for one in warm]).slope * HOUR


def described(samples: list[Sample]) -> str:
    """Say how they grow."""
    found = slopes(samples)
    if found is None:
        return "growth: too few samples"
    memory, threads = found
    last = samples[-1]
    return (
        f"memory {last.memory / 1e6:.0f} MB {memory / 1e6:+.1f} MB/h, threads {last.threads} {threads:+.1f}/h, "
        f"by {len(samples)} samples"
    )
