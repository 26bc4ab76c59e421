"""Runs cases that need other settings than the suite's, in a process of their own."""

import os
import subprocess
import sys


def run_cases(settings: str, file: str, **environment: str) -> None:
    """Run the tests of a file on a site with these settings; raises AssertionError with what they said if one fails."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-migrations"),
            *("--ds", settings, file),
        ],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
