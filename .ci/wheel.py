"""The wheel as a user gets it: built from the sdist, installed, used from outside the tree."""

import shutil
import sys
import tempfile
from pathlib import Path

from shell import BIN, ROOT, WORK, last_line, make_venv, run

SMOKE = Path(__file__).with_name("smoke.py")


def wheel() -> str:
    """Build the distribution and use it without extras on local memory, with them on Redis."""
    built = _build()
    for extras in ("", "[redis]", "[all]"):
        print(f"  {built.name}{extras:8} {_smoke(built, extras)}", flush=True)
    return built.name


def _build() -> Path:
    dist = WORK / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(BIN / "python", "-m", "build", "--no-isolation", "--outdir", dist, ROOT)
    return next(dist.glob("*.whl"))


def _smoke(built: Path, extras: str) -> str:
    name = f"wheel-{extras.strip('[]') or 'bare'}"
    shutil.rmtree(WORK / name, ignore_errors=True)
    python = make_venv(name, sys.executable, f"{built}{extras}")
    command: list[str | Path] = [python, "-I", SMOKE]  # -I: nothing from the tree
    if extras:
        command = [BIN / "python", "-m", "tests.servers", "redis", "--", *command]
    with tempfile.TemporaryDirectory() as outside:
        return last_line(run(*command, cwd=Path(outside), PYTHONPATH=str(ROOT)))
