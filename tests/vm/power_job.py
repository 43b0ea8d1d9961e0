"""What is done to the box inside the virtual machine: it loses power in a call with the door open, again and again.

A line `cut_N ok`, or `boot N failed: why`. Each boot after the first follows a power cut.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.job import calls_at_a_press, installs, is_up, lit, press, registers, show, wait

CUTS = 10
DOOR, DOOR_BUTTON, CALL_BUTTON, CALL_LIGHT = 22, 5, 23, 25
OPEN_S = 3.0
POWER_CUT = Path("/run/vmbench/power-cut")


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
    print(f"cut_{number} ok", flush=True)


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
    POWER_CUT.touch()
    time.sleep(60)


def main() -> int:
    boot, cuts = int(os.environ["VMBENCH_BOOT"]), int(sys.argv[1]) if sys.argv[1:] else CUTS
    try:
        if boot == 1:
            installs()
            registers()
            os.sync()
        else:
            look_after_cut(boot - 1)
        if boot <= cuts:
            cut(boot)
    except AssertionError as why:
        print(f"boot {boot} failed: {why}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
