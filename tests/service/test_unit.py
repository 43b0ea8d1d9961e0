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
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def analyze(*arguments: str) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with its programs in a folder where they exist."""
    for program in ("kiosk-agent", "python"):
        (tmp_path / program).symlink_to("/bin/true")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/kiosk-agent/bin/", f"{tmp_path}/"))
    return unit


@needs_systemd
def test_systemd_has_nothing_to_complain_about(installed: Path) -> None:
    assert analyze("verify", str(installed)) == ""


@needs_systemd
def test_its_exposure_is_low(installed: Path) -> None:
    summary = analyze("security", "--offline=true", "--no-pager", str(installed)).splitlines()[-1]

    exposure = re.search(r"exposure level for \S+: ([\d.]+)", summary)
    assert exposure is not None
    assert float(exposure[1]) <= 2.5


def test_the_watchdog_waits_longer_than_a_part_is_given_to_restart() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())

    assert float(unit["Service"]["WatchdogSec"]) * 1000 >= 2 * ServiceSettings().stall_ms
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["Restart"] == "always"


def test_nothing_that_may_heal_keeps_it_from_being_started_again() -> None:
    text = UNIT.read_text()

    assert "RestartPreventExitStatus" not in text
    assert "RuntimeDirectoryPreserve=restart" in text  # where it is noted that it was started again and again
