"""Every check but the suite itself: `make check`. Names of checks as arguments run just those."""

import sys
import time
from collections.abc import Callable

from matrix import matrix
from shell import BIN, ROOT, CheckError, last_line, make_venv, run
from wheel import wheel


def lint() -> str:
    """All rules, each exception with its reason in pyproject.toml."""
    return last_line(run(BIN / "ruff", "check", "."))


def layout() -> str:
    """Code is laid out by the formatter."""
    return last_line(run(BIN / "ruff", "format", "--check", "."))


def types() -> str:
    """Strict, with what Django's stubs know."""
    return last_line(run(BIN / "mypy"))


def layers() -> str:
    """Imports go down only."""
    return last_line(run(BIN / "lint-imports", "--no-cache"))


def compat() -> str:
    """Sites of well-known packages show the same with pagecache and without."""
    python = make_venv("compat", sys.executable, "--group", "compat", "--editable", f"{ROOT}[all]")
    sites = "tests/compat/sites.py"
    return last_line(run(python, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", sites))


CHECKS: tuple[Callable[[], str], ...] = (lint, layout, types, layers, wheel, compat, matrix)


def passes(check: Callable[[], str]) -> bool:
    """Run one check and tell how it went."""
    started = time.monotonic()
    try:
        word, said = "ok", check()
    except CheckError as error:
        word, said = "FAILED", str(error)
    print(f"{word:6} {check.__name__} ({time.monotonic() - started:.0f} s): {said}", flush=True)
    return word == "ok"


def main() -> None:
    """Run all, also after a failure; exit 1 if one failed."""
    wanted = set(sys.argv[1:]) or {check.__name__ for check in CHECKS}
    results = [passes(check) for check in CHECKS if check.__name__ in wanted]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
