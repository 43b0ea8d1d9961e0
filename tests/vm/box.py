"""The box inside the virtual machine, as those see and touch it who stand before it and who are root on it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

UNIT = "kiosk-agent"
SETTINGS = Path("/etc/kiosk-agent")


def run(*command: str) -> str:
    """Run a program; its output. A failure ends the job with what it said."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{command[0]} exited {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def show(name: str, unit: str = UNIT) -> str:
    return run("systemctl", "show", "-p", name, "--value", unit).strip()


def lit(pin: int) -> bool:
    return Path(f"/run/gpio/sim_gpio{pin}/value").read_text().strip() == "1"


def press(pin: int) -> None:
    """A finger on the button: its contact pulls the pin to ground for a while."""
    pull = Path(f"/run/gpio/sim_gpio{pin}/pull")
    pull.write_text("pull-down")
    time.sleep(0.2)
    pull.write_text("pull-up")


def wait(what: str, happened: Callable[[], bool], timeout_s: float = 30.0) -> float:
    """Wait until `happened`; the seconds it took."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


def is_up(besides: str = "") -> bool:
    """Whether the service is ready, as another process than `besides`."""
    return show("ActiveState") == "active" and show("MainPID") not in ("0", besides)


def version_of(unit: str = UNIT) -> str:
    """The version that a unit's process runs, by the folder of its interpreter; empty while there is no process."""
    try:
        command = Path(f"/proc/{show('MainPID', unit)}/cmdline").read_bytes().decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    found = re.match(r"/opt/kiosk-agent/releases/([\d.]+)-", command)
    return found[1] if found else command
