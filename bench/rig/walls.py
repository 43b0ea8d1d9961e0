"""A box's own view of the files: a read-only system, small disks of its own, name servers of its own.

It lives in a mount namespace that a process holds, which ends with this one: nothing has to be taken down. Needs root.
"""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISK_BYTES = 1 << 20
PIECE = bytes(4096)
SCRIPT = """
set -e
mount --bind "$1" /etc/resolv.conf
shift
for disk; do mount -t tmpfs -o size={size},mode=700 box "$disk"; done
mount -o remount,bind,ro /
echo standing
exec cat
"""


class Walls:
    """What stands around the processes that are started with `around`."""

    def __init__(self, around: Sequence[str], name_servers: Path, disks: Sequence[Path]) -> None:
        """Begin within another command's namespaces, such as those of a network."""
        for disk in disks:
            disk.mkdir(parents=True, exist_ok=True)
        script = SCRIPT.format(size=DISK_BYTES)
        command = [*around, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "walls"]
        self._keeper = subprocess.Popen([*command, str(name_servers), *map(str, disks)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"standing\n":
            raise RuntimeError("the box's view of the files cannot be made")

    @property
    def around(self) -> tuple[str, ...]:
        """The beginning of a command that shall run within."""
        return ("nsenter", "--target", str(self._keeper.pid), "--mount", "--net", f"--wdns={ROOT}", "--")

    def seen(self, path: Path) -> Path:
        """Return where a file within is found from outside."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    def fill(self, disk: Path) -> None:
        """Leave no room on a disk."""
        with (self.seen(disk) / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(PIECE)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self, disk: Path) -> None:
        """Leave room again."""
        (self.seen(disk) / "filler").unlink(missing_ok=True)

    def forbid(self, disk: Path) -> None:
        """Let nobody write on a disk."""
        self._run("mount", "-o", "remount,ro", str(disk))

    def allow(self, disk: Path) -> None:
        """Let them write again."""
        self._run("mount", "-o", "remount,rw", str(disk))

    def close(self) -> None:
        """Let everything within go; idempotent."""
        self._keeper.kill()
        self._keeper.communicate()

    def _run(self, *words: str) -> None:
        subprocess.run([*self.around, *words], check=True, capture_output=True)
