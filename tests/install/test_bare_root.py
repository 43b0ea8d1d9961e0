"""`./run.sh --once` in a bare root of each system that the README promises, with nothing set up before. Minutes.

    BARE_ROOT_CACHE=DIR ./test.sh tests/install/test_bare_root.py       as root; DIR keeps the bare roots

Needs mmdebstrap; for arm64 on another machine also qemu-user-static, with its binfmt entry.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import copy_checkout

SYSTEMS = {"bookworm": "Debian 12, Python 3.11", "trixie": "Debian 13, Python 3.13"}
EMULATORS = {"arm64": Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")}
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
ENTER = """
root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec chroot "$root" "$@"
"""
pytestmark = [
    pytest.mark.skipif(
        "BARE_ROOT_CACHE" not in os.environ or os.geteuid() != 0 or shutil.which("mmdebstrap") is None,
        reason="needs BARE_ROOT_CACHE, root and mmdebstrap",
    ),
    pytest.mark.timeout(4 * 3600),  # emulated on a busy machine, one hour is not enough
]


def bare_root(suite: str, arch: str, folder: Path) -> None:
    """A Debian with nothing but apt, from wherever this machine gets Debian from."""
    kept = Path(os.environ["BARE_ROOT_CACHE"]) / f"{suite}-{arch}.tar"
    if not kept.exists():
        listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True)
        mirror = next(uri for uri in listed.stdout.split() if re.search(r"/debian/?$", uri))
        new = kept.with_suffix(".new.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--arch={arch}", suite, str(new), mirror]
        subprocess.run(command, check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
        new.rename(kept)
    folder.mkdir()
    subprocess.run(["tar", "-xf", kept, "-C", folder, "--exclude=./dev/*"], check=True)
    (folder / "etc/apt/apt.conf.d/80retries").write_text('Acquire::Retries "5";\nAcquire::Languages "none";\n')


def lend_network(folder: Path) -> dict[str, str]:
    """Give the root this machine's way to packages: names, and what pip is told; the environment for it."""
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    told = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    shown = subprocess.run([sys.executable, "-m", "pip", "config", "debug"], capture_output=True, text=True).stdout
    for name in set(re.findall(r"/[^\s',]+", shown)):
        if Path(name).is_file():
            (folder / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, folder / name[1:])
    certificates = re.search(r"cert: (\S+)", shown)
    if certificates:  # a copy that the packages of the root do not replace by their own
        told["PIP_CERT"] = "/root/certificates.pem"
        shutil.copy(certificates[1], folder / "root/certificates.pem")
    return told


@pytest.fixture
def root(suite: str, arch: str, tmp_path: Path) -> Iterator[Path]:
    if arch != NATIVE and not (arch in EMULATORS and EMULATORS[arch].exists()):
        pytest.skip(f"{platform.machine()} cannot run {arch} here")
    folder = tmp_path / "root"
    bare_root(suite, arch, folder)
    yield folder
    shutil.rmtree(folder)  # a gigabyte


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("suite", SYSTEMS)
def test_the_demo_runs_in_a_bare_root(suite: str, arch: str, root: Path) -> None:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **lend_network(root)}
    copy_checkout(root / "root/kiosk-agent")

    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", str(root)]
    began = time.monotonic()
    command = [*enter, "/root/kiosk-agent/run.sh", "--once"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    print(f"{SYSTEMS[suite]}, {arch}: exit {done.returncode} after {time.monotonic() - began:.0f} s")
    print(done.stderr[-4000:], done.stdout[-4000:])
    assert done.returncode == 0
    assert done.stdout.rstrip().splitlines()[-1].startswith("demo: ok")
