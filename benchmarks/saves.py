"""Somebody who saves rows meanwhile: `python -m benchmarks.saves RATE SECONDS FIRST`, in a process of its own."""

from __future__ import annotations

import random
import sys
import time

from benchmarks.text import TEXT, marked

PAGES = 1000


def fill() -> None:
    """Make a row for each page."""
    from benchmarks.models import Text  # noqa: PLC0415 Django is set up first

    first = marked(0) + TEXT
    Text.objects.bulk_create([Text(pk=pk, body=first) for pk in range(2, PAGES + 1)])
    Text.objects.filter(pk=1).update(body=first)


def save(rate: float, seconds: float, first: int) -> None:
    """Save rows at random with values from the first on, and say of each when that had returned.

    The first is saved at once, whatever the rate: it takes what a process takes once, to connect and to load code.
    """
    _save(first)
    begun = time.perf_counter()
    for number in range(1, int(rate * seconds)):
        _sleep_until(begun + number / rate)
        _save(first + number)
    _sleep_until(begun + seconds)


def _save(value: int) -> None:
    from benchmarks.models import Text  # noqa: PLC0415 Django is set up first

    row = random.randrange(PAGES) + 1  # noqa: S311 no secret
    Text(pk=row, body=marked(value) + TEXT).save()
    print(time.perf_counter(), row, value, flush=True)


def _sleep_until(due: float) -> None:
    time.sleep(max(0.0, due - time.perf_counter()))


if __name__ == "__main__":
    import django

    django.setup()
    if sys.argv[1:] == ["fill"]:
        fill()
    else:
        save(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
