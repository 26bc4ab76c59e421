"""One real server for each contender, all up at once; only one is asked at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import django
import redis

from benchmarks import commands, cpu, fronts
from benchmarks.commands import ROOT
from benchmarks.contenders import Contender
from benchmarks.load import Order
from tests.servers import HOST, MissingServerError, answers, free_port, running, wait_until

__all__ = ["HOST", "ROOT"]

MANY = 1000  # keys at once

Figures = dict[str, float]


@dataclass(frozen=True)
class Running:
    """A contender's server; the processes of each of its programs are a group."""

    contender: Contender
    port: int
    groups: tuple[int, ...]

    def used(self) -> float:
        """Return its processor time up to now, in seconds."""
        return sum(map(cpu.seconds, self.groups))


@dataclass(frozen=True)
class Up:
    """The servers that are up, and why others are not, by the names of contenders."""

    running: dict[str, Running] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


@contextmanager
def site(redis_url: str, size: int | None = None) -> Generator[None]:
    """Make the database, and let what is started inside know it, the Redis and how long the page is."""
    before = os.environ.copy()
    with tempfile.TemporaryDirectory(prefix="pagecache-bench-") as folder:
        os.environ |= {
            "BENCH_DB": str(Path(folder) / "site.sqlite3"),
            "BENCH_RUN": f"{Path(folder).name}-",
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "REDIS_URL": redis_url,
        }
        if size is not None:
            os.environ["BENCH_BYTES"] = str(size)
        try:
            _fill()
            yield
        finally:
            _forget(redis_url, os.environ["BENCH_RUN"])
            os.environ.clear()
            os.environ |= before


def _forget(redis_url: str, run: str) -> None:
    """Take what a run left out of the Redis: it may not be ours, and others are measured beside it."""
    with redis.Redis.from_url(redis_url) as server:
        left = server.scan_iter(match=f"*{run}*", count=MANY)
        while keys := list(islice(left, MANY)):
            server.unlink(*keys)


def _fill() -> None:
    """Make the tables and the row; in a process of its own, which holds the settings of one contender."""
    lines = (
        "import django; django.setup()",
        "from django.core.management import call_command",
        "call_command('migrate', run_syncdb=True, verbosity=0)",
        "from benchmarks.models import Text",
        "from benchmarks.text import TEXT",
        "Text.objects.create(pk=1, body=TEXT)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


@contextmanager
def up(contenders: Sequence[Contender]) -> Generator[Up]:
    """Run the contenders' servers; one of others that does not run here is absent."""
    servers = Up()
    with ExitStack() as stack:
        for contender in contenders:
            if lacking := _lacking(contender):
                servers.absent[contender.name] = f"{lacking} is not installed"
                continue
            try:
                servers.running[contender.name] = _started(contender, stack)
            except MissingServerError as error:
                if "pagecache" in contender.apps:
                    raise
                servers.absent[contender.name] = str(error)
        yield servers


def _lacking(contender: Contender) -> str:
    """Return what is not here of what a contender needs, if something is not."""
    for module in filter(None, (contender.server, contender.package)):
        if find_spec(module) is None:
            return module
    return contender.front if contender.front and not fronts.found(contender.front) else ""


def _started(contender: Contender, stack: ExitStack) -> Running:
    """Start a contender's server, and the cache before it."""
    port = free_port()
    os.environ["BENCH_CONTENDER"] = contender.name
    why = f"{contender.name}, on Django {django.__version__}"
    groups = [_run(commands.command(contender, port), port, stack, why)]
    if contender.front:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pagecache-bench-")))
        behind, port = port, free_port()
        front = fronts.command(contender.front, folder, port, behind)
        groups.append(_run(front, port, stack, contender.front))
    return Running(contender, port, tuple(groups))


def _run(command: Sequence[str], port: int, stack: ExitStack, name: str) -> int:
    process = stack.enter_context(running(command))
    wait_until(partial(answers, port), process, name)
    return process.pid


def load(server: Running, seconds: float, connections: int, hits: float = 1.0) -> Figures:
    """Ask a server from a process of its own; `cpu` is what the server used for an answer."""
    asked = server.contender
    order = Order(server.port, asked.path, connections, seconds, asked.proof, asked.is_kept, hits)
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(order))]
    before = server.used()
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures | {"cpu": (server.used() - before) / figures["asked"]}
