"""The service file says what systemd understands, and asks for no more rights than it needs."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config.settings import ServiceSettings

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "kiosk-agent.service"
UNITS = sorted(FOLDER.glob("*.service"))
MOST_EXPOSURE = 1.5
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def analyze(*arguments: str) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
@each_unit
def test_systemd_has_nothing_to_complain_about(unit: Path, tmp_path: Path) -> None:
    for program in ("kiosk-agent", "python", "releases.sh"):
        (tmp_path / program).symlink_to("/bin/true")
    installed = tmp_path / unit.name
    program = re.compile(r"/opt/kiosk-agent/(?:current/bin/)?(kiosk-agent|python|releases)")
    installed.write_text(program.sub(rf"{tmp_path}/\1", unit.read_text()))

    assert analyze("verify", str(installed)) == ""


@needs_systemd
@each_unit
def test_its_exposure_is_low(unit: Path) -> None:
    summary = analyze("security", "--offline=true", "--no-pager", str(unit)).splitlines()[-1]

    exposure = re.search(r"exposure level for \S+: ([\d.]+)", summary)
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSURE


@each_unit
def test_its_privileges_are_dropped(unit: Path) -> None:
    service = directives(unit)["Service"]

    assert service["CapabilityBoundingSet"] == ""
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["PrivateUsers"]) == ("yes", "strict", "yes")


def test_the_agent_has_a_user_of_its_own_and_limits() -> None:
    service = directives(UNIT)["Service"]

    assert service["User"] == "kiosk-agent"
    assert int(service["MemoryHigh"][:-1]) < int(service["MemoryMax"][:-1])
    assert int(service["TasksMax"]) <= 128


def directives(unit: Path) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit.read_text())
    return read


def test_the_watchdog_waits_longer_than_a_part_is_given_to_restart() -> None:
    unit = directives(UNIT)

    assert float(unit["Service"]["WatchdogSec"]) * 1000 >= 2 * ServiceSettings().stall_ms
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["Restart"] == "always"


def test_nothing_that_may_heal_keeps_it_from_being_started_again() -> None:
    text = UNIT.read_text()

    assert "RestartPreventExitStatus" not in text
    assert "RuntimeDirectoryPreserve=yes" in text  # where it is noted that it was started again and again
