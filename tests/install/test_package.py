"""The Debian package on a system of its own: installed without compiler and network, run, updated, taken back, removed.

The system is this one, in a layer that is thrown away: what the package does to it, nobody else sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.install.packages import HAS_VENV, build, later

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not HAS_VENV or not all(map(shutil.which, ("dpkg-deb", "unshare", "nsenter", "gcc"))),
        reason="needs root, a Debian with python3-venv, and a compiler to make the package with",
    ),
    pytest.mark.timeout(600),  # of which making the package takes most
]
NAME = "kiosk-agent"
OPT = f"/opt/{NAME}"
FIRST_CUT, BETWEEN_CUTS = 5, 38  # steps of a script
# A layer over this system, without this checkout, this user's files, a compiler or a network.
LAYER = r"""
set -e
root=$1/root checkout=$2
mount -t tmpfs tmpfs "$1"
mkdir "$root" "$1/upper" "$1/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for hidden in /run /tmp /root /home "$checkout"; do mount -t tmpfs tmpfs "$root$hidden"; done
rm -f "$root"/usr/bin/cc "$root"/usr/bin/*gcc*
ip link set lo up
echo made
read -r end
"""
# Kills a script of the package before its step number CUT_AT.
CUT = r"""
set -T
steps=0
trap '[ $BASH_SUBSHELL != 0 ] || [ $((++steps)) != "$CUT_AT" ] || kill -9 $$' DEBUG
"""
SETTINGS = """
[box]
identity = "gate"
pins = "mock"
[sound]
driver = "none"
[token]
url = "https://tokens.example.org/"
[page]
enabled = false
"""


class Box:
    """A Debian of its own."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.root = folder / "root"
        self._process = process

    def run(self, *words: str, status: int = 0, **environment: str) -> str:
        enter = ["nsenter", f"--target={self._process.pid}", "--mount", "--net", "chroot", str(self.root)]
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", **environment}
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


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "system"
    folder.mkdir()
    command = ["unshare", "--mount", "--net", "sh", "-c", LAYER, "sh", str(folder), str(Path(__file__).parents[2])]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command, **pipes, text=True)
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline() != "made\n":
        pytest.skip(f"needs overlayfs: {process.stderr.read()}")
    yield Box(folder, process)
    process.communicate("end\n", timeout=60)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


def test_a_box_lives_with_the_package(package: Path, box: Box) -> None:
    first = package.name.split("_")[1].partition("+")[0]
    before = set(box.traces())

    with ThreadPoolExecutor(1) as aside:  # a call takes its time, and leaves the processor to the next package
        update = aside.submit(later, package, "7.1")
        installs(box, package, first)
        plays_a_call(box)
    is_updated_though_it_is_cut(box, update.result(), first)
    goes_back_and_forth(box, package, first)
    is_removed(box, before)


def installs(box: Box, package: Path, version: str) -> None:
    assert "gcc" not in box.run("ls", "/usr/bin").split()

    told = box.install(package)

    assert "not compiled" not in told
    assert box.version == version
    assert box.state.startswith(f"installed {version}+deb")
    assert box.run("stat", "-c", "%a %U %G", "/etc/kiosk-agent/config.toml") == "640 root kiosk-agent\n"
    assert box.has("/etc/systemd/system/multi-user.target.wants/kiosk-agent.service")
    assert not box.has("/etc/systemd/system/multi-user.target.wants/kiosk-agent-switchboard.service")
    for unit in ("kiosk-agent.service", "kiosk-agent-door.socket", "kiosk-agent-switchboard.service"):
        assert "[Unit]" in box.read(f"/usr/lib/systemd/system/{unit}")
    assert box.run("dpkg", "--verify", NAME) == ""


def plays_a_call(box: Box) -> None:
    """As the service's user, with all that is built by a compiler."""
    box.write("/etc/kiosk-agent/config.d/50-box.toml", SETTINGS)
    assert box.run(NAME, "check").endswith("/etc/kiosk-agent/config.toml: ok\n")

    python = f"{OPT}/current/bin/python"
    assert box.run(python, "-c", "from agent.media.native.core import verdict; print(verdict().why)") == "\n"
    box.run("install", "-d", "-o", NAME, "/run/demo")
    as_user = ("runuser", "-u", NAME, "--", "env", "-C", "/run/demo", "HOME=/run/demo")
    told = box.run(*as_user, NAME, "demo", "--quick", "--state-dir", "/run/demo/state")
    assert told.rstrip().splitlines()[-1].startswith("demo: ok")


def is_updated_though_it_is_cut(box: Box, update: Path, first: str) -> None:
    """The power fails in the middle of it, several times; what its owner wrote stays.

    When it does follows from what is in the package: each change of that tries other moments, none is always left out.
    """
    own = f"# mine\n{box.read('/etc/kiosk-agent/config.toml')}"
    box.write("/etc/kiosk-agent/config.toml", own)
    box.write("/run/cut.sh", CUT)
    box.write("/run/update.deb", update.read_bytes())
    box.run("dpkg", "--force-unsafe-io", "--unpack", "/run/update.deb")
    assert box.version == first

    cuts, moment = 0, int(box.named("current").rpartition("-")[2], 16)
    for at in range(FIRST_CUT + moment % BETWEEN_CUTS, 500, BETWEEN_CUTS):
        words = ("sh", "-c", "dpkg --configure kiosk-agent >&2 || echo cut")
        was_cut = box.run(*words, BASH_ENV="/run/cut.sh", CUT_AT=str(at)).startswith("cut\n")
        assert box.has(f"{OPT}/current/complete"), f"step {at}"
        if not was_cut:
            break
        cuts += 1
    assert cuts > 2
    box.run("dpkg", "--configure", "-a")

    assert (box.version, box.state) == ("7.1", "installed 7.1")
    assert box.read("/etc/kiosk-agent/config.toml") == own
    assert box.read("/etc/kiosk-agent/config.d/50-box.toml") == SETTINGS
    assert box.named("previous").startswith(f"{first}-")  # though it is no part of the package any more
    assert box.run(f"{OPT}/previous/bin/{NAME}", "--version").split()[-1] == first


def goes_back_and_forth(box: Box, package: Path, first: str) -> None:
    update = box.named("current")
    box.run(NAME, "rollback")
    assert box.version == first

    box.run("ln", "-s", f"releases/{update}", f"{OPT}/refused")  # as a trial that failed leaves it
    assert "not tried again" in box.run("dpkg-reconfigure", NAME)
    assert box.version == first
    box.run("rm", f"{OPT}/refused")
    box.run("dpkg-reconfigure", NAME)
    assert box.version == "7.1"

    box.install(package)
    assert (box.version, box.state.split("+")[0]) == (first, f"installed {first}")


def is_removed(box: Box, before: set[str]) -> None:
    refused = box.run(NAME, "uninstall", status=1)
    assert "apt-get remove" in refused

    box.run("dpkg", "--remove", NAME)

    assert set(box.traces()) - before == {"/etc/kiosk-agent"}
    assert box.run("stat", "-c", "%a %U %G", "/etc/kiosk-agent/config.toml") == "640 root root\n"
    assert "# mine" in box.read("/etc/kiosk-agent/config.toml")
    assert NAME not in box.read("/etc/passwd")

    box.run("dpkg", "--purge", NAME)

    assert set(box.traces()) == before
