"""The demonstration ends with a verdict, whichever of its threads stands still."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DEMO = """
import sys, time
from pathlib import Path
import agent.media.bridge
from agent.demo.once import play_once
from agent.demo.script import Script

whose, moment, note = sys.argv[1], sys.argv[2], Script._note

def stand_still(script, who, what, detail=""):
    note(script, who, what, detail)
    if f"{who} {what}" != moment:
        return
    if whose == "hub":
        time.sleep(100)
    bridge = script._scene._bridge if whose == "switchboard" else agent.media.bridge.shared_bridge()
    bridge.call(bridge.loop.stop if whose == "ended" else lambda: time.sleep(100))

Script._note = stand_still
sys.exit(play_once(("127.0.0.1", 0), Path(sys.argv[3]), *map(float, sys.argv[4:])))
"""


def demo(whose: str, moment: str, folder: Path, *limits: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DEMO, whose, moment, str(folder), *limits]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize(
    ("whose", "moment", "verdict"),
    [
        ("calls", "box incoming", "demo: failed: box: 'accept' did not happen"),
        ("ended", "box accept", "demo: failed: "),
        ("switchboard", "box accept", "demo: failed: "),
        ("calls", "visitor disconnect", "demo: ok: "),
    ],
)
def test_media_thread_that_stands_still_is_survived_and_judged(
    tmp_path: Path, whose: str, moment: str, verdict: str
) -> None:
    done = demo(whose, moment, tmp_path)

    assert done.stdout.splitlines()[-1].startswith(verdict), done.stdout + done.stderr
    assert done.returncode == (0 if "ok" in verdict else 1)


def test_play_that_takes_too_long_is_broken_off(tmp_path: Path) -> None:
    done = demo("nobody", "", tmp_path, "3", "60")

    assert done.stdout.splitlines()[-1] == "demo: failed: the call was not over within 3 s"
    assert done.returncode == 1


def test_process_whose_hub_stands_still_ends_and_shows_where(tmp_path: Path) -> None:
    done = demo("hub", "box ready", tmp_path, "3", "2")

    assert done.stdout.splitlines()[-1].startswith("demo: failed: it did not end within 5 s")
    assert "stand_still" in done.stderr
    assert done.returncode == 1
