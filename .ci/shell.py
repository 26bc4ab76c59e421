"""Commands run by the checks: quiet when they pass, telling all when they fail."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".matrix"
ON_CI = os.environ.get("CI") == "true"
BIN = Path(sys.executable).parent


class CheckError(Exception):
    """A check that did not hold; its text is what the command printed."""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Return what the command printed; raise CheckError with it if the command failed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CheckError(f"$ {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def last_line(output: str) -> str:
    """Return the last line that says something, without pytest's frame."""
    lines = output.strip().splitlines()
    return lines[-1].strip("= ") if lines else ""


def make_venv(name: str, python: str, *requirements: str) -> Path:
    """Return the interpreter of a virtual environment that holds what is required."""
    venv = WORK / name
    run(BIN / "uv", "venv", "--quiet", "--allow-existing", "--python", python, venv)
    interpreter = venv / "bin" / "python"
    run(BIN / "uv", "pip", "install", "--quiet", "--python", interpreter, *requirements)
    return interpreter
