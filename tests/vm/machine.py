"""Boots a small Debian in user-mode Linux: systemd is PID 1, with a simulated GPIO chip and a loopback sound card.

    VMBENCH_CACHE=DIR python tests/vm/machine.py FOLDER COMMAND     needs root; see build-image.sh

FOLDER lands in the guest's /job, where COMMAND runs as root. What it leaves in $VMBENCH_OUT comes back, with the
guest's journal.txt and console.txt. A command that exits 75 reboots the guest and runs again with VMBENCH_BOOT=2, 3...
Likewise after a power cut, which it asks for by making /run/vmbench/power-cut: what it had not synced is lost.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT_OF_TIME, DIED = 124, 125
POWER_CUT = -1


def run(folder: Path, command: str, artifacts: Path, timeout_s: float = 300.0) -> int:
    """Run `command` in a fresh guest; its exit status, OUT_OF_TIME or DIED. Its output: artifacts/output.txt."""
    built = subprocess.run([HERE / "build-image.sh"], check=True, stdout=subprocess.PIPE, text=True)
    kernel, root = built.stdout.split()
    artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vm.") as name:
        share = Path(name) / "share"
        (share / "artifacts").mkdir(parents=True)
        (share / "out").touch()
        (share / "cmd").write_text(command)
        shutil.copytree(folder, share / "in", symlinks=True)
        status, ends_at = POWER_CUT, time.monotonic() + timeout_s
        while status == POWER_CUT:
            (share / "power-cut").unlink(missing_ok=True)
            with _guest(kernel, root, Path(name), share) as guest:
                status = _wait(guest, share, ends_at)
        shutil.copytree(share / "artifacts", artifacts, dirs_exist_ok=True)
        shutil.copy(share / "out", artifacts / "output.txt")
        shutil.copy(Path(name) / "console.txt", artifacts)
    return status


@contextmanager
def _guest(kernel: str, root: str, folder: Path, share: Path) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [
        kernel, f"ubd0={folder}/disk.cow,{root}", "root=/dev/ubda", "rw", "mem=1G", "seccomp=on",
        f"uml_dir={folder}/uml", "umid=vm", "con=null", "con0=null,fd:1", "console=tty0", "panic=-1", "quiet",
        "systemd.show_status=0", "snd_aloop.index=0", "snd_dummy.enable=0", f"vmbench.share={share}",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "TMPDIR": "/dev/shm", "TERM": "linux"}
    with (folder / "console.txt").open("ab") as console:
        guest = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            env=environment, preexec_fn=_die_with_parent,
        )  # fmt: skip
        try:
            yield guest
        finally:
            guest.kill()
            guest.wait()


def _wait(guest: subprocess.Popen[bytes], share: Path, ends_at: float) -> int:
    report = share / "rc"
    while guest.poll() is None and not report.exists():
        if (share / "power-cut").exists():
            return POWER_CUT
        if time.monotonic() > ends_at:
            return OUT_OF_TIME
        time.sleep(0.05)
    return int(report.read_text()) if report.exists() else DIED


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no guest outlives the test


if __name__ == "__main__":
    _artifacts = Path(tempfile.mkdtemp(prefix="vm-artifacts."))
    _status = run(Path(sys.argv[1]), sys.argv[2], _artifacts)
    print((_artifacts / "output.txt").read_text(), f"exit status {_status}; journal and console: {_artifacts}", sep="")
    sys.exit(_status)
