"""The suite on each Python and Django release, and its coverage on the oldest."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shell import BIN, ON_CI, ROOT, WORK, CheckError, last_line, make_venv, run


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the matrix; a row that is not required may be missing on CI."""

    python: str
    django: str
    selection: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    required: bool = True
    covers: bool = False

    @property
    def name(self) -> str:
        """A name for files and for the eye."""
        return f"python{self.python}-{self.django}"


NEWEST = "django"
# What depends most on either: what a request is, and what a statement is.
FEW = ("tests/recording", "tests/test_behavior.py", "tests/test_writes.py")
# Exhaustive searches, whose orders of steps are the same everywhere.
SEARCHES = (
    "tests/engine/test_interleavings.py",
    "tests/engine/test_old_data.py",
    "tests/engine/test_two_phase_orders.py",
)
# What depends on either in the second place; `make test` runs all on the oldest release.
MORE = (
    *FEW,
    "tests/contrib",
    "tests/demo",
    "tests/stores",
    *(f"tests/test_{name}.py" for name in (
        "aliases", "behavior_cache", "behavior_data", "behavior_inputs", "behavior_people", "behavior_responses",
        "beside_requests", "checks", "commands", "cursors", "database", "fast", "holes", "known_ways", "leases",
        "meeting", "observers", "orders", "packages", "reads", "rows", "segments", "several_databases",
        "transactions", "ways",
    )),
)  # fmt: skip
# What covers core and engine, and the most of the rest, in little time; `make test` runs all. Of two files the tests
# that alone reach some line of core or engine.
COVERED = (
    "tests/contrib",
    "tests/core",
    "tests/engine",
    "tests/recording",
    "tests/stores",
    "tests/test_behavior_inputs.py",
    "tests/test_http.py::test_client_that_wants_only_a_stored_page_gets_504_without_one",
    "tests/test_http.py::test_form_of_a_page_that_stands_in_for_an_error_can_be_sent",
    "tests/test_http.py::test_how_long_is_guessed_where_the_site_asks_for_it",
    "tests/test_http.py::test_page_stands_in_for_nothing_where_the_request_wants_a_new_one",
    "tests/test_http.py::test_page_whose_data_changed_stands_in_for_nothing_that_is_raised",
    "tests/test_http_validation.py::test_page_without_end_is_asked_about_where_the_request_wants_it",
    "tests/test_http_validation.py::test_what_the_view_says_to_its_client_is_not_said_of_what_is_stored",
    *(f"tests/test_{name}.py" for name in (
        "apps", "background", "beside_requests", "checking", "checks", "clock", "commands", "compress", "conf",
        "cursors", "database", "encryption", "fast", "holes", "invalidation", "known_ways", "leases", "meeting",
        "middleware", "observers", "replicas", "rows", "sealing", "segments", "stats", "tables", "tags", "transactions",
        "two_phase", "versions", "ways",
    )),
)  # fmt: skip
ROWS = (
    Row("3.11", "django~=5.2.0", COVERED, SEARCHES, covers=True),
    Row("3.12", NEWEST, FEW),
    Row("3.13", NEWEST, MORE),
    Row("3.12", "django~=6.0.0", FEW, required=False),
)


def matrix() -> str:
    """Run every row, also after one failed, then hold what the first covered against the gates."""
    for stale in WORK.glob("coverage.*"):
        stale.unlink()
    failed = [row.name for row in ROWS if not _passes(row)]
    if failed:
        raise CheckError(f"rows that failed: {', '.join(failed)}")
    return _coverage()


def _passes(row: Row) -> bool:
    try:
        said = _run(row)
    except CheckError as error:
        print(f"  {row.name:26} FAILED: {error}", flush=True)
        return False
    print(f"  {row.name:26} {said}", flush=True)
    return True


def _run(row: Row) -> str:
    interpreter = _find(row.python)
    if interpreter is None:
        if ON_CI and row.required:
            raise CheckError(f"{row.name}: there is no Python {row.python} on this machine")
        return f"skipped: no Python {row.python} on this machine"
    python = make_venv(
        row.name, interpreter, "--upgrade-package", "django", "--group", "test",
        "--editable", f"{ROOT}[all]", row.django,
    )  # fmt: skip
    output = run(
        python, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal",
        *(["--cov", "--cov-report="] if row.covers else []),
        *row.selection, *(f"--ignore={path}" for path in row.without),
        COVERAGE_FILE=str(WORK / f"coverage.{row.name}"),
    )  # fmt: skip
    said = f" ({len(row.selection)} parts)" if row.selection else ""
    said += f" (without {', '.join(row.without)})" if row.without else ""
    return f"{_versions(python)}: {last_line(output)}{said}"


def _versions(python: Path) -> str:
    code = "import django, platform as p; print('Python', p.python_version(), 'Django', django.__version__)"
    return run(python, "-c", code).strip()


def _coverage() -> str:
    _report("combine", *map(str, sorted(WORK.glob("coverage.*"))))
    inner = "pagecache/core/*,pagecache/engine/*,pagecache/meeting.py"
    _report("report", f"--include={inner}", "--fail-under=100")
    total = _report("report", "--fail-under=95")
    return f"core, engine and meeting 100 %, {last_line(total)}"


def _report(*arguments: str) -> str:
    return run(BIN / "python", "-m", "coverage", *arguments, COVERAGE_FILE=str(WORK / "coverage"))


def _find(version: str) -> str | None:
    """Return an interpreter of that version that really runs: a shim may be all there is."""
    return next((path for path in _candidates(version) if _is(version, path)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    yield from filter(None, [shutil.which(f"python{version}")])
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))


def _is(version: str, path: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version
