"""What is done with packages inside the virtual machine: a line `NAME ok` or `NAME failed: why` for each check."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vm.job import SETTINGS, UNIT, is_up, lit, press, run, show, wait

STATE = Path("/var/lib/kiosk-agent-switchboard")
SWITCHBOARD = f"{UNIT}-switchboard"
KEY = Path(f"/etc/systemd/system/{UNIT}.service.d/key.conf")
TRACES = ("opt/kiosk-agent", "usr/bin/kiosk-agent", "usr/lib/kiosk-agent", "etc/kiosk-agent", "var/lib/kiosk-agent*",
          "var/lib/private/kiosk-agent*", "etc/systemd/system/*kiosk-agent*",
          "etc/systemd/system/*/kiosk-agent*", "usr/lib/systemd/system/kiosk-agent*")  # fmt: skip
agent = partial(run, f"/usr/bin/{UNIT}")


def package(name: str) -> str:
    return str(Path(__file__).parents[2] / "packages" / f"{name}.deb")


def version_of(unit: str) -> str:
    """The version that a unit's process runs, by the folder of its interpreter."""
    process = run("systemctl", "show", "-p", "MainPID", "--value", unit).strip()
    command = Path(f"/proc/{process}/cmdline").read_bytes().decode()
    found = re.match(r"/opt/kiosk-agent/releases/([\d.]+)-", command)
    return found[1] if found else command


def follows_the_version(unit: str) -> bool:
    """Whether its unit file is the package's, which is that of the version that runs."""
    file = Path(run("systemctl", "show", "-p", "FragmentPath", "--value", unit).strip())
    return file.parent.resolve() == Path("/usr/lib/systemd/system")  # which Debian has as /lib, too


def is_active(unit: str) -> bool:
    return run("systemctl", "show", "-p", "ActiveState", "--value", unit).strip() == "active"


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
    before = version_of(UNIT)
    run("dpkg", "-i", package("7.1"))
    assert (version_of(UNIT), version_of(SWITCHBOARD)) == ("7.1", "7.1")
    assert follows_the_version(UNIT) and follows_the_version(SWITCHBOARD)
    assert Path("/opt/kiosk-agent/previous").readlink().name.startswith(f"{before}-")
    wait("the status light is on", lambda: lit(24), 60)


def one_that_never_gets_ready_is_refused_once() -> None:
    done = subprocess.run(["dpkg", "-i", package("7.2")], capture_output=True, text=True)
    assert done.returncode == 1 and "did not get ready; 7.1" in done.stderr, done.stderr[-500:]
    assert version_of(UNIT) == "7.1"
    wait("the switchboard is back", lambda: is_active(SWITCHBOARD) and version_of(SWITCHBOARD) == "7.1", 90)
    wait("the status light is on", lambda: lit(24), 60)
    process = show("MainPID")
    run("dpkg", "--configure", "-a")
    assert show("MainPID") == process
    assert "7.2" in agent("status")


def goes_back_by_an_older_package() -> None:
    run("dpkg", "-i", package("first"))
    wait("the status light is on", lambda: lit(24), 60)
    assert version_of(UNIT) not in ("7.1", "7.2")


def is_not_enabled_by_an_update() -> None:
    run("systemctl", "disable", "--now", UNIT)
    run("dpkg", "-i", package("7.1"))
    assert show("ActiveState") == "inactive", show("ActiveState")
    wait("the switchboard follows", lambda: is_active(SWITCHBOARD) and version_of(SWITCHBOARD) == "7.1", 90)
    run("systemctl", "enable", "--now", UNIT)
    wait("the service is up", is_up)
    assert version_of(UNIT) == "7.1"


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


def main() -> int:
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    for check in CHECKS:
        try:
            check()
        except AssertionError as why:
            print(f"{check.__name__} failed: {why}", flush=True)
            return 1
        print(f"{check.__name__} ok", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
