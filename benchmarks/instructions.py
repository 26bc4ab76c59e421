"""How many instructions of the processor a hit takes: `python -m benchmarks.instructions`, with valgrind.

They hardly move where other programs are busy, and so guard what was won: the command fails where a hit takes more than
it did in the last row of the history (`instructions.jsonl`) that the same Python wrote on such a machine. `--keep` adds
a row.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

from benchmarks import process
from benchmarks.contenders import BY_NAME
from benchmarks.servers import ROOT, site
from tests.servers import redis

HISTORY = Path(__file__).with_suffix(".jsonl")
NAMES = (
    *("get-many", "django", "pagecache", "pagecache-wsgi"),
    *("pagecache-wsgi-validate", "pagecache-wsgi-push"),
)
CALLS = 200
MORE = 1.03  # times as many as before is no accident
COLLECTED = re.compile(r"Collected : (\d+)")
VALGRIND = (
    *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"),
    *(sys.executable, "-m", "benchmarks.instructions"),
)

Row = dict[str, Any]


def counted(name: str) -> int:
    """Return the instructions of one call."""
    os.environ["BENCH_CONTENDER"] = name if name in BY_NAME else "django-redis"
    child = subprocess.Popen(
        (*VALGRIND, name),
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        for switch in ("on", "off"):
            _told(child)
            control = ("callgrind_control", "-i", switch, str(child.pid))
            subprocess.run(control, check=True, capture_output=True)
            _tell(child)
        found = COLLECTED.search(child.stderr.read() if child.stderr else "")
    if found is None or child.returncode:
        message = f"valgrind counted nothing of {name}"
        raise RuntimeError(message)
    return int(found[1]) // CALLS


def _told(child: subprocess.Popen[str]) -> None:
    if child.stdout is not None:
        child.stdout.readline()


def _tell(child: subprocess.Popen[str]) -> None:
    if child.stdin is not None:
        child.stdin.write("\n")
        child.stdin.flush()


def be_counted(name: str) -> None:
    """Make calls, once what counts them is switched on; then wait until it is off again."""
    import django  # noqa: PLC0415 only here

    django.setup()
    call = process.call_of(name)
    for _ in range(process.BATCH):
        call()
    print(flush=True)
    sys.stdin.readline()
    for _ in range(CALLS):
        call()
    print(flush=True)
    sys.stdin.readline()


def made() -> Row:
    """Count, and return a row of the history."""
    with redis() as server, site(server.url):
        counts = {name: counted(name) for name in NAMES}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "instructions": counts,
    }


def last_like(row: Row) -> Row | None:
    """Return the last row that can be compared with this one."""
    rows = map(json.loads, HISTORY.read_text().splitlines()) if HISTORY.exists() else ()
    alike = [one for one in rows if all(one[key] == row[key] for key in ("machine", "python"))]
    return alike[-1] if alike else None


def main(*, keeps: bool) -> int:
    """Say what was counted; 1 where a hit takes more than it did."""
    if which("valgrind") is None:
        print("The instructions of a hit are not counted: valgrind is not installed.")
        return 0
    row = made()
    before = last_like(row)
    was = before["instructions"] if before else {}
    print("instructions of a call" + (f", and on {before['date']}" if before else ""))
    for name, number in row["instructions"].items():
        print(f"{number:10,} {was.get(name, number):10,}  {process.LABELS[name]}")
    if keeps:
        with HISTORY.open("a") as history:
            history.write(json.dumps(row) + "\n")
    ours = (name for name in NAMES if name.startswith("pagecache"))
    return int(any(row["instructions"][name] > was.get(name, 10**9) * MORE for name in ours))


if __name__ == "__main__":
    if [name for name in sys.argv[1:] if name != "--keep"]:
        be_counted(sys.argv[1])
    else:
        sys.exit(main(keeps="--keep" in sys.argv))
