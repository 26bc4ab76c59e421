"""One real server for each contender, all up at once; only one is asked at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks.contenders import Contender
from benchmarks.load import Order
from benchmarks.text import TEXT
from tests.servers import HOST, free_port, running, wait_until

ROOT = Path(__file__).resolve().parent.parent
THREADS = 4  # of each server's one worker
SERVER = (
    *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
    *("--workers", "1", "--blocking-threads", str(THREADS), "--working-dir", str(ROOT)),
)

Figures = dict[str, float]


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
def up(contenders: Sequence[Contender]) -> Generator[dict[str, int]]:
    """Run the contenders' servers; yields their ports."""
    ports: dict[str, int] = {}
    with ExitStack() as stack:
        for contender in contenders:
            port = ports[contender.name] = free_port()
            os.environ["BENCH_CONTENDER"] = contender.name
            command = (*SERVER, "--host", HOST, "--port", str(port), contender.application)
            process = stack.enter_context(running(command))
            url = f"http://{HOST}:{port}{contender.path}"
            wait_until(lambda url=url: _answers(url), process, contender.label)
        yield ports


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 our own server
            return bool(answer.read())
    except HTTPError:
        raise
    except OSError:
        return False


def load(contender: Contender, port: int, seconds: float, connections: int) -> Figures:
    """Ask a contender's server from a process of its own."""
    order = Order(
        port, contender.path, connections, seconds, contender.proof, contender.is_kept
    )
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(order))]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures
