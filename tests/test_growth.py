"""Growth is what a line through the samples says, and a sample is what the system says."""

from __future__ import annotations

import subprocess
import sys

from tests.growth import HOUR, Sample, described, sample, slopes

IS_LINUX = sys.platform == "linux"


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


# Once it is told to, it has a thread and a child more, until it is told to end.
FAMILY = """
import subprocess, sys, threading
print("one", flush=True)
input()
over = threading.Event()
threading.Thread(target=over.wait, daemon=True).start()
words = [sys.executable, "-c", "print('up', flush=True); input()"]
with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    print("three", flush=True)
    input()
    child.communicate(b"\\n")
over.set()
"""


def test_a_sample_has_the_threads_and_the_memory_of_all_that_descend() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=pipe, stdout=pipe, text=True
    ) as root:
        assert root.stdin is not None
        assert root.stdout is not None
        samples = []
        for said in ("one", "three"):
            assert root.stdout.readline() == f"{said}\n"
            samples.append(sample(root.pid))
            print(file=root.stdin, flush=True)
    if IS_LINUX:
        before, now = samples
        assert before is not None
        assert now is not None
        assert (before.threads, now.threads) == (1, 3)
        assert now.memory > before.memory
    else:
        assert samples == [None, None]
    assert sample(-1) is None
