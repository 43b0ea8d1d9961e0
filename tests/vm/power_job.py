"""What is done to the box inside the virtual machine: it loses power in a call with the door open, again and again.

A line `cut_N ok` or `cut_N failed: why`. Each boot after the first follows a power cut.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.box import is_up, lit, press, show, wait
from tests.vm.course import lose_power, run_through_power_cuts
from tests.vm.job import calls_at_a_press, installs, registers

CUTS = 10
DOOR, DOOR_BUTTON, CALL_BUTTON, CALL_LIGHT = 22, 5, 23, 25
OPEN_S = 3.0


def is_ready_with_the_door_shut() -> bool:
    """Whether the service is ready; whatever it does, the door must not open."""
    assert not lit(DOOR), "the door is open after the power cut"
    return is_up() and lit(24)


def look_after_cut(number: int) -> None:
    wait("the service is ready", is_ready_with_the_door_shut, 90)
    print(f"# cut {number}: ready {int(show('ActiveEnterTimestampMonotonic')) // 1000} ms after power-on", flush=True)
    assert not lit(CALL_LIGHT), "it is in a call that is over"
    calls_at_a_press()
    press(DOOR_BUTTON)
    wait("the door is open", lambda: lit(DOOR))
    took_s = wait("the door is shut", lambda: not lit(DOOR))
    assert took_s < OPEN_S + 1, f"the door stood open for {took_s:.1f} s"


def cut(number: int) -> None:
    """Lose power while a call is on and the door stands open."""
    press(CALL_BUTTON)
    wait("the call light is on", lambda: lit(CALL_LIGHT))
    press(DOOR_BUTTON)
    wait("the door is open", lambda: lit(DOOR))
    after_s = random.Random(number).uniform(0, OPEN_S - 0.5)
    time.sleep(after_s)
    assert lit(DOOR) and lit(CALL_LIGHT)
    print(f"# cut {number} {after_s:.1f} s after the door was opened", flush=True)
    lose_power()


def install_first() -> None:
    installs()
    registers()
    os.sync()


if __name__ == "__main__":
    sys.exit(not run_through_power_cuts(install_first, cut, look_after_cut, CUTS))
