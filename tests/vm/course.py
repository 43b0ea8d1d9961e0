"""The course of a job inside the virtual machine: checks one after the other, with power cuts between boots.

A line `NAME ok` or `NAME failed: why` for each check; the first that fails ends the job.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

BOOT = int(os.environ.get("VMBENCH_BOOT", "1"))
POWER_CUT = Path("/run/vmbench/power-cut")


def run_checks(checks: Iterable[Callable[[], None]]) -> bool:
    """Run them until one fails; whether all went well."""
    return all(_goes_well(check.__name__, check) for check in checks)


def run_through_power_cuts(
    install: Callable[[], None],
    lose: Callable[[int], None],
    look: Callable[[int], None],
    cuts: int,
    afterwards: Iterable[Callable[[], None]] = (),
) -> bool:
    """Run one boot of a job that loses power `cuts` times, or as often as the command line says; whether it went well.

    The first boot begins with `install`, each other with `look(N)` after cut N. Then `lose(N)` ends in `lose_power`;
    after the last cut the checks `afterwards` follow.
    """
    cuts = int(sys.argv[1]) if sys.argv[1:] else cuts
    before = _goes_well("install", install) if BOOT == 1 else _goes_well(f"cut_{BOOT - 1}", partial(look, BOOT - 1))
    if before and cuts >= BOOT:
        return _goes_well(f"losing_power_{BOOT}", partial(lose, BOOT))
    return before and run_checks(afterwards)


def lose_power() -> None:
    """Ask for a power cut; nothing after it happens in this boot."""
    POWER_CUT.touch()
    time.sleep(60)
    raise AssertionError("the power is still there")


def _goes_well(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except AssertionError as why:
        print(f"{name} failed: {why}", flush=True)
        if agent := shutil.which("kiosk-agent"):
            subprocess.run([agent, "status"])  # why may stand there
        return False
    print(f"{name} ok", flush=True)
    return True
