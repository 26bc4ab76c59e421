from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo_site import drive, server
from demo_site.promises import BrokenPromiseError, Row, Site
from demo_site.story import STORY

ROOT = Path(__file__).parents[2]
UNWANTED = {"REDIS_URL", "DEMO_DB", "DEMO_CACHE", "DEMO_DEBUG", "DJANGO_SETTINGS_MODULE"}


@pytest.mark.parametrize("redis", [False, True], ids=["local-memory", "redis"])
def test_the_site_keeps_every_promise(request: pytest.FixtureRequest, *, redis: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    if redis:
        env["REDIS_URL"] = request.getfixturevalue("redis_server").url
    command = [sys.executable, "-m", "demo_site.drive"]
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {len(STORY)} rows as promised." in done.stdout
    assert "5 renders, 1495 hits" in done.stdout


def test_a_broken_promise_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def step_that_fails(site: Site) -> Row:
        raise BrokenPromiseError("the page was old")

    row = drive.row_of(step_that_fails, Site("127.0.0.1", 1))
    assert row.broken == "the page was old"
    assert drive.verdict([Row("front page", "hit"), row]) == 1
    assert "step that fails: the page was old" in capsys.readouterr().err


def test_a_site_that_is_gone_breaks_the_promise() -> None:
    site = Site("127.0.0.1", server.free_port())
    assert "ConnectionRefusedError" in drive.row_of(STORY[0], site).broken


def test_a_site_that_cannot_start_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEMO_DB", str(tmp_path / "no" / "such" / "folder" / "films.sqlite3"))
    assert drive.main(["--serve"]) == 1
    assert "The site does not start" in capsys.readouterr().err
