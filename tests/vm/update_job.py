"""What is done to installed versions inside the virtual machine: updates that lose power, fail, are taken back.

A line `NAME ok` or `NAME failed: why` for each check. Each boot after the first follows a power cut.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.box import is_up, lit, press, run, show, version_of, wait
from tests.vm.course import lose_power, run_through_power_cuts
from tests.vm.job import agent, installs

CUTS = 20
TRIAL_S = 14.0
OPT = Path("/opt/kiosk-agent")
NOTES = Path("/var/lib/update-job.json")
PROGRAM = Path("agent/program.py")
TRACES = ("opt/kiosk-agent", "usr/local/bin/kiosk-agent", "run/kiosk-agent", "var/lib/kiosk-agent", "root/.cache",
          "etc/udev/rules.d/60*", "etc/systemd/system/kiosk-agent*", "etc/systemd/system/*/kiosk-agent*")  # fmt: skip
UPDATE = ("systemd/install.sh", "--without-demo")


def make_version(version: str) -> None:
    """Turn this checkout into another version."""
    PROGRAM.write_text(re.sub(r'VERSION = "[^"]*"', f'VERSION = "{version}"', PROGRAM.read_text()))


def settled() -> bool:
    return is_up() and not (OPT / "trial").is_symlink()


def gets_ready() -> str:
    """Wait until a version runs and no trial is open; that version."""
    wait("a version is ready", settled, 150)
    wait("it is registered", lambda: lit(24))
    return version_of()


def cut(number: int) -> None:
    """Begin an update and lose power in it: at any moment, and each second time around the switch."""
    dice, whole_s = random.Random(number), json.loads(NOTES.read_text())["whole_s"]
    make_version(f"9.0.{number}")
    os.sync()
    subprocess.Popen(UPDATE)
    if number % 2:
        wait("it is on trial", (OPT / "trial").is_symlink, 200)
    after_s = dice.uniform(0, TRIAL_S if number % 2 else whole_s)
    time.sleep(after_s)
    print(f"# cut {number} {after_s:.1f} s after {'the trial' if number % 2 else 'the update'} began", flush=True)
    lose_power()


def install_first() -> None:
    installs()
    gets_ready()
    began = time.monotonic()
    make_version("9.0.0")
    run(*UPDATE)
    assert gets_ready() == "9.0.0"
    whole_s = time.monotonic() - began
    print(f"# an update takes {whole_s:.0f} s", flush=True)
    NOTES.write_text(json.dumps({"whole_s": whole_s, "before": "9.0.0"}))


def look_after_cut(number: int) -> None:
    notes = json.loads(NOTES.read_text())
    running = gets_ready()
    ready_ms = int(show("ActiveEnterTimestampMonotonic")) // 1000
    print(f"# after cut {number}: {running} is ready {ready_ms} ms after power-on", flush=True)
    assert running in (notes["before"], f"9.0.{number}"), f"{running} runs after cut {number}"
    NOTES.write_text(json.dumps({**notes, "before": running}))


def a_whole_update_is_tried_in_a_call_and_stays() -> None:
    make_version("9.1.0")
    run("systemd/install.sh")
    assert gets_ready() == "9.1.0"


def one_in_a_call_keeps_the_call() -> None:
    """The one who talks to the echo goes on, and nobody presses anything."""
    press(23)
    wait("the call light is on", lambda: lit(25))
    make_version("9.1.1")
    run(*UPDATE)
    assert gets_ready() == "9.1.1"
    wait("the call light is on again", lambda: lit(25))
    wait("the call is open", lambda: (json.loads(agent("status", "--json"))["call"] or {}).get("status") == "open")
    press(27)
    wait("the call light is off", lambda: not lit(25))


def one_that_cannot_be_imported_changes_nothing() -> None:
    make_version("9.2.0")
    broken = Path("agent/voice/calls.py")
    before = broken.read_text()
    broken.write_text(f"import nothing_of_this_name\n{before}")
    done = subprocess.run(UPDATE, capture_output=True, text=True)
    broken.write_text(before)
    assert done.returncode == 1 and "importing 9.2.0" in done.stderr, done.stderr[-500:]
    assert version_of() == "9.1.1"


def goes_back(version: str, file: Path, text: str, instead: str) -> None:
    """Update to a version that is broken there; it takes over, and is taken back."""
    make_version(version)
    before = file.read_text()
    assert text in before
    file.write_text(before.replace(text, instead))
    began = time.monotonic()
    done = subprocess.run(UPDATE, capture_output=True, text=True)
    file.write_text(before)
    assert done.returncode == 1 and f"{version}-" in done.stderr, done.stderr[-500:]
    assert "did not get ready; 9.1.1" in done.stderr, done.stderr[-500:]
    assert gets_ready() == "9.1.1"
    assert version in run("/usr/local/bin/kiosk-agent", "status")
    print(f"# {version} was made, given up and taken back in {time.monotonic() - began:.0f} s", flush=True)


def one_that_never_gets_ready_goes_back_by_itself() -> None:
    goes_back("9.3.0", Path("agent/service/notifier.py"), '"READY=1', '"X_READY=1')


def one_that_does_not_register_goes_back_by_itself() -> None:
    goes_back("9.3.1", Path("agent/signaling/pstream/names.py"), 'Final = "register"', 'Final = "stay"')


def goes_back_on_demand() -> None:
    make_version("9.4.0")
    run(*UPDATE)
    assert gets_ready() == "9.4.0"
    run("/usr/local/bin/kiosk-agent", "rollback")
    assert gets_ready() == "9.1.1"


def reads_a_secret_as_a_credential() -> None:
    """docs/operations.md: a secret that only root can read, handed over by systemd."""
    drop_in = Path("/etc/systemd/system/kiosk-agent.service.d/secrets.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nLoadCredential=token:/etc/kiosk-agent/token\n")
    settings = Path("/etc/kiosk-agent/config.toml")
    secret = "/run/credentials/kiosk-agent.service/token"
    before = settings.read_text()
    settings.write_text(before.replace('file = "token"', f'file = "{secret}"'))
    os.chown("/etc/kiosk-agent/token", 0, 0)
    Path("/etc/kiosk-agent/token").chmod(0o600)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "kiosk-agent")
    gets_ready()
    run("/usr/local/bin/kiosk-agent", "check", str(settings))
    settings.write_text(before)
    Path("/etc/kiosk-agent/token").chmod(0o644)
    shutil.rmtree(drop_in.parent)


def left(*more: str) -> list[str]:
    """What is there of an installation."""
    return [str(path) for pattern in (*TRACES, *more) for path in Path("/").glob(pattern)]


def leaves_nothing_but_the_settings() -> None:
    run("/usr/local/bin/kiosk-agent", "uninstall")
    assert not left()
    assert subprocess.run(["getent", "passwd", "kiosk-agent"]).returncode
    assert Path("/etc/kiosk-agent/config.toml").stat().st_gid == 0
    run("systemd/install.sh", "--watchdog")
    assert Path("/etc/systemd/system.conf.d/60-kiosk-agent.conf").exists()
    assert Path("/etc/kiosk-agent/config.toml").group() == "kiosk-agent"
    run("/usr/local/bin/kiosk-agent", "uninstall", "--purge")
    assert not left("etc/kiosk-agent", "etc/systemd/system.conf.d/*")


AFTERWARDS = (
    a_whole_update_is_tried_in_a_call_and_stays,
    one_in_a_call_keeps_the_call,
    one_that_cannot_be_imported_changes_nothing,
    one_that_never_gets_ready_goes_back_by_itself,
    one_that_does_not_register_goes_back_by_itself,
    goes_back_on_demand,
    reads_a_secret_as_a_credential,
    leaves_nothing_but_the_settings,
)


if __name__ == "__main__":
    sys.exit(not run_through_power_cuts(install_first, cut, look_after_cut, CUTS, AFTERWARDS))
