from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOOKS = """
from hw.errors import SoundError
from hw.sound.portaudio import Names, open_card

def anonymous_kb():
    for line in open("/proc/self/smaps_rollup"):
        if line.startswith("Anonymous:"):
            return int(line.split()[1])

def look(times):
    for _ in range(times):
        try:
            open_card(Names("no such card", "no such card"), None)
        except SoundError:
            continue
        raise SystemExit("it is there")

look(100)
before = anonymous_kb()
look(200)
print((anonymous_kb() - before) / 200)
"""


def test_looking_for_a_card_that_is_absent_costs_no_memory() -> None:
    """It cost 12 kB each time; what is left is less than the heap's own noise."""
    done = subprocess.run([sys.executable, "-c", LOOKS], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2.0, f"{done.stdout.strip()} kB are lost with each look"
