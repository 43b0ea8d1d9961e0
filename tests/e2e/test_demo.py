"""The main job as a new user starts it: one command, one call, one last line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def demonstrate(option: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "demo", option, "--state-dir", str(folder / "state")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


def test_the_demonstration_calls_talks_recovers_and_hangs_up(tmp_path: Path) -> None:
    done = demonstrate("--once", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("demo: ok")
    steps = [line.split(maxsplit=3)[2:] for line in lines[:-1] if " ms " in line]
    story = " ".join(" ".join(step) for step in steps)
    for moment in ("box incoming", "box light blinks", "box press accept", "visitor accept", "box hears"):
        assert moment in story
    for moment in ("box reconnecting", "box reconnected", "box press hangup", "visitor disconnect"):
        assert moment in story
    assert story.count("... waits") >= 3  # nobody has to guess why nothing happens
    lights = [line for line in lines if line.split()[0] == "lights"]
    assert any("◐ call ringing" in line for line in lights)
    assert any("● call in call" in line for line in lights)
    assert any("◐ call reconnecting" in line for line in lights)


def test_the_quick_one_calls_talks_and_hangs_up_without_a_cut(tmp_path: Path) -> None:
    done = demonstrate("--quick", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("demo: ok: speech heard both ways")
    assert "press hangup" in done.stdout
    assert "reconnecting" not in done.stdout
