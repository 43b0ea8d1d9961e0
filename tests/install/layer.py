"""A system in a layer that is thrown away: what is done to it, nobody else sees."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.install.bare_roots import PATH

NAME = "kiosk-agent"
OPT = f"/opt/{NAME}"
# A layer over a system, without this checkout, this user's files, a compiler or a network.
LAYER = r"""
set -e
root=$1/root checkout=$2 lower=$3
mount -t tmpfs tmpfs "$1"
mkdir "$root" "$1/upper" "$1/work"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$1/upper,workdir=$1/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for hidden in /run /tmp /root /home "$checkout"; do [ ! -d "$root$hidden" ] || mount -t tmpfs tmpfs "$root$hidden"; done
rm -f "$root"/usr/bin/cc "$root"/usr/bin/*gcc*
ip link set lo up
echo made
read -r end
"""


class Box:
    """A Debian of its own."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.root = folder / "root"
        self._process = process

    def run(self, *words: str, status: int = 0, **environment: str) -> str:
        enter = ["nsenter", f"--target={self._process.pid}", "--mount", "--net", "chroot", str(self.root)]
        plain = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **environment}
        done = subprocess.run([*enter, *words], env=plain, capture_output=True, text=True, timeout=300)
        assert done.returncode == status, f"{words}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def install(self, package: Path, status: int = 0, **environment: str) -> str:
        with package.open("rb") as file:  # the folder that it lies in is not there
            self.write(f"/run/{package.name}", file.read())
        return self.run("dpkg", "--force-unsafe-io", "-i", f"/run/{package.name}", status=status, **environment)

    def write(self, path: str, text: str | bytes) -> None:
        enter = ["nsenter", f"--target={self._process.pid}", "--mount", "tee", f"{self.root}{path}"]
        data = text.encode() if isinstance(text, str) else text
        subprocess.run(enter, input=data, stdout=subprocess.DEVNULL, check=True)

    def read(self, path: str) -> str:
        return self.run("cat", path)

    def unpack(self, folder: Path, into: str) -> None:
        """Copy a folder of this machine."""
        packed = subprocess.run(["tar", "-C", folder, "-c", "."], check=True, capture_output=True).stdout
        self.write("/run/unpacked.tar", packed)
        self.run("mkdir", "-p", into)
        self.run("tar", "-C", into, "--no-same-owner", "-xf", "/run/unpacked.tar")

    def has(self, path: str) -> bool:
        return self.run("sh", "-c", 'test -e "$1" && echo yes || echo no', "sh", path) == "yes\n"

    def named(self, link: str) -> str:
        return self.run("sh", "-c", f"basename $(readlink {OPT}/{link})").strip()

    @property
    def version(self) -> str:
        return self.run(NAME, "--version").split()[-1]

    @property
    def state(self) -> str:
        return self.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", NAME)

    def traces(self) -> list[str]:
        """Every file of its name, but for those that dpkg keeps of each package."""
        found = self.run("find", "/etc", "/opt", "/usr", "/var", "-xdev", "-name", f"*{NAME}*")
        return sorted(path for path in found.splitlines() if not path.startswith("/var/lib/dpkg/"))


@contextmanager
def layer_over(lower: Path, folder: Path) -> Iterator[Box]:
    """Open a layer over the system in `lower`, in the empty `folder`."""
    command = ["unshare", "--mount", "--net", "sh", "-c", LAYER, "sh", folder, Path(__file__).parents[2], lower]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command, **pipes, text=True)
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline() != "made\n":
        pytest.skip(f"needs overlayfs: {process.stderr.read()}")
    yield Box(folder, process)
    process.communicate("end\n", timeout=60)
