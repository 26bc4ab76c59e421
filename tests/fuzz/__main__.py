"""Seeded noise, in requests and in the store: the site answers as it does without pagecache, and never raises.

`python -m tests.fuzz --minutes 10 --seed 7`; with `REDIS_URL` half of the sites keep their pages there. Exits 1 for an
answer that differs, or a request at which pagecache failed, and names the round that shows it again (`--first`).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from itertools import count

import django
from django.test.utils import setup_databases, setup_test_environment, teardown_databases


def main() -> int:
    """Fuzz until the time is over, print what was seen, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--first", type=int, default=0, help="the round to begin with")
    options = parser.parse_args()
    from tests.claim.judge import people  # noqa: PLC0415 Django is set up first
    from tests.fuzz.noise import fuzz, wrong  # noqa: PLC0415 the same

    stores = ("", os.environ.get("REDIS_URL", ""))
    counts, end = Counter[str](), time.monotonic() + options.minutes * 60
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with people():
            for number in count(options.first):
                counts += Counter(rounds=1) + fuzz(options.seed, number, stores[number // 8 % 2])
                if wrong(counts) or time.monotonic() > end:
                    break
    finally:
        teardown_databases(databases, verbosity=0)
    numbers = ", ".join(f"{counts[name]} {name}" for name in ("rounds", "answers", "hits"))
    print(f"fuzz, seed {options.seed}: {numbers}")
    print("\n".join(wrong(counts)) or "nothing wrong")
    return bool(wrong(counts))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    setup_test_environment()
    sys.exit(main())
