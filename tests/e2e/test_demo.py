"""The main job as a new user starts it: one command, one call, one last line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
def test_the_demonstration_calls_talks_recovers_and_hangs_up(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent", "demo", "--once", "--state-dir", str(tmp_path / "state")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("demo: ok")
    steps = [line.split(maxsplit=3)[2:] for line in lines[:-1]]
    story = " ".join(" ".join(step) for step in steps)
    for moment in ("box incoming", "box light blinks", "box press accept", "visitor accept", "box hears"):
        assert moment in story
    for moment in ("box reconnecting", "box reconnected", "box press hangup", "visitor disconnect"):
        assert moment in story
