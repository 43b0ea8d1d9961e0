"""What is done with packages inside the virtual machine: a line `NAME ok` or `NAME failed: why` for each check."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.box import SETTINGS, UNIT, is_up, lit, press, run, show, version_of, wait
from tests.vm.course import run_checks

STATE = Path("/var/lib/kiosk-agent-switchboard")
SWITCHBOARD = f"{UNIT}-switchboard"
KEY = Path(f"/etc/systemd/system/{UNIT}.service.d/key.conf")
TRACES = ("opt/kiosk-agent", "usr/bin/kiosk-agent", "usr/lib/kiosk-agent", "etc/kiosk-agent", "var/lib/kiosk-agent*",
          "var/lib/private/kiosk-agent*", "etc/systemd/system/*kiosk-agent*",
          "etc/systemd/system/*/kiosk-agent*", "usr/lib/systemd/system/kiosk-agent*")  # fmt: skip
agent = partial(run, f"/usr/bin/{UNIT}")


def package(name: str) -> str:
    return str(Path(__file__).parents[2] / "packages" / f"{name}.deb")


def follows_the_version(unit: str) -> bool:
    """Whether its unit file is the package's, which is that of the version that runs."""
    file = Path(show("FragmentPath", unit))
    return file.parent.resolve() == Path("/usr/lib/systemd/system")  # which Debian has as /lib, too


def is_active(unit: str) -> bool:
    return show("ActiveState", unit) == "active"


def switchboard_runs(version: str) -> None:
    """An update starts it anew without waiting for it."""
    wait("the switchboard follows", lambda: is_active(SWITCHBOARD) and version_of(SWITCHBOARD) == version, 90)


def installs() -> None:
    run("dpkg", "-i", package("first"))
    wait("the service is up", is_up)
    assert "out of order" in show("StatusText"), "the shipped settings name no token"
    assert run("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert run("systemd-analyze", "verify", f"/usr/lib/systemd/system/{UNIT}.service") == ""


def has_a_switchboard() -> None:
    (SETTINGS / "switchboard.toml").write_text('[switchboard]\nlisten_host = "127.0.0.1"\n')
    run("systemctl", "enable", "--now", SWITCHBOARD)
    assert is_active(SWITCHBOARD)
    assert STATE.stat().st_uid not in (0, pwd.getpwnam(UNIT).pw_uid), "its keys belong to somebody else"
    agent("switchboard", "box", "add", "kiosk", "--to", str(SETTINGS / "kiosk.json"))


def registers_with_settings_in_layers() -> None:
    shutil.copy(STATE / "ca.pem", SETTINGS)
    (SETTINGS / "config.toml").write_text(Path("tests/vm/box.toml").read_text())
    (SETTINGS / "config.d/50-box.toml").write_text('[token]\nfile = ""\nkey_file = "kiosk.json"\n')
    for file in ("config.toml", "kiosk.json", "config.d/50-box.toml", "ca.pem"):
        shutil.chown(SETTINGS / file, "root", UNIT)
        (SETTINGS / file).chmod(0o640)
    wait("the status light is on", lambda: lit(24), 60)
    press(23)
    wait("the call light is on", lambda: lit(25))
    press(27)
    wait("the call light is off", lambda: not lit(25))


def takes_changes_with_a_key_for_root_alone() -> None:
    """docs/fleet.md: the key is handed over by systemd, to the service and to no other process."""
    KEY.parent.mkdir(exist_ok=True)
    KEY.write_text(f"[Service]\nLoadCredential=key.json:{SETTINGS}/kiosk.json\n")
    shutil.chown(SETTINGS / "kiosk.json", "root", "root")
    (SETTINGS / "kiosk.json").chmod(0o600)
    secret, own = f"/run/credentials/{UNIT}.service/key.json", SETTINGS / "config.d/50-box.toml"
    own.write_text(f'[token]\nfile = ""\nkey_file = "{secret}"\n')
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    wait("the status light is on", lambda: lit(24), 60)
    own.write_text(f'{own.read_text()}[lights.call]\nready = "steady"\n')
    agent("check", str(SETTINGS / "config.toml"))
    run("systemctl", "reload", UNIT)
    wait("the call light is on", lambda: lit(25))
    own.write_text(own.read_text().partition("[lights")[0])
    run("systemctl", "reload", UNIT)
    wait("the call light is off", lambda: not lit(25))


def is_updated_on_trial() -> None:
    before = version_of()
    run("dpkg", "-i", package("7.1"))
    assert version_of() == "7.1", version_of()
    switchboard_runs("7.1")
    assert follows_the_version(UNIT) and follows_the_version(SWITCHBOARD)
    assert Path("/opt/kiosk-agent/previous").readlink().name.startswith(f"{before}-")
    wait("the status light is on", lambda: lit(24), 60)


def one_that_never_gets_ready_is_refused_once() -> None:
    done = subprocess.run(["dpkg", "-i", package("7.2")], capture_output=True, text=True)
    assert done.returncode == 1 and "did not get ready; 7.1" in done.stderr, done.stderr[-500:]
    assert version_of() == "7.1"
    switchboard_runs("7.1")
    wait("the status light is on", lambda: lit(24), 60)
    process = show("MainPID")
    run("dpkg", "--configure", "-a")
    assert show("MainPID") == process
    assert "7.2" in agent("status")


def goes_back_by_an_older_package() -> None:
    run("dpkg", "-i", package("first"))
    wait("the status light is on", lambda: lit(24), 60)
    assert version_of() == run("dpkg-deb", "-f", package("first"), "Version").partition("+")[0], version_of()


def is_not_enabled_by_an_update() -> None:
    run("systemctl", "disable", "--now", UNIT)
    run("dpkg", "-i", package("7.1"))
    assert show("ActiveState") == "inactive", show("ActiveState")
    switchboard_runs("7.1")
    run("systemctl", "enable", "--now", UNIT)
    wait("the service is up", is_up)
    assert version_of() == "7.1"


def leaves_nothing() -> None:
    shutil.rmtree(KEY.parent)  # it is his who made it
    run("dpkg", "--remove", UNIT)
    assert (SETTINGS / "config.d/50-box.toml").exists()
    run("dpkg", "--purge", UNIT)
    left = [str(path) for pattern in TRACES for path in Path("/").glob(pattern)]
    assert not left, left
    assert subprocess.run(["getent", "passwd", UNIT]).returncode


CHECKS = (installs, has_a_switchboard, registers_with_settings_in_layers, takes_changes_with_a_key_for_root_alone,
          is_updated_on_trial, one_that_never_gets_ready_is_refused_once, goes_back_by_an_older_package,
          is_not_enabled_by_an_update, leaves_nothing)  # fmt: skip


if __name__ == "__main__":
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    sys.exit(not run_checks(CHECKS))
