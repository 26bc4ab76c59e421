"""Judge so many cases: `python -m tests.claim 10000`, and a seed where one is wanted again."""

from __future__ import annotations

import os
import random
import sys

import django
from django.test.utils import setup_databases, setup_test_environment, teardown_databases


def main(cases: int, seed: int) -> int:
    """Print what was seen, and give the exit status."""
    from tests.claim.judge import found, people, report  # noqa: PLC0415 Django is set up first
    from tests.lanes import MEMORY, REDIS  # noqa: PLC0415 the same

    location = os.environ.get("REDIS_URL", "")
    stores = (MEMORY,) * 9 + (REDIS,) * bool(location)
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with people():
            seen = report(seed, cases, stores, location)
    finally:
        teardown_databases(databases, verbosity=0)
    print(f"seed {seed}: {seen['cases']} cases, {seen['answers']} answers, {seen['hits']} hits")
    for name, number in sorted(seen.items()):
        if name.startswith(("drawn", "shared", "reason")):
            print(f"{number:8} {name}")
    print("\n\n".join(found(seen)) or "nothing wrong")
    return bool(found(seen))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    setup_test_environment()
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else random.randrange(2**32)))
