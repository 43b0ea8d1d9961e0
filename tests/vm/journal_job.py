"""What is done to the box inside the virtual machine for a busy hour's journal, without the pauses of such an hour.

Lines `# ...: N bytes` for what each part of it wrote, `busy_hour N` for all; or why it failed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.box import UNIT, lit, press, run, wait
from tests.vm.job import agent, comes_back_after_a_kill, installs, registers

CALLS, OUTAGES, OUTAGE_S = 30, 3, 40
DOOR, DOOR_BUTTON, CALL_BUTTON, HANG_UP_BUTTON, CALL_LIGHT = 22, 5, 23, 27, 25
GUARDS = ("-u", UNIT, "-u", f"{UNIT}-door@*", "-u", f"{UNIT}-door.socket")


def written(form: str = "short") -> int:
    """The bytes of the journal about the box until now."""
    run("journalctl", "--sync")
    return len(run("journalctl", "-b", "--no-pager", "-o", form, *GUARDS).encode())


def calls_with_a_door() -> None:
    for _ in range(CALLS):
        press(CALL_BUTTON)
        wait("the call light is on", partial(lit, CALL_LIGHT))
        press(DOOR_BUTTON)
        wait("the door is open", partial(lit, DOOR))
        press(HANG_UP_BUTTON)
        wait("the call light is off", lambda: not lit(CALL_LIGHT))
        wait("the door is shut", lambda: not lit(DOOR))


def outages() -> None:
    for _ in range(OUTAGES):
        run("systemctl", "stop", "switchboard")
        time.sleep(OUTAGE_S)  # the length of the outage is what is tried
        run("systemctl", "start", "switchboard")
        wait("it is registered again", partial(lit, 24), 90)


def reloads() -> None:
    for _ in range(2):
        run("systemctl", "reload", UNIT)
        wait("it is registered", partial(lit, 24))


def looks() -> None:
    for _ in range(12):
        agent("status", "--json")


def rests() -> None:
    time.sleep(60)  # nothing happens, and nothing should be told


PARTS: tuple[tuple[str, Callable[[], None]], ...] = (
    (f"{CALLS} calls with a door", calls_with_a_door), (f"{OUTAGES} outages of {OUTAGE_S} s", outages),
    ("2 reloads", reloads), ("12 looks at the status", looks), ("one crash", comes_back_after_a_kill),
    ("a minute of rest", rests),
)  # fmt: skip


def main() -> int:
    try:
        installs()
        registers()
        print(f"# from its first start on: {written()} bytes", flush=True)
        begin, stored = written(), written("export")
        for name, part in PARTS:
            before = written()
            part()
            print(f"# {name}: {written() - before} bytes", flush=True)
        print(f"busy_hour {written() - begin}\n# with all fields: {written('export') - stored} bytes", flush=True)
    except AssertionError as why:
        print(f"failed: {why}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
