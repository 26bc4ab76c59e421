"""One real server for each contender, all up at once; only one is asked at a time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks import cpu
from benchmarks.contenders import Contender
from benchmarks.load import Order
from benchmarks.text import TEXT
from tests.servers import HOST, free_port, running, wait_until

ROOT = Path(__file__).resolve().parent.parent
THREADS = 1  # of each server's one worker; `BENCH_THREADS` says otherwise
SERVER = (
    *(sys.executable, "-m", "granian", "--http", "1", "--no-ws"),
    *("--workers", "1", "--working-dir", str(ROOT)),
)

Figures = dict[str, float]


def threads() -> int:
    """Return how many threads of a worker answer."""
    return int(os.environ.get("BENCH_THREADS", THREADS))


def interface(name: str) -> tuple[str, ...]:
    """Return what a server is told about an interface; on an event loop there is one thread."""
    how = ("--blocking-threads", str(threads())) if name == "wsgi" else ()
    return "--interface", name, *how


@dataclass(frozen=True)
class Running:
    """A contender's server; its processes are a group."""

    contender: Contender
    port: int
    group: int


@contextmanager
def site(redis_url: str) -> Generator[None]:
    """Make the database, and let what is started inside know it and the Redis."""
    before = os.environ.copy()
    with tempfile.TemporaryDirectory(prefix="pagecache-bench-") as folder:
        os.environ |= {
            "BENCH_DB": str(Path(folder) / "site.sqlite3"),
            "BENCH_RUN": f"pagecache-bench-{os.getpid()}-",
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "REDIS_URL": redis_url,
        }
        try:
            _fill()
            yield
        finally:
            os.environ.clear()
            os.environ |= before


def _fill() -> None:
    """Make the tables and the row; in a process of its own, which holds the settings of one contender."""
    lines = (
        "import django; django.setup()",
        "from django.core.management import call_command",
        "call_command('migrate', run_syncdb=True, verbosity=0)",
        "from benchmarks.models import Text",
        f"Text.objects.create(pk=1, body={TEXT!r})",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


@contextmanager
def up(contenders: Sequence[Contender]) -> Generator[dict[str, Running]]:
    """Run the contenders' servers."""
    servers: dict[str, Running] = {}
    with ExitStack() as stack:
        for contender in contenders:
            port = free_port()
            os.environ["BENCH_CONTENDER"] = contender.name
            command = (*SERVER, *interface(contender.interface), "--host", HOST)
            command = (*command, "--port", str(port), contender.application)
            process = stack.enter_context(running(command))
            wait_until(partial(_listens, port), process, contender.label)
            servers[contender.name] = Running(contender, port, process.pid)
        yield servers


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def load(server: Running, seconds: float, connections: int) -> Figures:
    """Ask a server from a process of its own; `cpu` is what the server used for an answer."""
    asked = server.contender
    order = Order(server.port, asked.path, connections, seconds, asked.proof, asked.is_kept)
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(order))]
    before = cpu.seconds(server.group)
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    used = cpu.seconds(server.group) - before
    return figures | {"cpu": used / figures["asked"]}
