"""Growth is what a line through the samples says, and a sample is what the system says."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Event, Thread

from tests.growth import HOUR, Sample, described, sample, slopes


def test_growth_is_counted_after_the_warm_up() -> None:
    cold = [Sample(float(at), 1_000_000 * at, at) for at in range(30)]
    warm = [Sample(30.0 + at, 50_000_000 + 100 * at, 9) for at in range(60)]
    memory, threads = slopes(cold + warm) or (0.0, 0.0)
    assert round(memory) == 100 * HOUR
    assert round(threads, 6) == 0
    assert described(cold + warm) == "memory 50 MB +0.4 MB/h, threads 9 +0.0/h, by 90 samples"


def test_few_samples_say_nothing() -> None:
    assert slopes([Sample(float(at), 1, 1) for at in range(12)]) is None
    assert described([]) == "growth: too few samples"


def test_a_sample_has_the_threads_and_the_memory_of_all_that_descend() -> None:
    before, go = sample(os.getpid()), Event()
    if before is None:
        return  # no such thing here
    thread = Thread(target=go.wait)
    thread.start()
    words = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        now = sample(os.getpid())
        child.communicate(b"\n")
    go.set()
    thread.join()
    assert now is not None
    assert now.threads == before.threads + 2
    assert now.memory > before.memory
    assert sample(-1) is None
