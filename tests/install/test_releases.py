"""A change of versions that is cut at any of its steps leaves the old one or the new one running, never neither.

The script is the one that is installed, and every command of it is a step. The service manager is played here; the
virtual machine has the real one (tests/vm).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "systemd/releases.sh"
OLD, NEW = "1.0-old", "2.0-new"
# Kills the script before its step number CUT_AT; a number that is never reached lets it end.
CUT = """
set -T
steps=0
trap '[ $BASH_SUBSHELL != 0 ] || [ $((++steps)) != "$CUT_AT" ] || kill -9 $$' DEBUG
"""
NEVER = 1_000_000
SHARES = 6  # of the steps of one change: all in one test would take a busy machine minutes
# Starts what the link names, if that works. A trial that it starts is not cut with the script that asked for it.
MANAGER = """
opt={opt}; up={up}
echo "$*" >> "$up.asked"
case "$*" in
  *kiosk-agent-trial) CUT_AT=0 exec "$opt/releases.sh" judge ;;
  start*) release=$(basename "$(readlink "$opt/current")")
    [ ! -e "$opt/releases/$release/works" ] || [ -s "$up" ] || echo "$release $$" > "$up" ;;
  stop*) rm -f "$up" ;;
  is-active*) [ -s "$up" ] ;;
  *StatusText*) [ ! -e "$opt/current/registers" ] || echo "in call, ready; no reception" ;;
  show*) if grep -q restless "$up"; then date +%N; else cat "$up"; fi ;;
esac
"""


class Box:
    """An installed box in a folder of its own, with two versions."""

    def __init__(self, folder: Path, trial_s: int = 0, steady_s: int = 0) -> None:
        self.opt = folder / "opt/kiosk-agent"
        self._up = folder / "up"
        self._programs = folder / "bin"
        for release in (OLD, NEW):
            (self.opt / "releases" / release).mkdir(parents=True)
            for mark in ("complete", "works", "registers"):
                (self.opt / "releases" / release / mark).touch()
        (folder / "run/systemd/system").mkdir(parents=True)
        (folder / "run/lock").mkdir()
        self._programs.mkdir()
        wants = folder / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / "kiosk-agent.service").symlink_to("../kiosk-agent.service")
        self._place("systemctl", MANAGER.format(opt=self.opt, up=self._up))
        self._place("id", "echo 0")
        self._place("sleep", "exit 0")
        self._place("sync", "exit 0")  # nothing here loses power in truth
        (folder / "cut.sh").write_text(CUT)
        given = {"trial": trial_s, "steady": steady_s}
        pattern = re.compile(r"^(trial|steady)_s=\d+", re.MULTILINE)
        text, changed = pattern.subn(lambda name: f"{name[1]}_s={given[name[1]]}", SCRIPT.read_text())
        assert changed == len(given)
        (self.opt / "releases.sh").write_text(text)
        (self.opt / "releases.sh").chmod(0o755)
        self.link("current", OLD)
        self.power_on()

    def _place(self, name: str, script: str) -> None:
        (self._programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (self._programs / name).chmod(0o755)

    def link(self, name: str, release: str) -> None:
        (self.opt / name).symlink_to(f"releases/{release}")

    def named(self, name: str) -> str:
        return (self.opt / name).readlink().name if (self.opt / name).is_symlink() else ""

    def breaks(self, release: str) -> None:
        (self.opt / "releases" / release / "works").unlink()

    def run(self, *words: str, cut_at: int = NEVER) -> subprocess.CompletedProcess[str]:
        path = f"{self._programs}:{os.environ['PATH']}"
        env = {"PATH": path, "BASH_ENV": str(self.opt.parents[1] / "cut.sh"), "CUT_AT": str(cut_at)}
        command = [str(self.opt / "releases.sh"), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)

    def power_on(self) -> None:
        self._up.unlink(missing_ok=True)
        subprocess.run([self._programs / "systemctl", "start", "kiosk-agent"], check=True)

    @property
    def running(self) -> str:
        return self._up.read_text().split()[0] if self._up.exists() else ""

    @property
    def asked(self) -> list[str]:
        """What systemd was asked to do."""
        return self._up.with_suffix(".asked").read_text().splitlines()

    def disable(self) -> None:
        (self.opt.parents[1] / "etc/systemd/system/multi-user.target.wants/kiosk-agent.service").unlink()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def cuts(folder: Path, first: int) -> Iterator[tuple[int, Box]]:
    """A fresh box for every SHARES-th number of a step, until the caller has seen one that was not reached."""
    for at in range(first, NEVER, SHARES):
        shutil.rmtree(folder, ignore_errors=True)
        yield at, Box(folder)


def is_whole(box: Box) -> bool:
    """Whether the next boot has a version to start."""
    return (box.opt / "current/complete").exists()


def recover(box: Box, after: str, cut_at: int = NEVER) -> None:
    """Power comes back, or systemd starts the trial again."""
    if after == "power cut":
        box.power_on()
    if box.named("trial"):
        box.run("judge", cut_at=cut_at)


@pytest.mark.parametrize("first", range(1, SHARES + 1))
@pytest.mark.parametrize("after", ["power cut", "kill"])
@pytest.mark.parametrize("new_works", [True, False], ids=["works", "broken"])
@pytest.mark.parametrize("words", ["judge", "rollback"])
def test_a_change_that_is_cut_at_any_step_leaves_the_old_or_the_new_version(
    words: str, new_works: bool, after: str, first: int, tmp_path: Path
) -> None:
    for at, box in cuts(tmp_path / "box", first):
        box.link("trial" if words == "judge" else "previous", NEW)
        if not new_works:
            box.breaks(NEW)

        was_cut = box.run(words, cut_at=at).returncode == -signal.SIGKILL

        assert is_whole(box), f"step {at}"
        recover(box, after, cut_at=at // 2 + 1)  # it is cut again
        assert is_whole(box), f"step {at}"
        recover(box, after)
        assert box.running == box.named("current"), f"step {at}"
        assert box.running in ((OLD, NEW) if new_works else (OLD,)), f"step {at}"
        assert not box.named("trial"), f"step {at}"
        if not was_cut:
            break
    assert at > 20


def test_a_version_that_gets_ready_stays_and_the_old_one_is_kept(box: Box) -> None:
    box.link("trial", NEW)
    (box.opt / "releases/0.9-older").mkdir()

    done = box.run("judge")

    assert (box.running, box.named("previous"), box.named("trial")) == (NEW, OLD, "")
    assert f"{NEW} is ready" in done.stderr
    assert sorted(path.name for path in (box.opt / "releases").iterdir()) == [OLD, NEW]


def test_a_version_that_does_not_get_ready_is_told_and_the_old_one_is_back(box: Box) -> None:
    box.link("trial", NEW)
    box.breaks(NEW)

    done = box.run("judge")

    assert (done.returncode, box.running, box.named("refused")) == (0, OLD, NEW)
    assert f"{NEW} was not ready" in done.stderr and f"back to {OLD}" in done.stderr


def test_a_version_that_starts_again_and_again_is_not_ready(tmp_path: Path) -> None:
    box = Box(tmp_path, trial_s=1, steady_s=1)
    (box.opt / f"releases/{NEW}").rename(box.opt / "releases/2.1-restless")
    box.link("trial", "2.1-restless")

    box.run("judge")

    assert (box.running, box.named("refused")) == (OLD, "2.1-restless")


@pytest.mark.parametrize(("registers", "runs"), [(OLD, OLD), ("", NEW)])
def test_a_version_has_to_register_if_the_one_before_was_registered(registers: str, runs: str, box: Box) -> None:
    box.link("previous", NEW)
    for release in {OLD, NEW} - {registers}:
        (box.opt / "releases" / release / "registers").unlink()

    box.run("rollback")

    assert box.running == runs


def test_a_rollback_is_a_change_to_the_version_before_and_can_be_taken_back(box: Box) -> None:
    box.link("previous", NEW)

    assert box.run("rollback").returncode == 0
    assert (box.running, box.named("previous")) == (NEW, OLD)
    assert box.run("rollback").returncode == 0
    assert (box.running, box.named("previous")) == (OLD, NEW)


def test_a_rollback_to_a_version_that_no_longer_works_says_that_it_failed(box: Box) -> None:
    box.link("previous", NEW)
    box.breaks(NEW)

    assert box.run("rollback").returncode == 1
    assert box.running == OLD


def test_a_broken_version_is_left_at_once_for_the_one_before(box: Box) -> None:
    box.link("previous", NEW)
    box.breaks(OLD)
    box.power_on()

    assert box.running == ""
    assert box.run("rollback").returncode == 0
    assert box.running == NEW


def test_an_agent_that_was_disabled_changes_its_version_and_stays_away(box: Box) -> None:
    box.link("previous", NEW)
    box.breaks(OLD)
    box.power_on()
    box.disable()

    assert box.run("rollback").returncode == 0
    assert (box.named("current"), box.running) == (NEW, "")


@pytest.mark.parametrize("disabled", [True, False])
def test_a_switchboard_beside_it_follows(box: Box, disabled: bool) -> None:
    box.link("previous", NEW)
    box.breaks(OLD)
    box.power_on()
    if disabled:
        box.disable()

    box.run("rollback")

    assert "try-restart --no-block kiosk-agent-switchboard" in box.asked


@pytest.mark.parametrize("previous", ["", OLD, "1.5-half"])
def test_there_is_no_way_back_to_what_is_not_there(previous: str, box: Box) -> None:
    (box.opt / "releases/1.5-half").mkdir()
    if previous:
        box.link("previous", previous)

    done = box.run("rollback")

    assert done.returncode == 1
    assert "there is no version before" in done.stderr
    assert box.running == OLD


def test_one_change_waits_for_no_other(box: Box) -> None:
    box.link("previous", NEW)
    with (box.opt.parents[1] / "run/lock/kiosk-agent.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = box.run("rollback")

    assert done.returncode == 1
    assert "under way" in done.stderr
    assert box.running == OLD


@pytest.mark.parametrize("word", ["judge", "rollback"])
def test_in_a_checkout_it_does_nothing(word: str, tmp_path: Path) -> None:
    """Its own folder is what it takes for the installation."""
    shutil.copy(SCRIPT, tmp_path)

    done = subprocess.run([tmp_path / SCRIPT.name, word], capture_output=True, text=True)

    assert done.returncode == 2
    assert "/opt/kiosk-agent/releases.sh" in done.stderr


@pytest.mark.parametrize("words", [(), ("fly",), ("judge", "rollback"), ("uninstall", "--all")])
def test_other_words_change_nothing(words: tuple[str, ...], box: Box) -> None:
    assert box.run(*words).returncode == 2
    assert box.running == OLD


DROP_IN = "etc/systemd/system/kiosk-agent.service.d/60-restart-steps.conf"
STEPS = Path(__file__).parents[2] / "systemd/restart-steps.conf"


def place_restart_steps(root: Path, version: str) -> Path:
    """What the installation does on a machine with this systemd; where the drop-in lies then."""
    programs = root / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "systemctl").write_text(f"#!/bin/sh\nprintf '{version}'\n")
    (programs / "systemctl").chmod(0o755)
    script = f"opt={root}/opt/kiosk-agent; . {SCRIPT}; place_restart_steps {STEPS}"
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", script], check=True, env=environment, timeout=60)
    return root / DROP_IN


@pytest.mark.parametrize("version", ["systemd 254 (254.1-1)\\n+PAM", "systemd 257 (257.8-1~deb13u2)\\n"])
def test_a_systemd_that_can_slow_down_restarts_is_told_to(tmp_path: Path, version: str) -> None:
    placed = place_restart_steps(tmp_path, version)

    assert placed.read_text() == STEPS.read_text()
    assert re.search(r"^RestartSteps=\d+\nRestartMaxDelaySec=60$", placed.read_text(), re.MULTILINE)


@pytest.mark.parametrize("version", ["systemd 252 (252.39-1~deb12u1)\\n", "systemd 253 (253)\\n", ""])
def test_a_systemd_that_cannot_is_told_nothing_also_after_a_downgrade(tmp_path: Path, version: str) -> None:
    place_restart_steps(tmp_path, "systemd 257 (257.8)\\n")

    assert not place_restart_steps(tmp_path, version).parent.exists()


def test_drop_ins_of_somebody_else_stay(tmp_path: Path) -> None:
    own = place_restart_steps(tmp_path, "systemd 257 (257.8)\\n").with_name("secrets.conf")
    own.touch()

    place_restart_steps(tmp_path, "systemd 252 (252)\\n")

    assert list(own.parent.iterdir()) == [own]


def test_units_are_those_of_the_version_that_runs_also_after_they_were_enabled(tmp_path: Path) -> None:
    """`systemctl enable` follows a link to its end, and its own comes before that of the package."""
    opt, units = tmp_path / "opt/kiosk-agent", tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    names = ("-switchboard.service", "-door.socket", ".service")
    enabled, linked, own = (units / f"kiosk-agent{name}" for name in names)
    enabled.symlink_to(opt / f"releases/{OLD}/systemd/{enabled.name}")
    linked.symlink_to(opt / f"current/systemd/{linked.name}")
    own.write_text("[Service]\n")

    subprocess.run(["bash", "-c", f"opt={opt}; . {SCRIPT}; drop_followed"], check=True, timeout=60)

    assert sorted(path.name for path in units.iterdir()) == [linked.name, own.name]
